"""Opening pages and passages from the snapshot, paged by tokens."""

import re

from authority_search.models import OpenReply, OpenRequest, OpenResult
from domain_lists.errors import InvalidUrl
from domain_lists.urls import canonical_url
from index.columns import StoredPage
from index.snapshot import Snapshot
from index.tokens import count_tokens, cut, skip
from service.replies import page_dates, source_info

_PASSAGE_ID = re.compile(r"[0-9a-f]{32}")


def open_targets(snapshot: Snapshot, request: OpenRequest) -> OpenReply:
    """Open pages and passages that the snapshot holds; nothing is fetched."""
    results = [_open_target(snapshot, target, request) for target in request.targets]
    return OpenReply(snapshot=snapshot.manifest.id, results=results)


def _open_target(snapshot: Snapshot, target: str, request: OpenRequest) -> OpenResult:
    if _PASSAGE_ID.fullmatch(target):
        return _open_passage(snapshot, target, request)
    try:
        url = canonical_url(target)
    except InvalidUrl as error:
        return _missing(target, f"neither a passage id nor a URL: {error}")
    number = snapshot.columns.find_page(url)
    if number is None:
        hint = "search for it, or open a URL that a hit named"
        return _missing(target, f"the snapshot holds no page {url}; {hint}")
    page = snapshot.columns.page(number)
    return _opened(snapshot, target, page, page.text, request)


def _open_passage(snapshot: Snapshot, target: str, request: OpenRequest) -> OpenResult:
    columns = snapshot.columns
    row = columns.find_passage(target)
    if row is None:
        return _missing(target, "the snapshot holds no passage with this id; search again, ids change with the text")
    page = columns.page(columns.page_number(row))
    first = max(page.first_row, row - request.neighbours)
    last = min(page.first_row + page.rows - 1, row + request.neighbours)
    start, end = columns.passage(first)[0].start, columns.passage(last)[0].end
    return _opened(snapshot, target, page, page.text[start:end], request)


def _opened(snapshot: Snapshot, target: str, page: StoredPage, text: str, request: OpenRequest) -> OpenResult:
    total = count_tokens(text)
    rest = text[skip(text, request.offset) :].lstrip()
    part = rest[: cut(rest, request.max_tokens)].rstrip()
    tokens = count_tokens(part)
    reached = request.offset + tokens
    return OpenResult(
        target=target,
        status="ok",
        url=page.url,
        title=page.title,
        text=part,
        tokens=tokens,
        total_tokens=total,
        offset=request.offset,
        next_offset=reached if reached < total and part else None,
        source=source_info(snapshot.sources.get(page.source)),
        dates=page_dates(page),
    )


def _missing(target: str, why: str) -> OpenResult:
    return OpenResult(target=target, status="not_found", error=why)
