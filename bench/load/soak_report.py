"""From what a soak saw to its report: answers checked, latency by what went on meanwhile, memory, aims."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.load.checking import Checker
from bench.load.driving import percentiles
from bench.load.plan import OK, HttpRequest, Observations, Seen
from bench.load.records import Aim, Event, SoakReport, Window
from bench.load.soak import BUILDING, QUIET, SWAPPING, Journal, Span
from bench.machine import machine
from index.progress import Progress, silent
from service.searcher import Searcher

SWAP_AIM, MEMORY_AIM = 2.0, 1.1


def soak_report(observed: Observations, journal: Journal, checked: "Checked", settings: dict[str, str]) -> SoakReport:
    """The report of a soak."""
    found = windows(observed.seen, journal.spans)
    return SoakReport(
        title="bench soak",
        created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        machine=machine(),
        settings=settings,
        requests=len(observed.seen),
        identical=checked.verdicts["identical"],
        rounded=checked.verdicts["rounded"],
        wrong_answers=checked.verdicts["wrong"],
        wrong=tuple(checked.wrong),
        differences=tuple(checked.rounded),
        failed=dict(Counter(one.kind for one in observed.seen if one.kind != OK)),
        windows=tuple(found),
        memory=tuple((at - observed.began, size) for at, size in journal.memory),
        events=tuple(Event(at - observed.began, what) for at, what in journal.happened),
        aims=tuple(soak_aims(observed.seen, checked, found, journal.memory)),
    )


class Checked(NamedTuple):
    """How many replies were what; `wrong` and `rounded` say of each distinct such reply where it differs first."""

    verdicts: Counter[str]
    wrong: list[str]
    rounded: list[str]


def check_answers(
    observed: Observations,
    mix: tuple[HttpRequest, ...],
    keep: Path,
    open_searcher: Callable[[str], Searcher],
    progress: Progress = silent,
) -> Checked:
    """Compare every reply with a direct call on the snapshot that it names; equal replies are compared once."""
    times = Counter((one.digest, one.request) for one in observed.seen if one.kind == OK)
    checker, verdicts, where = Checker(open_searcher), Counter[str](), defaultdict[str, list[str]](list)
    bodies = {digest: (keep / digest).read_bytes() for digest, _ in times}
    # By snapshot, which stands first in each reply, so that each is opened once.
    for number, (digest, request) in enumerate(sorted(times, key=lambda one: bodies[one[0]][:64]), 1):
        verdict, place = checker.check(mix[request], bodies[digest])
        verdicts[verdict] += times[digest, request]
        if place:
            where[verdict].append(f"{mix[request].method} {mix[request].path} {mix[request].body[:200]}: {place}")
        progress("check", number, len(times))
    return Checked(verdicts, where["wrong"], where["rounded"])


def windows(seen: Sequence[Seen], spans: Sequence[Span]) -> list[Window]:
    """Latency by what went on while a request was under way; a swap counts before a build."""
    found: dict[str, list[float]] = {QUIET: [], BUILDING: [], SWAPPING: []}
    for one in seen:
        if one.kind == OK:
            found[_meanwhile(one, spans)].append((one.done - one.due) * 1000)
    return [Window(name, len(times), *percentiles(times)) for name, times in found.items() if times]


def soak_aims(
    seen: Sequence[Seen], checked: Checked, found: Sequence[Window], memory: Sequence[tuple[float, float]]
) -> list[Aim]:
    """Wrong answers, failures, latency in swaps, memory."""
    p99 = {one.name: one.p99 for one in found}
    aims = [
        Aim("wrong answers", checked.verdicts["wrong"], 0, at_most=True),
        Aim("failed requests", sum(one.kind != OK for one in seen), 0, at_most=True),
    ]
    if QUIET in p99 and SWAPPING in p99:
        aims.append(Aim("p99 in swaps over p99 without", p99[SWAPPING] / p99[QUIET], SWAP_AIM, at_most=True, unit="×"))
    if (grown := memory_growth(memory)) is not None:
        aims.append(Aim("memory at the end over memory early on", grown, MEMORY_AIM, at_most=True, unit="×"))
    return aims


def memory_growth(memory: Sequence[tuple[float, float]]) -> float | None:
    """The median of the last fifth as a multiple of the second fifth's: the first one still fills caches."""
    if (early := early_memory(memory)) is None:
        return None
    return median(size for _, size in memory[-(len(memory) // 5) :]) / early


def early_memory(memory: Sequence[tuple[float, float]]) -> float | None:
    """The median of the second fifth, None for fewer than five values."""
    fifth = len(memory) // 5
    return median(size for _, size in memory[fifth : 2 * fifth]) if fifth else None


def _meanwhile(one: Seen, spans: Sequence[Span]) -> str:
    going_on = {span.name for span in spans if span.start < one.done and one.due < span.end}
    return next((name for name in (SWAPPING, BUILDING) if name in going_on), QUIET)
