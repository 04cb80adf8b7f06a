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
