"""The wire models of the HTTP API: the one definition that service and client share.

Requests refuse unknown fields, so that a misspelt option is an error and never silently ignored. Replies
allow them, so that an older client reads a newer service.
"""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

MAX_QUERIES = 2560
MAX_QUERY_CHARACTERS = 8192
MAX_TARGETS = 100

Authority = Literal["off", "tie", "boost"]
Undated = Literal["keep", "drop"]
Arm = Literal["lexical", "dense"]
Part = Literal["lexical", "dense", "reranker"]
DateField = Literal["published", "modified", "crawled", "changed"]


# Everything below U+0020 but tab, line feed and carriage return, DEL, and the C1 controls.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# What `clean_text` takes, for readers of the schema: a visible character, and no control character.
_ALLOWED = r"[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]*"
_CLEAN = rf"^{_ALLOWED}[^\x00-\x20\x7F-\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]{_ALLOWED}$"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def without_controls(text: str) -> str:
    """`text` with a space for each control character that `clean_text` would refuse."""
    return _CONTROL.sub(" ", text)


def clean_text(text: str) -> str:
    """`text` without surrounding space. Raises ValueError for control characters, and when nothing is left."""
    if control := _CONTROL.search(text):
        code = ord(control.group())
        raise ValueError(f"character {control.start()} is the control character U+{code:04X}; remove it")
    text = text.strip()
    if not text:
        raise ValueError("the text is empty; send at least one visible character")
    return text


def _written_day(value: object) -> object:
    # Pydantic would also read a number, and the text "0", as seconds since 1970.
    if isinstance(value, date) or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise ValueError("a day is written YYYY-MM-DD, such as 2024-01-31")


def _written_number(value: object) -> object:
    if isinstance(value, bool | str):
        raise PydanticCustomError("number_as_text", "a number is written without quotes, such as 5")
    return value


_SCHEMA = {"minLength": 1, "pattern": _CLEAN}

QueryText = Annotated[
    str,
    StringConstraints(max_length=MAX_QUERY_CHARACTERS),
    AfterValidator(clean_text),
    Field(json_schema_extra={**_SCHEMA}),
]
Name = Annotated[
    str, StringConstraints(max_length=2048), AfterValidator(clean_text), Field(json_schema_extra={**_SCHEMA})
]
# JSON has numbers and booleans of its own: neither "5" nor true is a number of hits, and 1 is no yes. This one goes
# after the bounds of a number: before them, they would be missing in the schema.
NUMBER = BeforeValidator(_written_number)
Flag = Annotated[bool, Field(strict=True)]
Day = Annotated[date, BeforeValidator(_written_day)]


class Request(BaseModel):
    """Base of all request bodies."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reply(BaseModel):
    """Base of all reply bodies."""

    model_config = ConfigDict(extra="allow", frozen=True)


class SourceFilter(Request):
    """Which sources may answer: ids as `GET /sources` lists them. Exclusion wins over inclusion.

    Domains are matched on the URL of each page, whatever source it belongs to: `who.int` with all hosts below it,
    `who.int/data` with what lies under that path. One without pages lets nothing through.
    """

    include: Annotated[list[Name], Field(max_length=5000, description="Source ids")] = []
    exclude: Annotated[list[Name], Field(max_length=5000, description="Source ids")] = []
    include_domains: Annotated[list[Name], Field(max_length=5000, description="Only pages under these domains")] = []
    exclude_domains: Annotated[list[Name], Field(max_length=5000, description="No pages under these domains")] = []


class DateFilter(Request):
    """Keep pages whose date lies in [from, to], both days included."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    field: DateField = "published"
    from_: Annotated[Day | None, Field(alias="from", description="First day, ISO 8601")] = None
    to: Annotated[Day | None, Field(description="Last day, ISO 8601")] = None
    undated: Annotated[Undated, Field(description="What to do with pages that carry no such date")] = "keep"

    @model_validator(mode="after")
    def _ordered(self) -> "DateFilter":
        if self.from_ and self.to and self.from_ > self.to:
            raise ValueError(f"dates are reversed: from {self.from_} is after to {self.to}; swap them")
        return self


