"""The one way from any transport to the searcher: asyncio outside, threads inside, with a bound on both.

HTTP routes, adapters and pages speak to it; none of them touches a searcher. Searches go through the batcher; what only
reads, such as opening a page, has threads of its own and never waits behind them. To stop waiting, cancel the call.
"""

from typing import TYPE_CHECKING

from authority_search.models import (
    CoverageReply,
    OpenReply,
    OpenRequest,
    Readiness,
    SearchReply,
    SearchRequest,
    SourcesReply,
)
from service.admission import Admission
from service.answers import Answer, degraded_of, reply_json, reply_of
from service.batching import Batcher
from service.ledger import Ledger
from service.limits import Permits

if TYPE_CHECKING:
    # Annotations only: these bring the engines, and importing an app should not.
    from service.live import LiveSearcher
    from service.settings import ServerSettings

_READING, _WAITING_TO_READ = 4, 256


class Gateway:
    """Answers wire requests by the live snapshot. Its methods raise ServiceError and are called on the event loop.

    `ledger` keeps the account of each call, and is told what is measured beneath: see `service.stages`.
    """

    def __init__(self, live: "LiveSearcher", limits: "ServerSettings", ledger: Ledger | None = None) -> None:
        self._live = live
        self._ledger = ledger or Ledger()
        admission = Admission(limits.waiting_queries, limits.deadline_seconds)
        self._batcher = Batcher(limits.batch_queries, limits.cached_answers, admission, self._ledger.observe)
        self._permits = Permits(_READING, _WAITING_TO_READ)

    async def search(self, request: SearchRequest) -> SearchReply:
        """One result per query, in the order of the queries."""
        return reply_of(await self._answers(request))

    async def search_json(self, request: SearchRequest) -> str:
        """The same as JSON, which costs less than to write it again."""
        return reply_json(await self._answers(request))

    async def _answers(self, request: SearchRequest) -> list[Answer]:
        with self._ledger.call("search", len(request.queries)) as told:
            answers = await self._batcher.search(self._live.current(), request)
            told(answers[0].snapshot, degraded_of(answers))
        return answers

    async def open(self, request: OpenRequest) -> OpenReply:
        """Texts of indexed pages and passages."""
        with self._ledger.call("open", len(request.targets)) as told:
            reply = await self._permits.run(lambda: self._live.current().open(request))
            told(reply.snapshot)
        return reply

    async def sources(self) -> SourcesReply:
        """All sources and profiles, with what the live snapshot holds of each."""
        return await self._permits.run(lambda: self._live.current().sources())

    async def coverage(self) -> CoverageReply:
        """What the last refresh covered."""
        return await self._permits.run(self._live.coverage)

    def readiness(self) -> Readiness:
        """Whether searches can be answered, and by which snapshot."""
        return self._live.readiness()

    def start(self) -> None:
        """Begin to follow what is published."""
        self._live.start()

    def close(self) -> None:
        """Stop following."""
        self._live.close()
