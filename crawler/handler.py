"""The last step before the network: every response passes here, is archived, and sets the pace of its host."""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.http import Response as ScrapyResponse

from crawler.pace import pause_after

if TYPE_CHECKING:
    from crawler.spider import SourceSpider


class ArchivingHandler(HTTP11DownloadHandler):
    """Scrapy's HTTP handler; robots.txt, redirects and errors are archived like any page."""

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        self._spider: SourceSpider = crawler.spider
        # Scrapy would count requests that only wait for their host's delay, and a few slow hosts would stall all.
        self._under_way = asyncio.Semaphore(self._spider.limits.concurrency)

    async def download_request(self, request: Request) -> ScrapyResponse:
        """Send `request`. Raises ArchiveError where the response cannot be kept, and Scrapy's download errors."""
        async with self._under_way:
            self._spider.pace.sent(request.meta["download_slot"])
            response = await super().download_request(request)
        now = datetime.now(UTC)
        self._spider.archive.write(
            url=request.meta["url"],
            status=response.status,
            reason=_phrase(response.status),
            headers=headers_of(response),
            body=response.body,
            fetched_at=now,
            ip=str(response.ip_address) if response.ip_address else None,
            hops=request.meta["visit"].depth if "visit" in request.meta else 0,
        )
        # Before Scrapy looks for the next request to this host, which it does when this method has returned.
        wait = pause_after(response.status, _header(response, "Retry-After"), request.meta["tries"], now)
        self._spider.pause(request.meta["download_slot"], wait)
        return response


def headers_of(response: ScrapyResponse) -> tuple[tuple[str, str], ...]:
    """The headers as text of one character a byte."""
    pairs = ((name, value) for name, values in response.headers.items() for value in values)
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs)


def _header(response: ScrapyResponse, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
