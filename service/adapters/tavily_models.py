"""The wire of Tavily's search and extract, as its Python client sends and reads it.

What the protocol has and this service has not is accepted and said so in its description; a filter that could not be
kept (`exact_match`) is refused.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from authority_search.models import NUMBER, Day, Flag, Name, QueryText, Reply

MAX_RESULTS = 100
DEFAULT_RESULTS = 5
MAX_URLS = 100
MAX_DOMAINS = 5000

Unused = Annotated[Any, Field(description="Accepted and without effect")]
Domains = Annotated[list[Name], Field(max_length=MAX_DOMAINS)]


class TavilyRequest(BaseModel):
    """Base of both requests. Clients send null for what is not set, and newer ones fields that are unknown here."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    include_images: Annotated[Any, Field(description="Accepted; there are no images: `images` is empty")] = None
    include_favicon: Annotated[Any, Field(description="Accepted; `favicon` is null")] = None
    include_usage: Annotated[Flag | None, Field(description="Adds `usage`; nothing is charged")] = None


class TavilySearch(TavilyRequest):
    """Body of `POST /search`."""

    query: QueryText
    search_depth: Annotated[
        Literal["basic", "advanced", "fast", "ultra-fast"] | None,
        Field(description="advanced: up to `chunks_per_source` passages of each page; else the best one"),
    ] = None
    chunks_per_source: Annotated[int | None, Field(ge=1, le=3, description="For advanced; default 3"), NUMBER] = None
    max_results: Annotated[int | None, Field(ge=0, le=MAX_RESULTS, description="Pages; default 5"), NUMBER] = None
    topic: Annotated[
        Literal["general", "news", "finance"] | None,
        Field(description="news, finance: only sources of the profile of that name, where there is one"),
    ] = None
    time_range: Annotated[
        Literal["day", "week", "month", "year", "d", "w", "m", "y"] | None,
        Field(description="Only pages published since then (1, 7, 30, 365 days); undated pages are left out"),
    ] = None
    days: Annotated[int | None, Field(ge=1, le=36_500, description="As time_range, in days"), NUMBER] = None
    start_date: Annotated[Day | None, Field(description="Only pages published on this day or later")] = None
    end_date: Annotated[Day | None, Field(description="Only pages published on this day or earlier")] = None
    include_domains: Annotated[
        Domains | None,
        Field(description="Only pages under these hosts with their subdomains, or under host/path; empty: all"),
    ] = None
    exclude_domains: Annotated[Domains | None, Field(description="No pages under these")] = None
    include_domains_mode: Annotated[
        Literal["restrict", "prefer"] | None,
        Field(description="prefer: `include_domains` excludes nothing, and is without effect"),
    ] = None
    include_raw_content: Annotated[
        Flag | Literal["markdown", "text"] | None,
        Field(description="Adds the page's text, up to 100,000 tokens, headings as in markdown"),
    ] = None
    language: Annotated[str | None, Field(max_length=100, description="Used with filter_by_language")] = None
    filter_by_language: Annotated[Flag | None, Field(description="Only passages in `language`, an ISO 639-1 code")] = (
        None
    )
    exact_match: Annotated[
        Literal[False] | None, Field(description="Not to be had: true is refused, since it would not be kept")
    ] = None
    include_answer: Annotated[Any, Field(description="Accepted; `answer` is null: no model writes here")] = None
    include_image_descriptions: Unused = None
    country: Unused = None
    auto_parameters: Unused = None
    safe_search: Unused = None
    max_age_hours: Unused = None
    fetch_timeout: Unused = None
    cache_fallback: Unused = None


class TavilyExtract(TavilyRequest):
    """Body of `POST /extract`. Pages come from the snapshot; nothing is fetched."""

    urls: Annotated[
        str | Annotated[list[str], Field(min_length=1, max_length=MAX_URLS)],
        Field(description="One URL or several; a passage id opens the passage with its neighbours"),
    ]
    extract_depth: Unused = None
    format: Annotated[Any, Field(description="Accepted; always text with headings as in markdown")] = None
    query: Annotated[Any, Field(description="Accepted; the whole page is given, not passages of it")] = None
    chunks_per_source: Unused = None
    timeout: Unused = None


class TavilyUsage(Reply):
    """What a call cost: nothing."""

    credits: int = 0


class TavilyHit(Reply):
    """One page with its best passages; `source` and `authority` are this service's own."""

    title: str
    url: str
    content: Annotated[str, Field(description="Passages, parted by ` [...] `")]
    score: float
    raw_content: str | None = None
    favicon: None = None
    published_date: str | None = None
    source: str
    authority: float


class TavilySearchReply(Reply):
    """Reply of `POST /search`."""

    query: str
    follow_up_questions: None = None
    answer: None = None
    images: list[str] = Field(default_factory=list)
    results: list[TavilyHit]
    response_time: float
    request_id: str
    usage: TavilyUsage | None = None


class TavilyPage(Reply):
    """One extracted page."""

    url: str
    title: str
    raw_content: str
    images: list[str] = Field(default_factory=list)
    favicon: None = None


class TavilyFailure(Reply):
    """A URL that could not be extracted, and why."""

    url: str
    error: str


class TavilyExtractReply(Reply):
    """Reply of `POST /extract`."""

    results: list[TavilyPage]
    failed_results: list[TavilyFailure]
    response_time: float
    request_id: str
    usage: TavilyUsage | None = None


class TavilyDetail(Reply):
    """Where the client looks for the message."""

    error: str


class TavilyError(Reply):
    """Error body of `/search` and `/extract`; a wrong request has status 400."""

    detail: TavilyDetail
    error_type: str
