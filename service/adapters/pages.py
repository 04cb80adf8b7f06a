"""Whole pages for protocols that ask for them by URL: what cannot be opened is told for each, and fails no batch."""

from collections.abc import Iterable

from pydantic import TypeAdapter, ValidationError

from authority_search.models import Name, OpenRequest, OpenResult
from service.gateway import Gateway

MAX_TOKENS = 100_000

_NAME: TypeAdapter[str] = TypeAdapter(Name)


async def open_pages(gateway: Gateway, urls: Iterable[str]) -> dict[str, OpenResult]:
    """The result of each URL, by the URL as it was given: the first `MAX_TOKENS` of a page, or why there is none."""
    wanted = list(dict.fromkeys(urls))
    targets = [url for url in wanted if _can_be_asked_for(url)]
    found: dict[str, OpenResult] = {}
    if targets:
        reply = await gateway.open(OpenRequest(targets=targets, max_tokens=MAX_TOKENS))
        found = dict(zip(targets, reply.results, strict=True))
    return {url: found.get(url) or _no_url(url) for url in wanted}


def _can_be_asked_for(url: str) -> bool:
    try:
        return bool(_NAME.validate_python(url))
    except ValidationError:
        return False


def _no_url(target: str) -> OpenResult:
    return OpenResult(target=target, status="not_found", error="this is no URL")
