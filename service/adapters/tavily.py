"""Tavily's search and extract over the snapshot, so that `TavilyClient(api_base_url=…)` and what builds on it works."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from pydantic import ValidationError
from starlette.responses import Response

from authority_search.models import Hit, SearchReply, SearchRequest
from authority_search.validation import explain
from service.adapters.pages import open_pages
from service.adapters.tavily_models import (
    DEFAULT_RESULTS,
    TavilyError,
    TavilyExtract,
    TavilyExtractReply,
    TavilyFailure,
    TavilyHit,
    TavilyPage,
    TavilyRequest,
    TavilySearch,
    TavilySearchReply,
    TavilyUsage,
)
from service.errors import InvalidRequest, UnknownName
from service.gateway import Gateway
from service.responses import Responses, json_response

MOST_HITS = 100
DEFAULT_CHUNKS = 3
JOINT = " [...] "

_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365, "d": 1, "w": 7, "m": 30, "y": 365}
_ERRORS: Responses = {
    "4XX": {"model": TavilyError, "description": "400: the request is wrong; 413: it is too large; 429: come back"},
    "5XX": {"model": TavilyError, "description": "500: a defect; 503: no snapshot is open yet"},
}


def routes(gateway: Gateway, today: Callable[[], date] = lambda: datetime.now(UTC).date()) -> APIRouter:
    """`POST /search` and `POST /extract`; `today` is what time ranges count from."""
    router = APIRouter(tags=["Tavily"])

    @router.post("/search", summary="Pages, as Tavily asks", response_model=TavilySearchReply, responses=_ERRORS)
    async def search(request: Request, body: Annotated[TavilySearch, Body()]) -> Response:
        """The best pages for a query, each with its best passages. Filters are exact and work before ranking."""
        started = time.perf_counter()
        reply = await _search(gateway, body, today())
        pages = list(_by_page(reply.results[0].hits if reply else []))[: _results(body)]
        texts = await _raw_contents(gateway, body, [hits[0].url for hits in pages])
        found = [_hit(hits, texts.get(hits[0].url)) for hits in pages]
        ending = _ending(request, body, started)
        degraded = reply.degraded if reply else []
        return json_response(TavilySearchReply(query=body.query, results=found, **ending), degraded=degraded)

    @router.post("/extract", summary="Texts, as Tavily asks", response_model=TavilyExtractReply, responses=_ERRORS)
    async def extract(request: Request, body: Annotated[TavilyExtract, Body()]) -> Response:
        """The text of indexed pages by URL, 100,000 tokens at most; nothing is fetched."""
        started = time.perf_counter()
        opened = await open_pages(gateway, [body.urls] if isinstance(body.urls, str) else body.urls)
        pages = [
            TavilyPage(url=url, title=one.title or "", raw_content=one.text)
            for url, one in opened.items()
            if one.status == "ok"
        ]
        failed = [
            TavilyFailure(url=url, error=one.error or "there is no such page")
            for url, one in opened.items()
            if one.status != "ok"
        ]
        ending = _ending(request, body, started)
        return json_response(TavilyExtractReply(results=pages, failed_results=failed, **ending))

    return router


async def _search(gateway: Gateway, body: TavilySearch, today: date) -> SearchReply | None:
    """The reply of the one query, None where no result is wanted."""
    wanted = _results(body)
    if not wanted:
        return None
    chunks = (body.chunks_per_source or DEFAULT_CHUNKS) if body.search_depth == "advanced" else 1
    preferred = body.include_domains_mode == "prefer"
    options: dict[str, Any] = {
        "queries": [body.query],
        # With as many hits as that, there are enough pages however many passages each has.
        "top_k": min(wanted * chunks, MOST_HITS),
        "max_per_page": chunks,
        "max_tokens": None,
        "explain": False,
        "dates": _dates(body, today),
        "languages": _languages(body),
        "sources": {
            "include_domains": [] if preferred else body.include_domains or [],
            "exclude_domains": body.exclude_domains or [],
        },
    }
    if body.topic in ("news", "finance"):
        try:
            return await gateway.search(_checked({**options, "profile": body.topic}))
        except UnknownName:
            # A list of one's own need not have a profile of that name.
            pass
    return await gateway.search(_checked(options))


def _results(body: TavilySearch) -> int:
    return DEFAULT_RESULTS if body.max_results is None else body.max_results


def _dates(body: TavilySearch, today: date) -> dict[str, Any] | None:
    days = [number for number in (_DAYS.get(body.time_range or ""), body.days) if number]
    starts = [today - timedelta(days=number) for number in days]
    starts += [body.start_date] if body.start_date else []
    if not starts and body.end_date is None:
        return None
    # A reader of these replies cannot tell that a page carries no date, so such pages are left out.
    return {"field": "published", "from": max(starts, default=None), "to": body.end_date, "undated": "drop"}


def _languages(body: TavilySearch) -> list[str]:
    if not body.filter_by_language:
        return []
    if not body.language:
        raise InvalidRequest("language: missing; filter_by_language needs it, as an ISO 639-1 code such as en")
    return [body.language.strip().lower()]


def _checked(options: dict[str, Any]) -> SearchRequest:
    try:
        return SearchRequest(**options)
    except ValidationError as error:
        raise InvalidRequest(explain(error.errors())) from None


def _by_page(hits: Sequence[Hit]) -> Iterator[list[Hit]]:
    """Hits of one page together, pages in the order of their best hits."""
    pages: dict[str, list[Hit]] = {}
    for hit in hits:
        pages.setdefault(hit.url, []).append(hit)
    yield from pages.values()


async def _raw_contents(gateway: Gateway, body: TavilySearch, urls: Sequence[str]) -> dict[str, str]:
    if not body.include_raw_content:
        return {}
    return {url: opened.text for url, opened in (await open_pages(gateway, urls)).items()}


def _hit(hits: Sequence[Hit], raw_content: str | None) -> TavilyHit:
    best = hits[0]
    published = best.dates.published
    return TavilyHit(
        title=best.title,
        url=best.url,
        content=JOINT.join(hit.text for hit in hits),
        score=best.score,
        raw_content=raw_content,
        published_date=published.value if published else None,
        source=best.source.name,
        authority=best.source.authority,
    )


def _ending(request: Request, body: TavilyRequest, started: float) -> dict[str, Any]:
    return {
        "response_time": round(time.perf_counter() - started, 3),
        "request_id": request.state.request_id,
        "usage": TavilyUsage() if body.include_usage else None,
    }
