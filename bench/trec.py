"""Judgments and runs in TREC's forms, and BEIR's table of judgments."""

import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ir_measures

from bench.errors import InvalidCollection
from bench.records import Qrels, Run
from bench.rows import Reader


def read_qrels(reader: Reader, path: Path) -> Qrels:
    """Read `query iteration document relevance` lines, or BEIR's three columns parted by tabs, with its heading.

    Relevance below 0, which marks spam in some tracks, counts as 0. Raises InvalidCollection with file and line.
    """
    qrels: Qrels = {}
    for query, document, relevance in reader.rows(path, _judgment, "judgment"):
        qrels.setdefault(query, {})[document] = max(0, relevance)
    if not qrels:
        raise InvalidCollection(f"{path} holds no judgments")
    return qrels


def read_run(path: Path) -> Run:
    """Read `query Q0 document rank score tag` lines. Raises InvalidCollection with file and line.

    The order is trec_eval's: by score, equal scores by document id downwards; the rank column is not looked at.
    Scores given back are 1 / place in that order.
    """
    scores: Run = {}
    for row in Reader().rows(path, _scored, "line of a TREC run (query Q0 document rank score tag)"):
        scores.setdefault(row.query_id, {})[row.doc_id] = row.score
    if not scores:
        raise InvalidCollection(f"{path} holds no results")
    return {query: ranked(_trec_order(found)) for query, found in scores.items()}


def ranked(documents: list[str]) -> dict[str, float]:
    """Scores 1 / place for documents in order; of one that comes again its first place counts."""
    return {document: 1.0 / place for place, document in enumerate(dict.fromkeys(documents), 1)}


def trec_lines(run: Run, tag: str) -> str:
    """A run as text in TREC's form, best first."""
    lines = []
    for query, found in run.items():
        order = sorted(found, key=lambda document: -found[document])
        lines += [f"{query} Q0 {document} {n} {found[document]:.9f} {tag}\n" for n, document in enumerate(order, 1)]
    return "".join(lines)


def _trec_order(found: dict[str, float]) -> list[str]:
    return sorted(sorted(found, reverse=True), key=lambda document: -found[document])


def _judgment(line: str) -> tuple[str, str, int] | None:
    if line.count("\t") == 2:
        query, document, relevance = line.rstrip("\r\n").split("\t")
        # The heading of BEIR's table.
        return None if relevance == "score" else (query, document, int(relevance))
    row = _only(ir_measures.read_trec_qrels, line, "4 columns, or 3 parted by tabs")
    return row.query_id, row.doc_id, row.relevance


def _scored(line: str) -> ir_measures.ScoredDoc:
    row: ir_measures.ScoredDoc = _only(ir_measures.read_trec_run, line, "6 columns")
    if not math.isfinite(row.score):
        raise ValueError(f"the score {row.score} is no finite number")
    return row


def _only(read: Callable[[io.StringIO], Iterator[Any]], line: str, columns: str) -> Any:
    # The library's own message of a short line speaks of unpacking.
    if len(line.split()) != int(columns[0]):
        raise ValueError(f"it must have {columns}")
    return next(read(io.StringIO(line)))
