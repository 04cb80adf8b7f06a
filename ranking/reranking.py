"""Reranking: the best candidates by a second, closer reading.

Nogueira and Cho, "Passage re-ranking with BERT", 2019: the best few are read together with the query by a
cross-encoder, whose score replaces the first one. What it did not read stays below, in the order it had.
"""

import numpy as np

from ranking.candidates import ArmScores, Candidates, Floats, Integers
from ranking.z_score import z_scores


def best_texts(candidates: Candidates, relevance: Floats, depth: int) -> Integers:
    """The candidates to read, shape [at most depth]: the best by (relevance, id), of equal texts only the best copy."""
    order = sorted(range(len(relevance)), key=lambda at: (-relevance[at], candidates.ids[at]))
    texts = candidates.text_hash.tolist()
    first = {texts[at]: at for at in reversed(order)}
    return np.array([at for at in order if first[texts[at]] == at][:depth], np.int64)


def with_reranker(relevance: Floats, scores: Floats, band_width: float) -> Floats:
    """Relevance of shape [n], with the reranker's word instead of both arms'. `scores` is NaN where it has none.

    What it scored gets the z-score of its score among the scored, times the standard deviation of the relevance that
    it replaces (at least a band's width), so that a band has its width on either side. All of it is raised by one
    amount, so that the lowest stands a band's width and one such deviation above the best of the others: scores of
    unlike origin are never comparable, and authority in a band lifts nothing unread over what was read. Where all or
    none were scored, nothing is raised.
    """
    scored = ~np.isnan(scores)
    if not scored.any():
        return relevance
    result = relevance.copy()
    # Sorted, since sums in another order differ in the last bits: the order of the input must not matter.
    spread = max(float(np.sort(relevance[scored]).std()), band_width) or 1.0
    result[scored] = spread * z_scores(ArmScores(scores, scored.astype(np.int64)))[scored]
    if not scored.all():
        result[scored] += relevance[~scored].max() + band_width + spread - result[scored].min()
    return result
