"""The table that people look at: collections × systems, what is best, and what differs from the baseline."""

from collections.abc import Sequence

from rich.table import Table

from bench.records import Comparison, Report, Result
from bench.significance import LEVEL

COLUMNS = ("nDCG@10", "R@10", "R@100", "RR@10", "P@1", "AR@1024")
MEAN = "mean"


def results_table(report: Report) -> Table:
    """A block of rows for each collection, and a last one with means where there are several collections.

    The best of a block is bold; ▲ and ▼ mark what is significantly better or worse than the baseline.
    """
    table = Table("collection", "system", "queries", *COLUMNS, "p50 ms", box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    names = list(dict.fromkeys(result.collection for result in report.results))
    for name in names:
        _add_block(table, [one for one in report.results if one.collection == name], report.comparisons)
    if len(names) > 1:
        _add_block(table, _means(report.results, len(names)), ())
    return table


def legend(report: Report) -> str:
    """What the marks of the table mean."""
    return (
        f"best in bold; ▲ better, ▼ worse than {report.settings.get('baseline', 'the baseline')}: paired randomisation "
        f"test, p < {LEVEL} after Holm's correction for {len(report.comparisons):,} comparisons"
    )


def _add_block(table: Table, results: Sequence[Result], comparisons: Sequence[Comparison]) -> None:
    best = {name: max(one.means.get(name, 0.0) for one in results) for name in COLUMNS} if results else {}
    marks = {
        (one.collection, one.system, one.measure): "▲" if one.difference > 0 else "▼"
        for one in comparisons
        if one.p_corrected < LEVEL
    }
    for place, result in enumerate(results):
        cells = [
            _cell(result.means.get(name), best[name], marks.get((result.collection, result.system, name), " "))
            for name in COLUMNS
        ]
        latency = f"{result.latency.p50:.1f}" if result.latency else "–"
        shown = result.collection if place == 0 else ""
        queries = f"{result.queries:,}" if result.queries else ""
        table.add_row(shown, result.system, queries, *cells, latency, end_section=place == len(results) - 1)


def _cell(value: float | None, best: float, mark: str) -> str:
    if value is None:
        return "– "
    figure = f"{value:.4f}"
    return f"[bold]{figure}[/]{mark}" if figure == f"{best:.4f}" else f"{figure}{mark}"


def _means(results: Sequence[Result], collections: int) -> list[Result]:
    """A result for each system that was evaluated on all collections, with what they all measure."""
    found = []
    for system in dict.fromkeys(one.system for one in results):
        own = [one for one in results if one.system == system]
        if len(own) < collections:
            continue
        means = {
            name: sum(one.means[name] for one in own) / len(own)
            for name in COLUMNS
            if all(name in one.means for one in own)
        }
        found.append(Result(MEAN, "", "", system, 0, means, {}))
    return found
