"""The gate: results against pinned floors, and floors that only rise by themselves."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal
from math import isfinite
from pathlib import Path
from typing import Literal

from bench.errors import BenchError
from bench.floors import Floor, read_floors
from bench.records import Result
from bench.report_file import by_system

Status = Literal["passed", "broken", "data changed", "missing"]

PINNED = ("nDCG@10",)
"""The measures for which new floors are made."""

_STEP = Decimal("0.0001")
"""Floors are rounded down to this, so that a floor never stands above what was measured."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the results say to one floor; `measured` is None where they do not hold it."""

    floor: Floor
    status: Status
    measured: float | None

    @property
    def sentence(self) -> str:
        """The verdict in plain words."""
        one = self.floor
        if self.status == "missing":
            return f"{one.name}: the results do not hold it."
        if self.status == "data changed":
            return f"{one.name}: the data is not what the floor was measured on, so {self.measured:.4f} says nothing."
        allowed = f"the floor {one.floor:.4f} (less {one.epsilon:g})"
        return f"{one.name}: {self.measured:.4f} is {'below' if self.status == 'broken' else 'not below'} {allowed}."


def check(floors: Iterable[Floor], results: Iterable[Result]) -> list[Verdict]:
    """A verdict for each floor, in order of place; results without a floor are not looked at.

    A floor passes at exactly floor − epsilon, reckoned in decimals as written. Raises BenchError for two results of
    one system on one set.
    """
    found = by_system(tuple(results))
    verdicts = []
    for one in sorted(floors, key=lambda one: one.place):
        result = found.get((one.collection, one.split, one.system))
        measured = result.means.get(one.measure) if result else None
        status: Status
        if result is None or measured is None:
            status = "missing"
        elif result.digest != one.digest:
            status = "data changed"
        else:
            status = "passed" if _holds(one, measured) else "broken"
        verdicts.append(Verdict(one, status, measured))
    return verdicts


def update(
    floors: Iterable[Floor],
    results: Iterable[Result],
    allow_lower: bool = False,
    reason: str = "",
    measures: Sequence[str] = PINNED,
) -> tuple[Floor, ...]:
    """Floors raised to what was measured, and new ones for results that have none in `measures`.

    Floors that the results do not hold stay. A lower value within epsilon leaves its floor; one below it, or data
    that changed, is refused unless `allow_lower`, which wants a reason, kept in the floor. Raises BenchError that
    names each refused floor.
    """
    if allow_lower and not reason.strip():
        raise BenchError("lowering floors takes a reason")
    results = tuple(results)
    verdicts = check(floors, results)
    refused = [one for one in verdicts if one.status in ("broken", "data changed")]
    if refused and not allow_lower:
        raise BenchError("floors do not fall by themselves: " + " ".join(one.sentence for one in refused))
    digests = {(one.collection, one.split, one.system): one.digest for one in results}
    updated = {one.floor.place: _moved(one, digests.get(one.floor.place[:3], ""), reason) for one in verdicts}
    for one in results:
        for measure in measures:
            if measure in one.means:
                digest, value = one.digest, _rounded(one.means[measure])
                new = Floor(one.collection, one.split, one.system, measure, digest, value)
                updated.setdefault(new.place, new)
    return tuple(updated[place] for place in sorted(updated))


def gate_failures(floors_path: Path, results: Iterable[Result]) -> list[str]:
    """A sentence for each floor that does not hold, for callers that only want to know whether to go on.

    Data that changed, a missing result and a file without floors are failures too. Raises BenchError for a floors
    file that cannot be read.
    """
    verdicts = check(read_floors(floors_path), results)
    if not verdicts:
        return [f"{floors_path} pins nothing."]
    return [one.sentence for one in verdicts if one.status != "passed"]


def count_changes(old: Iterable[Floor], new: Iterable[Floor]) -> dict[str, int]:
    """How many floors were added, raised, lowered or pinned to other data, and how many stayed."""
    before = {one.place: one for one in old}
    counts = Counter(_change(before.get(one.place), one) for one in new)
    return {name: counts[name] for name in ("added", "raised", "lowered", "other data", "unchanged")}


def _change(old: Floor | None, new: Floor) -> str:
    if old is None:
        return "added"
    if old.digest != new.digest:
        return "other data"
    return "raised" if new.floor > old.floor else "lowered" if new.floor < old.floor else "unchanged"


def _moved(verdict: Verdict, digest: str, reason: str) -> Floor:
    old = verdict.floor
    if verdict.measured is None:
        return old
    value = _rounded(verdict.measured)
    if verdict.status == "passed":
        return replace(old, floor=max(old.floor, value))
    return replace(old, floor=value, digest=digest, lowered=reason)


def _holds(one: Floor, measured: float) -> bool:
    # In binary, .7243 − .002 is not .7223.
    return isfinite(measured) and Decimal(str(measured)) >= Decimal(str(one.floor)) - Decimal(str(one.epsilon))


def _rounded(value: float) -> float:
    if not isfinite(value) or not 0 <= value <= 1:
        raise BenchError(f"a floor is a number from 0 to 1; {value} was measured")
    return float(Decimal(str(value)).quantize(_STEP, rounding=ROUND_FLOOR))
