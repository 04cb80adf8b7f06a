"""A peer for the dense arm: all vectors in one matrix, one product, nothing lexical and no index."""

from collections.abc import Sequence

import numpy as np

from bench.view import Place
from index.encoders import Encoder
from index.snapshot import Snapshot


class FlatDenseRanker:
    """The passages with the largest cosine; equal ones by row."""

    def __init__(self, snapshot: Snapshot, encoder: Encoder) -> None:
        snapshot.manifest.encoder.require(encoder.description)
        self._encoder = encoder
        self._passages = snapshot.dense.vectors(np.arange(len(snapshot.columns)))

    def rank(self, queries: Sequence[str], top_k: int) -> list[list[Place]]:
        cosines = self._encoder.encode_queries(queries) @ self._passages.T
        orders = np.argsort(-cosines, axis=1, kind="stable")[:, :top_k]
        return [[Place(int(row)) for row in order] for order in orders]
