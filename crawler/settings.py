"""Settings of the crawl and of passages. `service.settings` joins them into the one table."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator


class CrawlSettings(BaseModel):
    """How pages are fetched."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contact: Annotated[
        str,
        Field(
            description="E-mail address or URL put into the user agent, so that site owners can reach you; "
            "required to crawl anything but loopback"
        ),
    ] = ""
    max_pages: Annotated[int, Field(ge=1, description="Pages fetched per run and source")] = 1000
    max_depth: Annotated[int, Field(ge=0, description="Links followed from a start URL")] = 5
    max_source_bytes: Annotated[
        int, Field(ge=0, description="Bytes of bodies fetched per run and source; 0: no limit")
    ] = 1_000_000_000
    max_source_minutes: Annotated[float, Field(ge=0, description="Minutes spent per run and source; 0: no limit")] = 0.0
    max_run_pages: Annotated[int, Field(ge=0, description="Pages fetched per run; 0: no limit")] = 0
    max_run_bytes: Annotated[int, Field(ge=0, description="Bytes of bodies fetched per run; 0: no limit")] = 0
    max_run_minutes: Annotated[float, Field(ge=0, description="Minutes of fetching per run; 0: no limit")] = 0.0
    daily_share: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Largest share of a host's pages asked for again within 24 hours; 100 always may; 0: no limit",
        ),
    ] = 0.5
    max_bytes: Annotated[
        int, Field(ge=1024, description="Largest response body, in bytes; a longer one is dropped")
    ] = 10_000_000
    delay: Annotated[
        float,
        Field(ge=0, description="Seconds between two requests to one host; a larger Crawl-delay in robots.txt wins"),
    ] = 1.0
    concurrency: Annotated[
        int, Field(ge=1, le=256, description="Requests under way at once, over all hosts; one at a time per host")
    ] = 16
    timeout: Annotated[float, Field(gt=0, description="Seconds until a request is given up")] = 30.0
    retries: Annotated[int, Field(ge=0, description="Times a failed request is tried again")] = 2
    allow_private_addresses: Annotated[
        bool, Field(description="Fetch from private, loopback and link-local addresses (tests, intranets)")
    ] = False


class RefreshSettings(BaseModel):
    """How often a page is asked for again, and when a refresh must not publish by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_days: Annotated[
        float, Field(ge=0, description="Days until a new page of a source of authority 0.5 is asked for again")
    ] = 7.0
    min_days: Annotated[float, Field(ge=0, description="A page is never asked for again sooner")] = 1.0
    max_days: Annotated[float, Field(ge=0, description="A page is asked for again no later")] = 60.0
    max_lost_share: Annotated[
        float,
        Field(ge=0, le=1, description="Share of the live snapshot's passages that may be lost without --force"),
    ] = 0.1

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> "RefreshSettings":
        if self.min_days > self.max_days:
            raise ValueError("refresh.min_days must not be more than refresh.max_days")
        return self


class PassageSettings(BaseModel):
    """How pages are cut into passages. Token counts are those of `index.tokens.count_tokens`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_tokens: Annotated[
        int, Field(ge=1, description="A shorter passage is merged with its neighbour under the same heading")
    ] = 60
    max_tokens: Annotated[int, Field(ge=16, le=480, description="A longer passage is cut at sentence ends")] = 240
    boilerplate_pages: Annotated[
        int, Field(ge=2, description="A block is boilerplate from this many pages of its host on ...")
    ] = 5
    boilerplate_share: Annotated[
        float, Field(gt=0, le=1, description="... if they are at least this share of the host's pages")
    ] = 0.1

    @model_validator(mode="after")
    def _range_is_ordered(self) -> "PassageSettings":
        if self.min_tokens * 2 > self.max_tokens:
            raise ValueError("passages.max_tokens must be at least twice passages.min_tokens")
        return self
