"""Exact search by plain products over the stored vectors, a part at a time: what recall is measured against."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.encoders import Vectors

_ROWS = 65_536
# Products of matrices of another shape differ in the last digit of a cosine.
_ROUNDING = 1e-6

Stored = Callable[[NDArray[np.int64]], Vectors]
"""Stored vectors by row, as `DenseIndex.vectors`."""


class Best(NamedTuple):
    """Per query the best rows and their cosines, shape [queries, depth], best first; row -1 where there are no more."""

    rows: NDArray[np.int64]
    cosines: NDArray[np.float32]


def exact_search(
    stored: Stored, count: int, queries: Vectors, depth: int, masks: Sequence[NDArray[np.bool_] | None] = (None,)
) -> list[Best]:
    """The best rows of `count` under each mask. All masks are served by one pass over the vectors."""
    best = [
        Best(np.full((len(queries), depth), -1, np.int64), np.full((len(queries), depth), -np.inf, np.float32))
        for _ in masks
    ]
    for start in range(0, count, _ROWS):
        rows = np.arange(start, min(start + _ROWS, count))
        cosines = queries @ stored(rows).T
        for number, mask in enumerate(masks):
            kept = rows if mask is None else rows[mask[rows]]
            best[number] = _better(best[number], kept, cosines[:, kept - start], depth)
    return best


def recall(found: Sequence[NDArray[np.int64]], exact: Best, queries: Vectors, stored: Stored, depth: int) -> float:
    """Share of the `depth` nearest that were found, mean over the queries; of all there are where they are fewer.

    A row counts when its cosine reaches that of the last of the nearest: equal ones may stand for each other.
    """
    shares = []
    for query, rows, nearest, cosines in zip(queries, found, exact.rows, exact.cosines, strict=True):
        there = min(depth, int((nearest >= 0).sum()))
        if not there:
            continue
        least = cosines[there - 1] - _ROUNDING
        taken = np.unique(rows[:depth])
        reached = int((stored(taken) @ query >= least).sum()) if len(taken) else 0
        shares.append(min(reached, there) / there)
    return float(np.mean(shares)) if shares else 1.0


def _better(best: Best, rows: NDArray[np.int64], cosines: NDArray[np.float32], depth: int) -> Best:
    if cosines.shape[1] > depth:
        places = np.argpartition(-cosines, depth - 1, axis=1)[:, :depth]
        cosines, rows_of = np.take_along_axis(cosines, places, axis=1), rows[places]
    else:
        rows_of = np.broadcast_to(rows, cosines.shape)
    joined = np.concatenate([best.cosines, cosines], axis=1)
    joined_rows = np.concatenate([best.rows, rows_of], axis=1)
    order = np.argsort(-joined, axis=1, kind="stable")[:, :depth]
    return Best(np.take_along_axis(joined_rows, order, axis=1), np.take_along_axis(joined, order, axis=1))
