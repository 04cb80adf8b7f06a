"""robots.txt, obeyed before a request is sent.

Scrapy's own middleware is not used: it parses Crawl-delay but does not apply it, and takes a robots.txt that
cannot be fetched for leave to fetch everything.
"""

import asyncio
import logging
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest
from scrapy.http import Response as ScrapyResponse
from scrapy.http.request import NO_CALLBACK

from crawler.errors import ArchiveError, UndecodableBody
from crawler.links import absolute_url
from crawler.pace import backoff
from crawler.robots import UNREACHABLE, RobotRules, robot_rules
from crawler.scope import Scope
from crawler.spider import SourceSpider, decoded_response
from domain_lists.urls import host_of
from index.visits import REDIRECTS

logger = logging.getLogger(__name__)

# RFC 9309, 2.3.1.2: at least five consecutive redirects are followed.
MAX_REDIRECTS = 5


class RobotsMiddleware:
    """Refuses what robots.txt refuses, and slows the host down to its Crawl-delay."""

    def __init__(self, crawler: Any) -> None:
        self._crawler = crawler
        self._scope: Scope = crawler.spider.scope
        self._rules: dict[str, asyncio.Task[RobotRules]] = {}

    @classmethod
    def from_crawler(cls, crawler: Any) -> Self:
        """Called by Scrapy."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Raise IgnoreRequest for a request that robots.txt forbids."""
        if "visit" not in request.meta:
            return
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._rules:
            self._rules[origin] = asyncio.ensure_future(self._fetch(origin, request.meta["download_slot"]))
        rules = await self._rules[origin]
        if rules is UNREACHABLE:
            raise IgnoreRequest("robots.txt unreachable")
        if not rules.allows(request.url):
            raise IgnoreRequest("robots.txt")

    async def _fetch(self, origin: str, host: str) -> RobotRules:
        spider: SourceSpider = self._crawler.spider
        for tries in range(spider.limits.retries + 1):
            try:
                rules = await self._ask(f"{origin}/robots.txt", tries)
            except (ArchiveError, IgnoreRequest):
                raise
            except Exception as error:
                if spider.is_private(host, error):
                    raise
                logger.warning("%s/robots.txt could not be fetched: %s", origin, error)
                spider.pause(host, backoff(tries))
                if isinstance(error, DownloadCancelledError | UndecodableBody):
                    break
                continue
            if rules is not UNREACHABLE:
                spider.pace.slow_down(host, rules.crawl_delay())
                return rules
        return UNREACHABLE

    async def _ask(self, url: str, tries: int) -> RobotRules:
        """One request for robots.txt with its redirects, which are followed only inside the sources."""
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._download(url, tries)
            answer = decoded_response(url, response, self._crawler.spider.limits.max_bytes)
            if answer.status not in REDIRECTS:
                if answer.status == HTTPStatus.OK and urlsplit(url).path == "/robots.txt":
                    # By the same test a replay knows it.
                    self._crawler.spider.frontier.robots_txt(url, answer.body)
                return robot_rules(answer.status, answer.body)
            url = absolute_url(url, answer.header("Location") or "")
            if not self._scope.decide(url).allowed:
                break
        return robot_rules(404, b"")

    async def _download(self, url: str, tries: int) -> ScrapyResponse:
        meta = {"url": url, "tries": tries, "download_slot": host_of(url)}
        request = Request(url, callback=NO_CALLBACK, meta=meta)
        response: ScrapyResponse = await self._crawler.engine.download_async(request)
        return response
