"""What a run leaves in a folder: the report as JSON, runs in TREC's form, and the queries that systems differ on."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from bench.records import Comparison, Report, Run
from bench.report_file import dump_report
from bench.run import Outcome
from bench.trec import trec_lines
from index.files import write_atomically

_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")
_SPACE = re.compile(r"\s")


def write_outcome(outcome: Outcome, folder: Path) -> None:
    """Write results.json, runs/<collection>/<system>.run and differences/<collection>.tsv. Raises OSError.

    White space in ids, which TREC's form cannot hold, is percent-encoded.
    """
    dump_report(outcome.report, folder / "results.json")
    for collection, runs in outcome.runs.items():
        for system, run in runs.items():
            path = folder / "runs" / _file_name(collection) / f"{_file_name(system)}.run"
            write_atomically(path, trec_lines(_without_space(run), _file_name(system)).encode())
        lines = "".join(_difference_lines(outcome.report, collection))
        write_atomically(folder / "differences" / f"{_file_name(collection)}.tsv", lines.encode())


def _difference_lines(report: Report, collection: str) -> Iterator[str]:
    """A line for each query, system and measure that differs from the baseline, the largest differences first."""
    yield "measure\tsystem\tbaseline\tdifference\tsystem value\tbaseline value\tquery-id\tquery\n"
    values = {one.system: one.per_query for one in report.results if one.collection == collection}
    texts = report.queries.get(collection, {})
    for one in report.comparisons:
        if one.collection != collection:
            continue
        for query, difference in _by_size(one):
            pair = (values[system][query][one.measure] for system in (one.system, one.baseline))
            numbers = "\t".join(f"{number:.4f}" for number in (difference, *pair))
            text = " ".join(texts.get(query, "").split())
            yield f"{one.measure}\t{one.system}\t{one.baseline}\t{numbers}\t{query}\t{text}\n"


def _by_size(comparison: Comparison) -> list[tuple[str, float]]:
    return sorted([*comparison.helped, *comparison.hurt], key=lambda item: (-abs(item[1]), item[0]))


def _without_space(run: Run) -> Run:
    def plain(name: str) -> str:
        return _SPACE.sub(lambda found: quote(found[0]), name)

    return {plain(query): {plain(document): score for document, score in found.items()} for query, found in run.items()}


def _file_name(name: str) -> str:
    # Names come from the command line and from folders; a leading dot would hide the file.
    return _NOT_IN_NAMES.sub("-", name).lstrip(".") or "-"
