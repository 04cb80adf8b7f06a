"""The account of each call of the gateway: what it costs its caller, and what it adds to log, metrics and trace."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Literal, Protocol

from authority_search.models import Degraded
from service.access.quotas import Quotas
from service.metrics import STAGES, Metrics
from service.request_facts import FACTS, RequestFacts
from service.tracing import Traces

_ANYONE = "anyone"


class Told(Protocol):
    """Takes note of a reply."""

    def __call__(self, snapshot: str, degraded: Iterable[Degraded] = ()) -> None: ...


class Ledger:
    """Keeps the account. Used on the event loop's thread, but `observe`, which any thread may call."""

    def __init__(
        self, metrics: Metrics | None = None, traces: Traces | None = None, quotas: Quotas | None = None
    ) -> None:
        self.metrics = metrics or Metrics()
        self._traces = traces or Traces()
        self._quotas = quotas or Quotas()

    @contextmanager
    def call(self, kind: Literal["search", "open"], queries: int) -> Iterator[Told]:
        """The block answers so many queries or targets, and tells of its reply.

        Raises Overloaded where the caller's quota is used up. A call that fails costs nothing.
        """
        facts = FACTS.get() or RequestFacts()
        self._quotas.charge(facts.key, queries)
        facts.queries += queries
        self.metrics.queries(facts.key.name if facts.key else _ANYONE, queries)
        began = perf_counter()

        def told(snapshot: str, degraded: Iterable[Degraded] = ()) -> None:
            facts.snapshot = snapshot
            for one in degraded:
                facts.degraded.add(one.arm)
                self.metrics.degraded(one.arm)
            if kind == "search":
                self.metrics.observe("total", perf_counter() - began)

        try:
            with self._traces.span(kind):
                yield told
        except Exception:
            self._quotas.refund(facts.key, queries)
            raise

    def observe(self, name: str, value: float) -> None:
        """A stage of a search ended now and took `value` seconds, or so many of something were counted."""
        self.metrics.observe(name, value)
        if name in STAGES:
            self._traces.stage(name, value)
