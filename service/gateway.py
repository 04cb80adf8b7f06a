"""The one way from any transport to the searcher: asyncio outside, threads inside, with a bound on both.

HTTP routes, adapters and pages speak to it; none of them touches a searcher.
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
from service.ledger import Ledger
from service.limits import Permits

if TYPE_CHECKING:
    # Annotations only: these bring the engines, and importing an app should not.
    from service.live import LiveSearcher
    from service.settings import ServerSettings


class Gateway:
    """Answers wire requests by the live snapshot. Its methods raise ServiceError and are called on the event loop."""

    def __init__(self, live: "LiveSearcher", limits: "ServerSettings", ledger: Ledger | None = None) -> None:
        self._live = live
        self._ledger = ledger or Ledger()
        self._permits = Permits(limits.running, limits.waiting)

    async def search(self, request: SearchRequest) -> SearchReply:
        """One result per query, in the order of the queries."""
        with self._ledger.call("search", len(request.queries)) as told:
            reply = await self._permits.run(lambda: self._live.current().search(request))
            told(reply.snapshot, reply.degraded)
        return reply

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
