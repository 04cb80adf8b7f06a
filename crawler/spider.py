"""The Scrapy side of a crawl: a spider without rules of its own, and a scheduler that asks the frontier."""

from collections.abc import AsyncIterator
from typing import Any, Self

import scrapy
from scrapy import Request
from scrapy.core.scheduler import BaseScheduler
from scrapy.exceptions import (
    CannotResolveHostError,
    CloseSpider,
    DownloadCancelledError,
    IgnoreRequest,
)
from scrapy.http import Response as ScrapyResponse

from crawler.addresses import PublicResolver
from crawler.archive import ArchiveWriter, Response
from crawler.encodings import decoded
from crawler.errors import ArchiveError, UndecodableBody
from crawler.frontier import ASKED_TO_WAIT, Frontier
from crawler.handler import headers_of
from crawler.host_queues import Visit
from crawler.pace import MAX_PAUSE, Pace, backoff
from crawler.scope import Scope
from crawler.settings import CrawlSettings


def decoded_response(url: str, response: ScrapyResponse, max_bytes: int) -> Response:
    """What the archive will give for `response` later. Raises UndecodableBody."""
    headers = headers_of(response)
    raw = Response(url, response.status, headers, response.body, fetched_at="", position=0)
    body = decoded(response.body, raw.header("Content-Encoding") or "", max_bytes)
    return Response(url, response.status, headers, body, fetched_at="", position=0)


class SourceSpider(scrapy.Spider):
    """Hands what comes back to the frontier. `fatal` is the error that ended the crawl, if one did."""

    name = "sources"

    def __init__(
        self,
        scope: Scope,
        frontier: Frontier,
        archive: ArchiveWriter,
        settings: CrawlSettings,
        resolver: PublicResolver | None,
    ) -> None:
        super().__init__()
        self.scope = scope
        self.frontier = frontier
        self.archive = archive
        self.limits = settings
        self.fatal: ArchiveError | None = None
        self._resolver = resolver
        self._pace: Pace | None = None

    @property
    def pace(self) -> Pace:
        """The delays of the hosts."""
        if self._pace is None:
            self._pace = Pace(self.crawler.engine.downloader, self.limits.delay)
        return self._pace

    async def start(self) -> AsyncIterator[Request]:
        """Nothing: the scheduler brings the visits."""
        requests: tuple[Request, ...] = ()
        for request in requests:
            yield request

    def request_for(self, visit: Visit) -> Request:
        """The request of a visit; `meta` holds what the handler and the robots middleware need."""
        return Request(
            visit.url,
            headers=dict(visit.conditions),
            callback=self.received,
            errback=self.not_received,
            dont_filter=True,
            meta={"visit": visit, "url": visit.url, "tries": visit.tries, "download_slot": visit.host},
        )

    def received(self, response: ScrapyResponse) -> None:
        """Every response, whatever its status."""
        visit: Visit = response.meta["visit"]
        try:
            answer = decoded_response(visit.url, response, self.limits.max_bytes)
        except UndecodableBody as error:
            self.frontier.unusable(visit, str(error))
        else:
            self.frontier.answered(visit, answer)

    def not_received(self, failure: Any) -> None:
        """Every request that got no response. Ends the crawl where the archive cannot be written."""
        visit: Visit = failure.request.meta["visit"]
        error = failure.value
        if isinstance(error, ArchiveError):
            self.fatal = error
            self.frontier.unusable(visit, str(error))
            raise CloseSpider("archive")
        if isinstance(error, IgnoreRequest):
            self.frontier.forbidden(visit, str(error))
        elif self.is_private(visit.host, error):
            self.frontier.forbidden(visit, "private address")
        elif isinstance(error, DownloadCancelledError):
            self.frontier.unusable(visit, str(error))
        else:
            self.pause(visit.host, backoff(visit.tries))
            self.frontier.unanswered(visit, f"{type(error).__name__}: {error}")

    def is_private(self, host: str, error: BaseException) -> bool:
        """Whether `error` came of `host` having no public address."""
        refused = self._resolver.refused if self._resolver else ()
        return isinstance(error, CannotResolveHostError) and host.strip("[]") in refused

    def pause(self, host: str, seconds: float) -> None:
        """Leave `host` in peace for `seconds`, or for the rest of the run where it asks for too long."""
        if seconds > MAX_PAUSE:
            self.logger.warning("%s asks for %g s of peace: left for this run", host, seconds)
            self.frontier.give_up(host, ASKED_TO_WAIT)
        elif seconds:
            self.pace.pause(host, seconds)


class FrontierScheduler(BaseScheduler):
    """Scrapy's view of the frontier."""

    def __init__(self, spider: SourceSpider) -> None:
        self._spider = spider

    @classmethod
    def from_crawler(cls, crawler: Any) -> Self:
        """Called by Scrapy."""
        return cls(crawler.spider)

    def has_pending_requests(self) -> bool:
        """Whether visits are waiting."""
        return self._spider.frontier.has_next()

    def enqueue_request(self, request: Request) -> bool:
        """Never called: visits come from the frontier alone."""
        raise AssertionError(f"{request} did not come from the frontier")

    def next_request(self) -> Request | None:
        """The next visit as a request."""
        visit = self._spider.frontier.next()
        return self._spider.request_for(visit) if visit else None
