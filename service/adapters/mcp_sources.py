"""The tool `list_sources`: which sources there are, a readable number of them at a time."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from authority_search.models import NUMBER, Reply, SourceRow, SourcesReply


class ListSources(BaseModel):
    """Arguments of the tool."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contains: Annotated[
        str | None,
        Field(max_length=200, description="Only sources with this in their id, name, sector, kind or country"),
    ] = None
    limit: Annotated[int | None, Field(ge=1, le=2000, description="Most sources to list. Default 50."), NUMBER] = None


class SourceListing(Reply):
    """Its structured content: the sources asked for, those with indexed pages and the most trusted first."""

    snapshot: str
    profiles: dict[str, str]
    matching: int
    sources: list[SourceRow]


DEFAULT_LIMIT = 50


def list_sources(reply: SourcesReply, wanted: ListSources) -> tuple[str, SourceListing]:
    """The listing as text for a model and as data."""
    needle = (wanted.contains or "").casefold()
    matching = [source for source in reply.sources if needle in _described(source).casefold()]
    matching.sort(key=lambda source: (source.passages == 0, source.tier, -source.authority, source.id))
    shown = matching[: wanted.limit or DEFAULT_LIMIT]
    listing = SourceListing(snapshot=reply.snapshot, profiles=reply.profiles, matching=len(matching), sources=shown)
    return _rendered(listing), listing


def _described(source: SourceRow) -> str:
    return " ".join((source.id, source.name, source.sector, source.kind, source.country))


def _rendered(listing: SourceListing) -> str:
    lines = ["## Profiles", *(f"{name}: {about}" for name, about in listing.profiles.items()), ""]
    lines.append(f"## Sources ({len(listing.sources)} of {listing.matching})")
    lines += [
        f"{one.id}: {one.name}; {one.kind}, {one.sector}, {one.country}; tier {one.tier}, authority "
        f"{one.authority:.2f}; {one.pages} pages, {one.passages} passages"
        for one in listing.sources
    ]
    if len(listing.sources) < listing.matching:
        lines.append("(More sources match; name a narrower `contains`, or raise `limit`.)")
    return "\n".join(lines)