class SearchRequest(Request):
    """Body of `POST /batch_search`. The options hold for every query of the batch."""

    queries: Annotated[list[QueryText], Field(min_length=1, max_length=MAX_QUERIES)]
    top_k: Annotated[int, Field(ge=1, le=100, description="Most hits per query"), NUMBER] = 10
    profile: Annotated[Name | None, Field(description="Named selection of sources")] = None
    sources: SourceFilter = SourceFilter()
    dates: DateFilter | None = None
    languages: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]],
        Field(max_length=50, description="ISO 639-1 codes; empty means all"),
    ] = []
    authority: Annotated[
        Authority,
        Field(
            description="off: relevance only; tie: the trusted source first among comparable hits; "
            "boost: authority is added to relevance"
        ),
    ] = "tie"
    max_tokens: Annotated[
        int | None,
        Field(ge=16, le=1_000_000, description="Most tokens of passage text per query; null means no limit"),
        NUMBER,
    ] = 2048
    max_per_page: Annotated[
        int | None, Field(ge=1, le=100, description="Most hits from one page; null means no limit"), NUMBER
    ] = 3
    max_per_source: Annotated[
        int | None, Field(ge=1, le=100, description="Most hits from one source; null means no limit"), NUMBER
    ] = None
    explain: Annotated[Flag, Field(description="Give each hit its scores and what authority changed")] = True


class DateEvidence(Reply):
    """A date and where it came from, such as `http:last-modified`."""

    value: str
    origin: str


class Dates(Reply):
    """The dates of a page, each separate evidence; null where the page gave none."""

    published: DateEvidence | None = None
    modified: DateEvidence | None = None
    crawled: DateEvidence | None = None
    changed: DateEvidence | None = None


class SourceInfo(Reply):
    """A source of the domain list."""

    id: str
    name: str
    sector: str
    country: str
    language: str
    kind: str
    tier: int
    authority: float


class ArmScore(Reply):
    """What one arm said of a hit. `rank` (from 1) is null and `raw` may be null where the arm did not return it."""

    raw: float | None
    rank: int | None
    normalised: float


class Explanation(Reply):
    """Why a hit stands where it stands: hits sort by (band, authority, score, passage id)."""

    lexical: ArmScore
    dense: ArmScore
    fused: Annotated[
        float,
        Field(
            description="Weighted sum of the normalised scores; where the reranker read the text, its normalised score "
            "instead, raised above all texts it did not read; with authority=boost the added authority is included"
        ),
    ]
    reranker: Annotated[
        float | None, Field(description="What the reranker gave the text; null where it did not read it, or is off")
    ] = None
    band: Annotated[int, Field(description="0 is the best; hits of one band count as comparable")]
    rank_without_authority: Annotated[int, Field(description="Rank among the candidates when authority is off, from 1")]
    authority_moved: Annotated[int, Field(description="Places that authority moved the hit up (+) or down (-)")]


class Hit(Reply):
    """One passage of a reply."""

    rank: int
    passage_id: str
    url: str
    title: str
    heading_path: list[str]
    text: str
    tokens: int
    truncated_tokens: Annotated[int, Field(description="Tokens cut from the end of the text by max_tokens")] = 0
    ordinal: int
    start: int
    end: int
    language: str
    source: SourceInfo
    dates: Dates
    score: float
    also_at: Annotated[
        list[str], Field(description="Other URLs that carry the same or nearly the same text, the most trusted first")
    ] = []
    explanation: Explanation | None = None


class Degraded(Reply):
    """A part that failed, and why. Of an arm, the other arm's hits stand alone; of the reranker, the first order."""

    arm: Part
    reason: str

    @property
    def part(self) -> str:
        """What failed, in words."""
        return self.arm if self.arm == "reranker" else f"{self.arm} arm"


