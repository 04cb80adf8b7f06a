"""The account of each call of the gateway: what it costs its caller, and what it adds to log, metrics and trace."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Literal, TypeVar

from authority_search.models import OpenReply, SearchReply
from service.access.quotas import Quotas
from service.metrics import Metrics, Stage
from service.request_facts import FACTS, RequestFacts
from service.tracing import Traces

ReplyT = TypeVar("ReplyT", SearchReply, OpenReply)
_ANYONE = "anyone"


class Ledger:
    """Keeps the account. Used on the event loop's thread, but `observe`, which any thread may call."""

    def __init__(
        self, metrics: Metrics | None = None, traces: Traces | None = None, quotas: Quotas | None = None
    ) -> None:
        self.metrics = metrics or Metrics()
        self._traces = traces or Traces()
        self._quotas = quotas or Quotas()

    @contextmanager
    def call(self, kind: Literal["search", "open"], queries: int) -> Iterator[Callable[[ReplyT], ReplyT]]:
        """The block answers so many queries or targets, and passes its reply through what it is given.

        Raises Overloaded where the caller's quota is used up. A call that fails costs nothing.
        """
        facts = FACTS.get() or RequestFacts()
        self._quotas.charge(facts.key, queries)
        facts.queries += queries
        self.metrics.queries(facts.key.name if facts.key else _ANYONE, queries)
        began = perf_counter()

        def told(reply: ReplyT) -> ReplyT:
            facts.snapshot = reply.snapshot
            if isinstance(reply, SearchReply):
                self.metrics.batch(queries)
                self.metrics.observe("total", perf_counter() - began)
                for one in reply.degraded:
                    facts.degraded.add(one.arm)
                    self.metrics.degraded(one.arm)
            return reply

        try:
            with self._traces.span(kind):
                yield told
        except Exception:
            self._quotas.refund(facts.key, queries)
            raise

    def observe(self, stage: Stage, seconds: float) -> None:
        """A stage of a search ended now and took `seconds`."""
        self.metrics.observe(stage, seconds)
        self._traces.stage(stage, seconds)
