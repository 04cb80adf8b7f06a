"""From candidates to an explained order: normalise, fuse, rerank, fold, band, order, cap. Pure.

Hits sort by (band, authority, fused score, passage id). Bands exist in every mode; `off` and `boost` leave
authority out of the sort key, and `boost` adds it to the score instead.
"""

import numpy as np

from ranking.bands import band_width, bands
from ranking.candidates import Candidates, Floats, Integers, Policy, Ranked, Ranking
from ranking.caps import within_caps
from ranking.folding import fold
from ranking.fusion import fuse
from ranking.reranking import best_texts, with_reranker


def to_rerank(candidates: Candidates, policy: Policy, depth: int) -> Integers:
    """The candidates that a reranker should score before `rank`, at most `depth`. Authority has no say in it."""
    return best_texts(candidates, fuse(candidates, policy).relevance, depth)


def rank(candidates: Candidates, policy: Policy, reranker: Floats | None = None, top_k: int | None = None) -> Ranking:
    """Order the candidates of one query, and spell out the best `top_k`. The order of the input does not matter.

    `reranker` holds a reranker's scores of `to_rerank`'s candidates, shape [n], NaN for all others.
    """
    lexical, dense, relevance = fuse(candidates, policy)
    width = band_width(relevance, candidates.text_hash, policy.band_width)
    if reranker is not None:
        relevance = with_reranker(relevance, reranker, width)
    fused = relevance
    if policy.authority == "boost":
        fused = relevance + policy.boost_weight * (candidates.authority - 0.5)
    groups = _fold(candidates, fused, policy)
    kept = np.array(list(groups), np.int64)
    # A folded group is as relevant as its best copy: to prefer the trusted copy must not bury the answer.
    best, plain = _best_of_groups(groups, fused)[kept], _best_of_groups(groups, relevance)[kept]
    grouped = bands(best, width)
    by_id = _places([candidates.ids[at] for at in groups])
    authority = candidates.authority[kept] if policy.authority == "tie" else np.zeros(len(kept))
    # Plain lists from here on: Python reads them several times faster than single array elements.
    order = np.lexsort((by_id, -best, -authority, grouped)).tolist()
    without = {i: place for place, i in enumerate(np.lexsort((by_id, -plain)).tolist(), 1)}
    band, scores = grouped.tolist(), best.tolist()
    caps = (policy.max_per_page, policy.max_per_source)
    at_of = kept.tolist()
    place_of = {at_of[i]: place for place, i in enumerate(order)}
    shown = within_caps(place_of, candidates.page, candidates.source, *caps)

    def hit(at: int) -> Ranked:
        i = order[place_of[at]]
        return Ranked(
            at=at,
            lexical=float(lexical[at]),
            dense=float(dense[at]),
            fused=scores[i],
            band=band[i],
            rank_without_authority=without[i],
            authority_moved=without[i] - place_of[at] - 1,
            reranker=_reranked(reranker, at, groups[at]),
            same_text=groups[at],
        )

    hits = [hit(at) for at in shown[:top_k]]
    return Ranking(hits, len(candidates.ids) - len(kept), len(kept) - len(shown))


def _places(ids: list[str]) -> Integers:
    """The place of each id among all."""
    places = np.empty(len(ids), np.int64)
    places[np.argsort(np.array(ids, np.str_))] = np.arange(len(ids))
    return places


def _reranked(scores: Floats | None, at: int, same: tuple[int, ...]) -> float | None:
    """What the reranker gave the text, whichever copy it read."""
    best = np.nan if scores is None else float(np.fmax.reduce(scores[[at, *same]]))
    return None if np.isnan(best) else best


def _best_of_groups(groups: dict[int, tuple[int, ...]], scores: Floats) -> Floats:
    """`scores` with each representative's raised to the best of its group."""
    best = scores.copy()
    for at, same in groups.items():
        if same:
            best[at] = scores[[at, *same]].max()
    return best


def _fold(candidates: Candidates, fused: Floats, policy: Policy) -> dict[int, tuple[int, ...]]:
    trusted = -candidates.authority if policy.authority != "off" else np.zeros(len(candidates.ids))
    return fold(candidates.text_hash, lambda at: (float(trusted[at]), -float(fused[at]), candidates.ids[at]))
