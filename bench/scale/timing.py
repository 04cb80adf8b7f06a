"""Milliseconds a query."""

import time
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from bench.scale.records import Timing
from index.encoders import Vectors

RUNS = {1: 64, 32: 8, 512: 4, 2560: 3}
"""How often each batch size is run."""

MOST_SECONDS = 6.0
"""For the runs of one batch size, once it has had one."""


def timed(works: Iterable[Callable[[], object]], queries: int) -> Timing:
    """Time each of `works`, which asks so many queries; stops after MOST_SECONDS."""
    taken = list[float]()
    end = time.perf_counter() + MOST_SECONDS
    for work in works:
        if taken and time.perf_counter() > end:
            break
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000 / queries)
    return Timing(float(np.percentile(taken, 50)), float(np.percentile(taken, 95)), len(taken))


def timed_batches(search: Callable[[Vectors], object], vectors: Vectors, batch: int) -> Timing:
    """Search in batches of that size: other vectors each time, as far as there are enough."""
    search(vectors[:1])
    starts = (number * batch % max(1, len(vectors) - batch + 1) for number in range(RUNS.get(batch, 3)))
    return timed([partial(search, vectors[start : start + batch]) for start in starts], batch)
