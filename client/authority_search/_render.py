"""Replies as compact text that a model can read and cite from.

Text of pages is quoted line by line with "> ", so that nothing in it can pass for the tool's own words.
"""

from collections.abc import Iterable, Iterator

from authority_search.models import (
    Dates,
    Degraded,
    Hit,
    OpenReply,
    OpenResult,
    QueryResult,
    SearchReply,
    SourceInfo,
)

_OTHER_ARM = {"dense": "lexical", "lexical": "dense"}


def render_search(reply: SearchReply) -> str:
    """All results of a batch, each query under its own heading."""
    parts = [_warning(degraded) for degraded in reply.degraded]
    if reply.undated_kept:
        parts.append(f"Note: the date filter kept {reply.undated_kept} passages that carry no such date.")
    for number, result in enumerate(reply.results, start=1):
        parts.append(_query(number, result, reply.excluded_passages))
    return "\n\n".join(parts)


def render_open(reply: OpenReply) -> str:
    """All opened targets, each under its own heading."""
    return "\n\n".join("\n".join(_opened(result)) for result in reply.results)


def _warning(degraded: Degraded) -> str:
    if degraded.arm == "reranker":
        return f"Warning: the reranker did not answer ({_line(degraded.reason)}); the best hit may not stand first."
    return (
        f"Warning: the {degraded.arm} search did not answer ({_line(degraded.reason)}); the hits rest on the "
        f"{_OTHER_ARM[degraded.arm]} search alone and may miss passages."
    )


def _query(number: int, result: QueryResult, excluded: int) -> str:
    heading = f"## Query {number}: {_line(result.query)}"
    if result.status == "empty":
        filtered = f" or fewer filters (they keep out {excluded} passages)" if excluded else ""
        return f"{heading}\nNo passage matched. Try other words{filtered}."
    blocks = [heading, *("\n".join(_hit(hit)) for hit in result.hits)]
    if result.omitted:
        blocks.append(f"({result.omitted} more hits left out by max_tokens; raise it to see them.)")
    return "\n\n".join(blocks)


def _hit(hit: Hit) -> Iterator[str]:
    yield f"[{hit.rank}] {_line(hit.title) or '(untitled)'}"
    yield f"url: {hit.url}"
    yield f"source: {_source(hit.source)}"
    yield from _dates(hit.dates)
    if hit.heading_path:
        yield f"section: {_line(' > '.join(hit.heading_path))}"
    yield f"passage: {hit.passage_id}"
    yield _quoted(hit.text)
    if hit.truncated_tokens:
        yield f"({hit.truncated_tokens} tokens cut here; open the passage to read them.)"
    if hit.also_at:
        yield f"also at: {' '.join(hit.also_at)}"


def _opened(result: OpenResult) -> Iterator[str]:
    yield f"## {_line(result.title or '') or _line(result.target)}"
    if result.status == "not_found":
        yield f"Not found: {_line(result.error or 'no such page or passage')}"
        yield "Copy a url or passage id from a search result; only pages of the index can be opened."
        return
    yield f"url: {result.url}"
    if result.source:
        yield f"source: {_source(result.source)}"
    if result.dates:
        yield from _dates(result.dates)
    yield f"tokens: {result.offset} to {result.offset + result.tokens} of {result.total_tokens}"
    yield _quoted(result.text)
    if result.next_offset is not None:
        yield f"(More text follows; open again with offset {result.next_offset}.)"


def _source(source: SourceInfo) -> str:
    place = ", ".join(_present(source.kind, source.sector, source.country))
    return f"{_line(source.name)} ({source.id}); {place}; tier {source.tier}, authority {source.authority:.2f}"


def _dates(dates: Dates) -> Iterator[str]:
    named = {
        "published": dates.published,
        "modified": dates.modified,
        "crawled": dates.crawled,
        "changed": dates.changed,
    }
    given = [f"{name} {date.value} (from {_line(date.origin)})" for name, date in named.items() if date]
    if given:
        yield f"dates: {'; '.join(given)}"


def _present(*values: str) -> Iterable[str]:
    return (_line(value) for value in values if value)


def _line(text: str) -> str:
    """`text` on one line."""
    return " ".join(text.split())


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())
