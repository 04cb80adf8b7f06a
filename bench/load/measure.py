"""What `bench load` measures, in order: closed loops, open loops, the floor, the plain server."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bench.errors import LoadFailed
from bench.load.driving import drive
from bench.load.floor import Floor
from bench.load.plan import Plan, fresh_queries
from bench.load.records import Against, Aim, Cell, Overhead
from bench.load.running import Running
from bench.load.turns import Direct, against, batch_rate, encoder_rate, overhead
from bench.rows import Note, unsaid
from index.progress import Progress, silent
from service.searcher import Searcher

BATCHES = (1, 8, 32, 128, 512, 2560)
CALLERS = (1, 8, 64, 256)
RATE_SHARES = (0.25, 0.5, 0.7, 0.9)
"""Rates of the open loop, as shares of what the closed loop reached with one query a request."""

MANY_CALLERS = 64
PEER_BATCH = 512
MOST_SECONDS = 90.0
"""For the rounds of one batch size against the floor."""

FLOOR_AIM, FLOOR_AIM_FROM = 1.25, 32
ENCODER_AIM, CALLERS_AIM, BATCH_AIM = 0.9, 5.0, 1.5
OVER_PLAIN, OVER_HYBRID, OVER_ENCODER = (
    f"{MANY_CALLERS} callers of one query ÷ plain server",
    f"batch of {PEER_BATCH} hybrid queries ÷ plain server",
    f"{MANY_CALLERS} callers of one query ÷ encoder alone",
)


@dataclass(frozen=True, slots=True)
class Load:
    """What to measure. A cell of `batches` × `callers` is left out where more than `in_flight` queries would be asked
    at once. `options` go with every request. Without `rates` the open loop takes RATE_SHARES.
    """

    batches: Sequence[int] = BATCHES
    callers: Sequence[int] = CALLERS
    rates: Sequence[float] = ()
    seconds: float = 5.0
    rounds: int = 5
    in_flight: int = 4096
    options: dict[str, Any] = field(default_factory=dict)
    seed: int = 1


class LoadBench:
    """Puts load on one running service. Methods raise LoadFailed."""

    def __init__(
        self, service: Running, texts: tuple[str, ...], load: Load, progress: Progress = silent, note: Note = unsaid
    ) -> None:
        self._service = service
        self._texts = texts
        self._load = load
        self._options = load.options
        self._progress = progress
        self._note = note
        self._asked = 0
        self._failed = Counter[str]()

    def closed(self) -> list[Cell]:
        """Every batch size with every number of callers that may be in flight."""
        # Not counted: the first requests find cold caches and imports.
        self._drive(self._service, Plan("", min(1.0, self._load.seconds), callers=2))
        pairs = [(b, c) for b in self._load.batches for c in self._load.callers if b * c <= self._load.in_flight]
        if not pairs:
            raise LoadFailed(f"each batch × callers is over --in-flight {self._load.in_flight}; raise it")
        return list(self._cells("closed", [Plan("", self._load.seconds, callers=c, batch=b) for b, c in pairs]))

    def open(self, closed: Sequence[Cell]) -> list[Cell]:
        """Poisson arrivals of one query each, up to near the most that the closed loop reached."""
        best = max((cell.qps for cell in closed if cell.batch == 1), default=0.0)
        rates = self._load.rates or [round(share * best, 1) for share in RATE_SHARES if share * best >= 1]
        seed = self._load.seed
        return list(self._cells("open", [Plan("", self._load.seconds, rate=r, timeout=30, seed=seed) for r in rates]))

    def overheads(self, floor: Floor, searcher: Searcher) -> list[Overhead]:
        """Every batch size against the floor; one that the service refuses is noted and left out."""
        load, service, found = self._load, Direct(self._service.url, "/batch_search", self._options), list[Overhead]()
        for number, batch in enumerate(load.batches):
            self._progress("floor", number, len(load.batches))
            try:
                found.append(
                    overhead(batch, service, floor, searcher, self._fresh, self._options, load.rounds, MOST_SECONDS)
                )
            except LoadFailed as error:
                self._note(f"a batch of {batch:,} is not compared with the floor: {error}")
        return found

    def over_encoder(self, floor: Floor) -> list[Against]:
        """Many callers of one query against the encoder alone at its best."""
        return self._against(OVER_ENCODER, self._many_callers, lambda: encoder_rate(floor, self._fresh))

    def over_plain(self, plain: Running) -> list[Against]:
        """The same against the plain server's dense search, and one large batch against its hybrid search."""
        ours = Direct(self._service.url, "/batch_search", self._options)
        theirs = Direct(plain.url, "/retrieve_hybrid", self._peer_options)
        # It has answered nothing yet, unlike ours.
        theirs.answer(self._fresh(8))
        return self._against(OVER_PLAIN, self._many_callers, lambda: self._many_callers_of(plain)) + self._against(
            OVER_HYBRID,
            lambda: batch_rate(ours, self._fresh, PEER_BATCH),
            lambda: batch_rate(theirs, self._fresh, PEER_BATCH),
        )

    def told(self) -> dict[str, str]:
        """What was asked, in words."""
        load = self._load
        return {
            "query texts": f"{len(self._texts):,}, each asked again only with another number behind it",
            "seconds a load": f"{load.seconds:g}",
            "rounds": str(load.rounds),
            "options": ", ".join(f"{name} {value}" for name, value in load.options.items()) or "the service's defaults",
        }

    @property
    def _peer_options(self) -> dict[str, Any]:
        return {"top_k": self._options.get("top_k", 10)}

    def _against(self, name: str, ours: Callable[[], float], theirs: Callable[[], float]) -> list[Against]:
        """One comparison, or none (and a note) where one side failed."""
        self._failed.clear()
        try:
            found = against(name, ours, theirs, max(2, self._load.rounds), self._progress)
        except LoadFailed as error:
            self._note(f"{name} is not compared: {error}")
            return []
        return [replace(found, failed=dict(self._failed))]

    def _many_callers(self) -> float:
        cell = self._drive(self._service, Plan("", self._load.seconds, callers=MANY_CALLERS))
        self._failed.update(cell.failed)
        return cell.qps

    def _many_callers_of(self, plain: Running) -> float:
        plan = Plan("", self._load.seconds, callers=MANY_CALLERS, path="/retrieve")
        cell = self._drive(plain, plan, self._peer_options)
        if cell.failed:
            raise LoadFailed(f"the plain server failed under {MANY_CALLERS} callers: {cell.failed}")
        return cell.qps

    def _cells(self, stage: str, plans: Sequence[Plan]) -> Iterator[Cell]:
        for number, plan in enumerate(plans):
            self._progress(stage, number, len(plans))
            yield self._drive(self._service, plan)
        self._progress(stage, len(plans), len(plans))

    def _drive(self, service: Running, plan: Plan, options: dict[str, Any] | None = None) -> Cell:
        whole = replace(plan, url=service.url, texts=self._texts, first=self._asked, options=options or self._options)
        cell, seen = drive(service, whole)
        self._asked += plan.batch * len(seen.seen)
        return cell

    def _fresh(self, size: int) -> list[str]:
        self._asked += size
        return fresh_queries(self._texts, self._asked - size, size)


def load_aims(overheads: Sequence[Overhead], compared: Sequence[Against]) -> list[Aim]:
    """The aims that these figures speak of."""
    aims = [
        Aim(f"time over the floor, batch of {one.batch:,}", one.ratio.median, FLOOR_AIM, at_most=True, unit="×")
        for one in overheads
        if one.batch >= FLOOR_AIM_FROM
    ]
    limits = {OVER_ENCODER: ENCODER_AIM, OVER_PLAIN: CALLERS_AIM, OVER_HYBRID: BATCH_AIM}
    return aims + [
        Aim(f"queries/s, {one.name}", one.ratio.median, limits[one.name], at_most=False, unit="×") for one in compared
    ]