class QueryResult(Reply):
    """The reply to one query. `status` is "empty" where nothing matched, which is not an error."""

    query: str
    status: Literal["ok", "empty"]
    hits: list[Hit]
    candidates: Annotated[
        int, Field(description="Candidates that were ranked, at a depth that does not depend on top_k")
    ]
    folded: Annotated[int, Field(description="Candidates folded into a hit with the same or nearly the same text")] = 0
    capped: Annotated[int, Field(description="Candidates left out by max_per_page and max_per_source")] = 0
    omitted: Annotated[int, Field(description="Hits within top_k left out by max_tokens")] = 0


class SearchReply(Reply):
    """Reply of `POST /batch_search`: one result per query, in the order of the queries."""

    snapshot: str
    results: list[QueryResult]
    excluded_passages: Annotated[int, Field(description="Passages of the snapshot that the filters kept out")]
    undated_kept: Annotated[int, Field(description="Passages without the date asked for that the date filter kept")] = 0
    degraded: list[Degraded] = []


class OpenRequest(Request):
    """Body of `POST /batch_open`: pages by URL, or passages by id with their neighbours."""

    targets: Annotated[list[Name], Field(min_length=1, max_length=MAX_TARGETS, description="URLs or passage ids")]
    offset: Annotated[
        int, Field(ge=0, description="Tokens of the text to skip, for the next part of a long page"), NUMBER
    ] = 0
    max_tokens: Annotated[int, Field(ge=16, le=100_000, description="Most tokens of text per target"), NUMBER] = 2048
    neighbours: Annotated[
        int, Field(ge=0, le=50, description="Passages before and after an opened passage"), NUMBER
    ] = 1


class OpenResult(Reply):
    """One opened target. `next_offset` is null when the text ended; `error` says why nothing was opened."""

    target: str
    status: Literal["ok", "not_found"]
    url: str | None = None
    title: str | None = None
    text: str = ""
    tokens: int = 0
    total_tokens: int = 0
    offset: int = 0
    next_offset: int | None = None
    source: SourceInfo | None = None
    dates: Dates | None = None
    error: str | None = None


class OpenReply(Reply):
    """Reply of `POST /batch_open`, in the order of the targets."""

    snapshot: str
    results: list[OpenResult]


class SourceRow(SourceInfo):
    """A source and what the live snapshot holds of it."""

    pages: int
    passages: int


class SourcesReply(Reply):
    """Reply of `GET /sources`."""

    snapshot: str
    sources: list[SourceRow]
    profiles: dict[str, str]


class CoverageLine(Reply):
    """One line of the coverage report: a source, a sector, a tier, or all.

    `pages` and `passages` are those that would be published, `gone` pages that left their site. `age_days` is the
    median time since a page was last looked at, `oldest_days` the longest; None where there is no page. `errors` and
    `denied` (by robots.txt) are of the newest run of each source, `failing` the sources that gave nothing but errors
    in it. `hindrances` counts sources by what the list says that a crawler meets there: paywall, javascript ...
    """

    name: str
    sources: int
    pages: int
    passages: int
    gone: int
    age_days: float | None
    oldest_days: float | None
    errors: int
    denied: int
    failing: int
    hindrances: dict[str, int] = {}


class CoverageReply(Reply):
    """Reply of `GET /coverage`, made by the last refresh. Of the `listed` sources those crawled have lines."""

    made: str
    listed: int
    total: CoverageLine
    tiers: list[CoverageLine]
    sectors: list[CoverageLine]
    sources: list[CoverageLine]


class Health(Reply):
    """Reply of `GET /health`: the process is alive."""

    status: Literal["ok"]
    version: str


class Readiness(Reply):
    """Reply of `GET /ready`: a snapshot is open and its encoder loaded."""

    status: Literal["ready", "starting"]
    snapshot: str | None = None
    passages: int = 0
    encoder: str | None = None
    reranker: str | None = None
    reason: str | None = None


class ErrorReply(Reply):
    """The one shape of every error body."""

    error: str
    error_type: str
