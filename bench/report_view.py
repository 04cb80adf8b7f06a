"""The words and cells of the page, made of a summary. Pure; the template only lays them out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from bench.plot_style import signed
from bench.records import Comparison, Latency, Report
from bench.report_summary import SIGNIFICANT, Key, Standing, Summary

SHOWN_QUERIES = 20
"""How many helped and hurt queries the page lists for each comparison; `results.json` has all."""

TIMES = {
    "p50": "median ms, one query at a time",
    "p95": "95th percentile ms, one query at a time",
    "batched": "ms a query in one large batch",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of the table. `mark` is "better", "worse" or empty; `said` explains it; `sort` orders columns."""

    text: str
    sort: float
    best: bool = False
    mark: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One set."""

    label: str
    queries: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """The table of one measure or latency: sets × systems, and the means over the shared sets."""

    name: str
    words: str
    rows: tuple[Row, ...]
    means: Row | None


@dataclass(frozen=True, slots=True)
class QueryRow:
    """One query that a system changed."""

    text: str
    language: str
    difference: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison in words, with the queries changed most."""

    collection: str
    difference: str
    significant: bool
    p: str
    helped: int
    hurt: int
    same: int
    most_helped: tuple[QueryRow, ...]
    most_hurt: tuple[QueryRow, ...]


Group = tuple[str, list[Comparison]]
"""(what is compared, its comparisons): same system, baseline and measure."""


def headline(summary: Summary) -> tuple[str, str]:
    """Two sentences: which system is best and by how much, and how it does set by set."""
    if not summary.systems:
        curves = len(summary.report.curves)
        return (
            (summary.report.title, f"{_counted(curves, 'curve')}.")
            if curves
            else ("No results.", "Nothing was measured.")
        )
    if not summary.shared:
        return "No set was run by all systems.", "So there are no means; see the table for single sets."
    best, measure = summary.systems[0], summary.main
    count = len(summary.shared)
    mean = summary.mean(best, measure)
    if mean is None:
        return f"{measure} is missing for {best}.", "See the table for what was measured."
    first = f"{best}: mean {measure} {mean:.3f} over {_counted(count, 'set')}"
    time = summary.latency(best)
    at = f" Median latency {milliseconds(time.p50)} ms" if time else ""
    if len(summary.systems) == 1:
        return f"{first}.", f"{at.strip()}." if at else ""
    second = summary.systems[1]
    others = summary.latency(second)
    at += f", of {second} {milliseconds(others.p50)} ms." if at and others else "." if at else ""
    margin = mean - (summary.mean(second, measure) or 0.0)
    against = summary.against(best, second, measure).values()
    won, lost = sum(value > 0 for value in against), sum(value < 0 for value in against)
    pair = f"Better than {second} on {_counted(won, 'set')}, worse on {lost}, equal on {len(against) - won - lost}."
    return f"{first}, {signed(margin)} against {second}, the next.", pair + at


def panels(summary: Summary) -> list[Panel]:
    """A table for each measure, the main one first, and for each latency if any was taken."""
    measures = sorted(summary.measures, key=lambda measure: measure != summary.main)
    made = [_measure_panel(summary, measure) for measure in measures]
    if any(one.latency for one in summary.report.results):
        made += [_latency_panel(summary, name, words) for name, words in TIMES.items()]
    return made


def groups(comparisons: Sequence[Comparison]) -> list[Group]:
    """Comparisons of the same system, baseline and measure together, in the report's order."""
    order = {_kind(one): number for number, one in reversed(list(enumerate(comparisons)))}
    ordered = sorted(comparisons, key=lambda one: order[_kind(one)])
    return [
        (f"{system} against {baseline}, {measure}", list(members))
        for (system, baseline, measure), members in groupby(ordered, key=_kind)
    ]


