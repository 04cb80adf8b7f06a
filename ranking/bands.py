"""Bands: ranges of fused relevance within which hits count as comparable."""

import numpy as np

from ranking.candidates import Floats, Integers


def bands(fused: Floats, width: float) -> Integers:
    """The band of each score, shape [n], 0 for the best.

    A band begins at the best score not yet in one and takes every score within `width` below it. Bands thus
    follow the scores and not a fixed grid, on which two nearly equal scores may fall apart.
    """
    result = np.zeros(len(fused), np.int64)
    band, best = -1, np.inf
    for at in np.argsort(-fused, kind="stable"):
        if band < 0 or fused[at] < best - width:
            band, best = band + 1, fused[at]
        result[at] = band
    return result
