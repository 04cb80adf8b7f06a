"""The table that people look at: collections × systems, what is best, and what differs from the baseline."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from bench.records import Comparison, Report, Result
from bench.significance import LEVEL

COLUMNS = ("nDCG@10", "R@10", "R@100", "RR@10", "P@1", "AR@1024")


def results_table(report: Report, columns: Sequence[str] = COLUMNS) -> Table:
    """A block of rows for each collection, and a last one with means where there are several collections.

    The columns are measures, and the median latency where any was taken. The best of a block is bold; ▲ and ▼ mark
    what is significantly better or worse than the baseline.
    """
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    table.add_column("system", overflow="fold")
    timed = any(result.latency for result in report.results)
    for name in (*columns, *(["p50 ms"] if timed else ())):
        table.add_column(name, justify="right", no_wrap=True)
    names = list(dict.fromkeys(result.collection for result in report.results))
    for name in names:
        block = [one for one in report.results if one.collection == name]
        _add_block(table, f"{name} ({block[0].queries:,})", block, report.comparisons, columns)
    if len(names) > 1:
        _add_block(table, f"mean of {len(names)}", _means(report.results, len(names)), (), columns)
    return table


def legend(report: Report) -> str:
    """What the marks of the table mean."""
    return (
        f"best in bold; ▲ better, ▼ worse than {report.settings.get('baseline', 'the baseline')}: paired randomisation "
        f"test, p < {LEVEL} after Holm's correction for {len(report.comparisons):,} comparisons"
    )


def _add_block(
    table: Table, title: str, results: Sequence[Result], comparisons: Sequence[Comparison], columns: Sequence[str]
) -> None:
    marks = {
        (one.collection, one.system, one.measure): "▲" if one.difference > 0 else "▼"
        for one in comparisons
        if one.p_corrected < LEVEL
    }
    table.add_row(f"[bold]{escape(title)}[/]")
    for result in results:
        cells = [
            _cell(result.means.get(name), results, name, marks.get((result.collection, result.system, name), " "))
            for name in columns
        ]
        if len(table.columns) > 1 + len(columns):
            cells.append(f"{result.latency.p50:.1f}" if result.latency else "–")
        table.add_row(f"  {escape(result.system)}", *cells)
    table.add_section()


def _cell(value: float | None, results: Sequence[Result], name: str, mark: str) -> str:
    if value is None:
        return "– "
    best = max(one.means.get(name, 0.0) for one in results)
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
            for name in own[0].means
            if all(name in one.means for one in own)
        }
        found.append(Result("", "", "", system, 0, means, {}))
    return found
