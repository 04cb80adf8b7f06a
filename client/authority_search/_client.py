"""The clients. They differ in how they send and wait; all else is in `_calls` and `_retries`."""

import asyncio
import time
from collections.abc import Sequence
from itertools import count
from types import TracebackType
from typing import Self, Unpack

import httpx

from authority_search._calls import (
    COVERAGE,
    HEALTH,
    READY,
    SOURCES,
    Call,
    OpenOptions,
    ReplyT,
    SearchOptions,
    http_options,
    open_call,
    read_reply,
    search_call,
)
from authority_search._retries import Outcome, seconds_to_wait
from authority_search.models import CoverageReply, Health, OpenReply, Readiness, SearchReply, SourcesReply

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_TIMEOUT = 60.0
DEFAULT_RETRIES = 3


class Client:
    """A connection pool to one service; threads may share it. Close it, or use it in a `with` block.

    `timeout` is the longest silence in seconds, 5 at most for connecting. `retries` is how often a request is
    sent again after a failed connection or a 429, 502, 503 or 504; 0 turns that off. `api_key` is
    sent with each request; without it that of the variable AUTHORITY_SEARCH_API_KEY, if it is set. All methods raise
    `AuthoritySearchError`.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        retries: int = DEFAULT_RETRIES,
        api_key: str | None = None,
    ) -> None:
        self._http = httpx.Client(**http_options(base_url, timeout, api_key))
        self._retries = retries

    def search(self, queries: str | Sequence[str], **options: Unpack[SearchOptions]) -> SearchReply:
        """One result per query, in their order; at most 2,560 queries. Options are those of `SearchRequest`."""
        return self._send(search_call(queries, options))

    def open(self, targets: str | Sequence[str], **options: Unpack[OpenOptions]) -> OpenReply:
        """The text of pages (by URL) or of passages (by id, with neighbours). Options are those of `OpenRequest`."""
        return self._send(open_call(targets, options))

    def sources(self) -> SourcesReply:
        """All sources and profiles, with what the live snapshot holds of each."""
        return self._send(SOURCES)

    def coverage(self) -> CoverageReply:
        """How well the sources are kept, as of the last refresh. Raises NotReady before the first one."""
        return self._send(COVERAGE)

    def health(self) -> Health:
        """Whether the process is alive."""
        return self._send(HEALTH)

    def ready(self) -> Readiness:
        """Whether it can answer searches. Not retried while it starts: the status says so."""
        return self._send(READY)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, call: Call[ReplyT]) -> ReplyT:
        for attempt in count():
            outcome: Outcome
            try:
                outcome = self._http.request(call.method, call.path, content=call.body)
            except httpx.RequestError as error:
                outcome = error
            wait = None if call.takes(outcome) else seconds_to_wait(outcome, attempt, self._retries)
            if wait is None:
                break
            time.sleep(wait)
        return read_reply(call, outcome)


class AsyncClient:
    """As `Client`, for asyncio. Close it with `aclose`, or use it in an `async with` block."""

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        retries: int = DEFAULT_RETRIES,
        api_key: str | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(**http_options(base_url, timeout, api_key))
        self._retries = retries

    async def search(self, queries: str | Sequence[str], **options: Unpack[SearchOptions]) -> SearchReply:
        """As `Client.search`."""
        return await self._send(search_call(queries, options))

    async def open(self, targets: str | Sequence[str], **options: Unpack[OpenOptions]) -> OpenReply:
        """As `Client.open`."""
        return await self._send(open_call(targets, options))

    async def sources(self) -> SourcesReply:
        """As `Client.sources`."""
        return await self._send(SOURCES)

    async def coverage(self) -> CoverageReply:
        """As `Client.coverage`."""
        return await self._send(COVERAGE)

    async def health(self) -> Health:
        """As `Client.health`."""
        return await self._send(HEALTH)

    async def ready(self) -> Readiness:
        """As `Client.ready`."""
        return await self._send(READY)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _send(self, call: Call[ReplyT]) -> ReplyT:
        for attempt in count():
            outcome: Outcome
            try:
                outcome = await self._http.request(call.method, call.path, content=call.body)
            except httpx.RequestError as error:
                outcome = error
            wait = None if call.takes(outcome) else seconds_to_wait(outcome, attempt, self._retries)
            if wait is None:
                break
            await asyncio.sleep(wait)
        return read_reply(call, outcome)
