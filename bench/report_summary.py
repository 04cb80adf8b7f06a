"""What a report says, as numbers: sets, systems, means, wins, marks. Pure; the page and the plots draw from it."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

from bench.records import Comparison, Latency, Report, Result
from bench.report_file import by_system

SIGNIFICANT = 0.05
"""A corrected p below this is marked."""

ARMS, HYBRID = ("lexical", "dense"), "hybrid"
TOLERATED = 0.005
"""How much below its better arm the hybrid may fall on a set."""

MAIN_MEASURES = ("nDCG@10", "AR@1024")

T = TypeVar("T")

Key = tuple[str, str]
"""(collection, split): one judged set."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A system over all shared sets. `better` and `worse` count sets against the baseline, (all, significant)."""

    system: str
    mean: float | None
    best_on: int
    better: tuple[int, int]
    worse: tuple[int, int]
    latency: Latency | None


class Summary:
    """Reads a report. `main` is the measure of the headline: nDCG@10 or AR@1024 where it was taken, else the first one.

    Means are over `shared`, the sets that every system was judged on: otherwise a system would gain by leaving out
    what is hard. Systems are ordered by that mean, the best first; equal ones keep the report's order.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self._results = {
            ((collection, split), system): one for (collection, split, system), one in by_system(report.results).items()
        }
        self.sets: list[Key] = _unique((one.collection, one.split) for one in report.results)
        self.measures = _unique(measure for one in report.results for measure in one.means)
        self.main = next((one for one in (*MAIN_MEASURES, *self.measures) if one in self.measures), "")
        systems = _unique(one.system for one in report.results)
        self.shared = [key for key in self.sets if all((key, system) in self._results for system in systems)]
        self.systems = sorted(systems, key=lambda system: -(self.mean(system, self.main) or 0.0))
        self.baseline = self._baseline()

    def result(self, key: Key, system: str) -> Result | None:
        """One system on one set, None where it was not run."""
        return self._results.get((key, system))

    def value(self, key: Key, system: str, measure: str) -> float | None:
        """A mean over the queries of one set, None where it was not taken."""
        found = self.result(key, system)
        return found.means.get(measure) if found else None

    def label(self, key: Key) -> str:
        """The collection's name, with its split where the name alone does not tell."""
        return key[0] if self._splits(key[0]) == 1 else f"{key[0]}/{key[1]}"

    def mean(self, system: str, measure: str) -> float | None:
        """The mean over the shared sets, each counting alike; None where one lacks the measure."""
        return _mean([self.value(key, system, measure) for key in self.shared])

    def latency(self, system: str) -> Latency | None:
        """The mean of each latency over the shared sets, None unless all were timed."""
        timed = [found.latency for key in self.shared if (found := self.result(key, system)) and found.latency]
        if not timed or len(timed) < len(self.shared):
            return None
        return Latency(*(fmean(getattr(one, name) for one in timed) for name in ("p50", "p95", "batched")))

    def best(self, key: Key, measure: str) -> set[str]:
        """The systems with the highest value on a set."""
        values = {system: self.value(key, system, measure) for system in self.systems}
        known = [value for value in values.values() if value is not None]
        return {system for system, value in values.items() if known and value == max(known)}

    def compared(self, key: Key, system: str, measure: str) -> Comparison | None:
        """The comparison of a system with the baseline; None too where two splits share the collection's name."""
        if self._splits(key[0]) != 1:
            return None
        wanted = (key[0], measure, self.baseline, system)
        found = (one for one in self.report.comparisons if _place(one) == wanted)
        return next(found, None)

    def against(self, system: str, other: str, measure: str) -> dict[Key, float]:
        """How far `system` is above `other`, by set, on all sets where both were run."""
        pairs = {key: (self.value(key, system, measure), self.value(key, other, measure)) for key in self.sets}
        return {key: one - two for key, (one, two) in pairs.items() if one is not None and two is not None}

    def over_better_arm(self, measure: str) -> dict[Key, float]:
        """The hybrid minus the better of both arms, by set; empty unless all three were run."""
        lexical, dense = (self.against(HYBRID, arm, measure) for arm in ARMS)
        return {key: min(lexical[key], dense[key]) for key in lexical if key in dense}

    def standings(self) -> list[Standing]:
        """All systems on the main measure, the best first."""
        return [self._standing(system) for system in self.systems]

    def _standing(self, system: str) -> Standing:
        against = self.against(system, self.baseline, self.main) if self.baseline else {}
        return Standing(
            system,
            self.mean(system, self.main),
            sum(system in self.best(key, self.main) for key in self.sets),
            self._count(system, against, lambda difference: difference > 0),
            self._count(system, against, lambda difference: difference < 0),
            self.latency(system),
        )

    def _count(self, system: str, against: dict[Key, float], wanted: Callable[[float], bool]) -> tuple[int, int]:
        chosen = [key for key, difference in against.items() if wanted(difference)]
        tested = [self.compared(key, system, self.main) for key in chosen]
        return len(chosen), sum(one is not None and one.p_corrected < SIGNIFICANT for one in tested)

    def _baseline(self) -> str:
        """The one most comparisons are against, the first such; without comparisons there is none."""
        counted = Counter(one.baseline for one in self.report.comparisons if one.baseline in self.systems)
        return counted.most_common(1)[0][0] if counted else ""

    def _splits(self, collection: str) -> int:
        return sum(collection == name for name, _ in self.sets)


def _place(one: Comparison) -> tuple[str, str, str, str]:
    return one.collection, one.measure, one.baseline, one.system


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _unique(items: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(items))
