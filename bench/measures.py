"""Measures of one ranking: the classic ones by ir_measures, and what an agent gets to read by our own rule.

A query without results counts 0 in all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import ir_measures
from ir_measures import RR, P, R, nDCG

from bench.records import Qrels, Run
from index.tokens import count_tokens, cut

CLASSIC = {"nDCG@10": nDCG @ 10, "R@10": R @ 10, "R@100": R @ 100, "RR@10": RR @ 10, "P@1": P @ 1}
BUDGETS = (512, 1024, 2048)
AUTHORITY_DEPTHS = (5, 10)


class Shown(NamedTuple):
    """A passage as an agent reads it: the document that it stands for in the judgments, and its text."""

    document: str
    text: str


def judge(qrels: Qrels, run: Run) -> dict[str, dict[str, float]]:
    """The classic measures of every judged query: `[query][measure]`."""
    names = {str(measure): name for name, measure in CLASSIC.items()}
    values = {query: dict.fromkeys(CLASSIC, 0.0) for query in qrels}
    for row in ir_measures.iter_calc(list(CLASSIC.values()), qrels, run):
        values[row.query_id][names[str(row.measure)]] = float(row.value)
    return values


def answer_recall(
    shown: Iterable[Shown], judged: Mapping[str, int], answers: Sequence[str], budgets: Sequence[int] = BUDGETS
) -> dict[str, float]:
    """Whether an agent that reads the hits in order, up to a budget of tokens, has read an answer: `AR@<budget>`.

    1 where a relevant document (relevance 1 or more) stands whole within the budget, or one of `answers` stands
    there, case and white space aside, within one hit; otherwise 0. The hit that the budget ends in is cut as a reply
    would cut it. Tokens are those of `index.tokens`.
    """
    wanted = [_folded(answer) for answer in answers]
    found = dict.fromkeys(budgets, 0.0)
    used = 0
    for hit in shown:
        tokens = count_tokens(hit.text)
        for budget in budgets:
            left = budget - used
            if left <= 0 or found[budget]:
                continue
            whole = tokens <= left
            is_relevant = whole and judged.get(hit.document, 0) >= 1
            found[budget] = float(is_relevant or _holds(hit.text if whole else hit.text[: cut(hit.text, left)], wanted))
        used += tokens
        if used >= max(budgets) or all(found.values()):
            break
    return {f"AR@{budget}": value for budget, value in found.items()}


def authority_at(authorities: Sequence[float], depths: Sequence[int] = AUTHORITY_DEPTHS) -> dict[str, float]:
    """Mean authority of the sources of the best k hits, or of all where there are fewer: `authority@<k>`."""
    return {
        f"authority@{depth}": sum(authorities[:depth]) / len(authorities[:depth]) if authorities else 0.0
        for depth in depths
    }


def means(per_query: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The mean of each measure over all queries."""
    first = next(iter(per_query.values()))
    return {measure: sum(values[measure] for values in per_query.values()) / len(per_query) for measure in first}


def _holds(text: str, wanted: Sequence[str]) -> bool:
    return bool(wanted) and any(answer in _folded(text) for answer in wanted)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
