"""One pass of the reranker over the best candidates of all queries of a batch."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.build import embedded_text
from index.rerankers import Reranker
from index.snapshot import Snapshot
from ranking.candidates import Candidates, Floats, Policy
from ranking.rank import to_rerank


class ToRank(NamedTuple):
    """A query with all that ranking needs. `rows` are the passages' rows in the snapshot, one per candidate."""

    query: str
    rows: NDArray[np.int64]
    candidates: Candidates
    policy: Policy


def reranker_scores(snapshot: Snapshot, reranker: Reranker, batch: Sequence[ToRank]) -> list[Floats]:
    """The reranker's scores for `ranking.rank`, per query an array of shape [candidates], NaN where it read nothing.

    Raises ValueError when it gives something else than one finite number for each pair.
    """
    chosen = [to_rerank(one.candidates, one.policy, reranker.depth) for one in batch]
    # A passage may be a candidate of many queries.
    texts = {row: _text(snapshot, row) for one, at in zip(batch, chosen, strict=True) for row in one.rows[at].tolist()}
    pairs = [(one.query, texts[row]) for one, at in zip(batch, chosen, strict=True) for row in one.rows[at].tolist()]
    given = np.asarray(reranker.scores(pairs), np.float64)
    if given.shape != (len(pairs),) or not np.isfinite(given).all():
        raise ValueError(f"the reranker {reranker.model} gave no finite number for each of {len(pairs)} pairs")
    ends = np.cumsum([len(at) for at in chosen])
    return [
        _spread(at, part, len(one.rows))
        for one, at, part in zip(batch, chosen, np.split(given, ends[:-1]), strict=True)
    ]


def _text(snapshot: Snapshot, row: int) -> str:
    passage, page = snapshot.columns.passage(row)
    return embedded_text(page, passage)


def _spread(at: NDArray[np.int64], scores: Floats, length: int) -> Floats:
    result = np.full(length, np.nan)
    result[at] = scores
    return result
