"""How long a system takes: one query at a time, and in one batch. The encoder is the real one, nothing is cached."""

import time
from collections.abc import Sequence

import numpy as np

from bench.rankers import BATCH, Ranker
from bench.records import Latency

SAMPLE = 50
TOP_K = 10
_WARM_UP = 3


def measure_latency(ranker: Ranker, queries: Sequence[str]) -> Latency:
    """Milliseconds for the best 10 hits: a sample of up to 50 queries spread evenly, then up to 256 in one batch."""
    sample = _spread(queries, SAMPLE)
    for query in sample[:_WARM_UP]:
        ranker.rank([query], TOP_K)
    single = [_milliseconds(ranker, [query]) for query in sample]
    batch = _spread(queries, BATCH)
    return Latency(
        p50=float(np.percentile(single, 50)),
        p95=float(np.percentile(single, 95)),
        batched=_milliseconds(ranker, batch) / len(batch),
    )


def _milliseconds(ranker: Ranker, queries: Sequence[str]) -> float:
    start = time.perf_counter()
    ranker.rank(queries, TOP_K)
    return (time.perf_counter() - start) * 1000


def _spread(queries: Sequence[str], most: int) -> list[str]:
    if len(queries) <= most:
        return list(queries)
    return [queries[int(at)] for at in np.linspace(0, len(queries) - 1, most)]
