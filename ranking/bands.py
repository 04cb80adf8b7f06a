"""Bands: ranges of fused relevance within which hits count as comparable."""

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from ranking.candidates import Floats, Integers

# The fall is measured over what an agent reads.
_HITS = 10
# Where few hits fall by almost nothing, they are comparable all the same.
_LEAST_WIDTH = 0.005


def band_width(relevance: Floats, text_hash: NDArray[np.uint64], share: float) -> float:
    """How far below a band's best a score is comparable: `share` of the fall from the best text to the tenth.

    A fixed width costs too much where the scores of a query lie close together and gives nothing where they do not;
    bench/README.md has the curves of both. 0 only where `share` is 0.
    """
    if not share or not len(relevance):
        return 0.0
    order = np.argsort(-relevance, kind="stable")
    # The copies of a text are one hit.
    best: dict[int, float] = {}
    for text, score in zip(text_hash[order].tolist(), relevance[order].tolist(), strict=True):
        best.setdefault(text, score)
        if len(best) == _HITS:
            break
    scores = list(best.values())
    return max(share * (scores[0] - scores[-1]), _LEAST_WIDTH)


def bands(fused: Floats, width: float) -> Integers:
    """The band of each score, shape [n], 0 for the best.

    A band begins at the best score not yet in one and takes every score within `width` below it. Bands thus
    follow the scores and not a fixed grid, on which two nearly equal scores may fall apart.
    """
    order = np.argsort(-fused, kind="stable")
    rising = (-fused[order]).tolist()
    begins = np.zeros(len(fused), np.int64)
    best = 0
    while best < len(rising):
        begins[best] = 1
        best = bisect_right(rising, rising[best] + width, best)
    result = np.empty(len(fused), np.int64)
    result[order] = np.cumsum(begins) - 1
    return result