def compared(one: Comparison, report: Report, sizes: Mapping[str, int]) -> Compared:
    """A comparison as the page shows it; `sizes` counts the queries of each collection."""
    texts = report.queries.get(one.collection, {})

    def rows(found: Sequence[tuple[str, float]]) -> tuple[QueryRow, ...]:
        return tuple(
            QueryRow(text, language(text), signed(difference))
            for query, difference in found[:SHOWN_QUERIES]
            for text in [texts.get(query, query)]
        )

    same = max(0, sizes.get(one.collection, 0) - len(one.helped) - len(one.hurt))
    return Compared(
        one.collection,
        signed(one.difference),
        one.p_corrected < SIGNIFICANT,
        f"p {probability(one.p)}, corrected {probability(one.p_corrected)}",
        len(one.helped),
        len(one.hurt),
        same,
        rows(one.helped),
        rows(one.hurt),
    )


def count_of(standing: Standing) -> tuple[str, str]:
    """Better and worse sets, with how many of them are significant."""
    pairs = (standing.better, standing.worse)
    better, worse = (
        f"{count} ({significant} significant)" if significant else str(count) for count, significant in pairs
    )
    return better, worse


def milliseconds(value: float) -> str:
    """Three figures: 0.482, 9.31, 41.7, 120, 1,532."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def probability(value: float) -> str:
    """`= .043`, or `< .001`, which is what so many random draws can say."""
    return "< .001" if value < 0.001 else "= " + f"{value:.3f}".removeprefix("0")


def language(text: str) -> str:
    """The tag by which a browser picks glyphs, by script: ja, ko, zh, or none."""
    tags = {"ja": ("\u3040", "\u30ff"), "ko": ("\uac00", "\ud7a3"), "zh": ("\u4e00", "\u9fff")}
    return next((tag for tag, (low, high) in tags.items() if any(low <= one <= high for one in text)), "")


def _kind(one: Comparison) -> tuple[str, str, str]:
    return one.system, one.baseline, one.measure


def _measure_panel(summary: Summary, measure: str) -> Panel:
    def cell(key: Key, system: str) -> Cell:
        value = summary.value(key, system, measure)
        if value is None:
            return Cell("", -1.0)
        best = len(summary.systems) > 1 and system in summary.best(key, measure)
        tested = summary.compared(key, system, measure)
        if tested is None:
            return Cell(f"{value:.3f}", value, best)
        mark = "" if tested.p_corrected >= SIGNIFICANT else "better" if tested.difference > 0 else "worse"
        said = f"{signed(tested.difference)} against {tested.baseline}, corrected p {probability(tested.p_corrected)}"
        return Cell(f"{value:.3f}", value, best, mark, said)

    words = f"{measure}, higher is better"
    means = [summary.mean(system, measure) for system in summary.systems]
    return _panel(summary, measure, words, cell, means, max, "{:.3f}".format)


def _latency_panel(summary: Summary, name: str, words: str) -> Panel:
    def time(latency: Latency) -> float:
        return float(getattr(latency, name))

    def cell(key: Key, system: str) -> Cell:
        found = summary.result(key, system)
        if not found or not found.latency:
            return Cell("", float(2**40))
        value = time(found.latency)
        others = [one.latency for other in summary.systems if (one := summary.result(key, other))]
        best = len(summary.systems) > 1 and value == min(time(one) for one in others if one)
        return Cell(milliseconds(value), value, best)

    taken = [summary.latency(system) for system in summary.systems]
    means = [time(one) if one else None for one in taken]
    return _panel(summary, f"{name} ms", f"{words}, lower is better", cell, means, min, milliseconds)


def _panel(
    summary: Summary,
    name: str,
    words: str,
    cell: Callable[[Key, str], Cell],
    means: list[float | None],
    best_of: Callable[[list[float]], float],
    shown: Callable[[float], str],
) -> Panel:
    rows = tuple(
        Row(summary.label(key), _queries(summary, key), tuple(cell(key, system) for system in summary.systems))
        for key in summary.sets
    )
    known = [value for value in means if value is not None]
    if len(summary.shared) < 2 or not known:
        return Panel(name, words, rows, None)
    best = best_of(known) if len(means) > 1 else None
    cells = tuple(Cell("", 0.0) if value is None else Cell(shown(value), value, value == best) for value in means)
    label = f"mean of {len(summary.shared)} sets"
    return Panel(name, words, rows, Row(label, sum(_queries(summary, key) for key in summary.shared), cells))


def _queries(summary: Summary, key: Key) -> int:
    return max((one.queries for system in summary.systems if (one := summary.result(key, system))), default=0)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
