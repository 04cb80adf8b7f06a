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
    kept, copies = _fold(candidates, fused, policy)
    # A folded group is as relevant as its best copy: to prefer the trusted copy must not bury the answer.
    best, plain = _best_of_copies(copies, fused)[kept], _best_of_copies(copies, relevance)[kept]
    band = bands(best, width)
    by_id = _places(np.argsort(candidates.ids[kept]))
    authority = candidates.authority[kept] if policy.authority == "tie" else np.zeros(len(kept))
    order = np.lexsort((by_id, -best, -authority, band))
    without = _places(np.lexsort((by_id, -plain)))
    page, source = candidates.page[kept[order]], candidates.source[kept[order]]
    shown = within_caps(page, source, policy.max_per_page, policy.max_per_source)

    def hit(place: int) -> Ranked:
        i = int(order[place])
        at, rank_without = int(kept[i]), int(without[i]) + 1
        same = copies.get(at, ())
        return Ranked(
            at=at,
            lexical=float(lexical[at]),
            dense=float(dense[at]),
            fused=float(best[i]),
            band=int(band[i]),
            rank_without_authority=rank_without,
            authority_moved=rank_without - place - 1,
            reranker=_reranked(reranker, at, same),
            same_text=same,
        )

    hits = [hit(place) for place in shown[:top_k]]
    return Ranking(hits, len(candidates.ids) - len(kept), len(kept) - len(shown))


def _places(order: Integers) -> Integers:
    """The place, from 0, of each element in an order of them."""
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return places


def _reranked(scores: Floats | None, at: int, same: tuple[int, ...]) -> float | None:
    """What the reranker gave the text, whichever copy it read."""
    best = np.nan if scores is None else float(np.fmax.reduce(scores[[at, *same]]))
    return None if np.isnan(best) else best


def _best_of_copies(copies: dict[int, tuple[int, ...]], scores: Floats) -> Floats:
    """`scores` with each representative's raised to the best of its group."""
    best = scores.copy()
    for at, same in copies.items():
        best[at] = scores[[at, *same]].max()
    return best


def _fold(candidates: Candidates, fused: Floats, policy: Policy) -> tuple[Integers, dict[int, tuple[int, ...]]]:
    trusted = -candidates.authority if policy.authority != "off" else np.zeros(len(candidates.ids))
    return fold(candidates.text_hash, lambda at: (float(trusted[at]), -float(fused[at]), candidates.ids[at]))
