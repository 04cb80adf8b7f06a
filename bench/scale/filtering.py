"""Dense searches under filters: whether they find what is left, and how long they take."""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from bench.scale.exact import Best, recall
from bench.scale.records import Filtered
from bench.scale.timing import timed
from index.encoders import Vectors
from index.snapshot import Snapshot

SHARES = (0.5, 0.1, 0.01, 0.001)
DEPTH = 100
RANDOM, HOSTS = "random", "whole hosts"


class Mask(NamedTuple):
    """Which rows are left: `share` of all, chosen as `rows` says."""

    share: float
    rows: str
    mask: NDArray[np.bool_]


def filter_masks(snapshot: Snapshot, seed: int = 1) -> Iterator[Mask]:
    """Each of SHARES by rows at random, and by hosts at random, whose passages resemble each other.

    The last host is cut where the share is reached.
    """
    random = np.random.default_rng(seed)
    count = len(snapshot.columns)
    by_host = _rows_of_hosts(snapshot)
    hosts = [by_host[at] for at in random.permutation(len(by_host))]
    orders = {RANDOM: random.permutation(count), HOSTS: np.concatenate(hosts)}
    for rows, order in orders.items():
        for share in SHARES:
            mask = np.zeros(count, np.bool_)
            mask[order[: max(1, round(share * count))]] = True
            yield Mask(share, rows, mask)


def measure_filter(snapshot: Snapshot, queries: Vectors, asked: Mask, exact: Best) -> Filtered:
    """Recall and time of searches one at a time; `exact` is what is nearest among the rows that are left."""
    dense = snapshot.dense
    found = [rows for rows, _ in dense.search(queries, DEPTH, asked.mask)]
    at_10, at_100 = (recall(found, exact, queries, dense.vectors, depth) for depth in (10, DEPTH))
    alone = (partial(dense.search, query[None], DEPTH, asked.mask) for query in queries)
    return Filtered(asked.share, asked.rows, int(asked.mask.sum()), at_10, at_100, timed(alone, 1))


def _rows_of_hosts(snapshot: Snapshot) -> list[NDArray[np.int64]]:
    """The rows of each host, in the order of their URLs."""
    columns = snapshot.columns
    first_rows = columns.filterable.first_rows
    rows = defaultdict[str, list[NDArray[np.int64]]](list)
    for page in range(columns.page_count):
        rows[urlsplit(columns.url(page)).netloc].append(np.arange(first_rows[page], first_rows[page + 1]))
    return [np.concatenate(parts) for parts in rows.values()]
