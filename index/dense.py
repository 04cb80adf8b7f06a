"""The dense arm: inner products with fp16 vectors in a flat FAISS index. FAISS id = row number.

Small snapshots are searched exactly. In large ones an approximate index (`index.approximate`) or a GPU (`index.gpu`)
proposes rows, and those are scored exactly, so that a score means the same everywhere.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.approximate import EXACT, DenseMethod, Effort, choose, parameters
from index.encoders import Vectors
from index.faiss_module import FaissIndex, faiss, scan_pairwise
from index.gpu import DeviceVectors, on_device
from index.progress import Progress, silent
from index.settings import DenseSettings

VECTORS = "vectors.faiss"
LISTS = "lists.faiss"
# Taken beyond the depth, so that the order of equal scores in a search does not decide what is within it.
_SPARE = 8
# Up to so many survivors of a filter each is scored; beyond, all lists are read, since a query's nearest lists may
# hold none of them.
_SCORED_SURVIVORS = 30_000

Hits = tuple[NDArray[np.int64], NDArray[np.float32]]


class DenseIndex:
    """A read-only index. Thread-safe; what a query gets does not depend on the queries beside it."""

    def __init__(
        self, flat: FaissIndex, lists: FaissIndex | None, method: DenseMethod, device: DeviceVectors | None
    ) -> None:
        self._flat = flat
        # FAISS refers to it by address alone.
        self._lists = lists
        self._refined = faiss.IndexRefine(lists, flat) if lists is not None else None
        self._method = method
        self._device = device

    @classmethod
    def open(cls, folder: Path, method: DenseMethod = EXACT, device: str = "cpu") -> "DenseIndex":
        """Open the files without reading the vectors, unless they go to a GPU: pages come in as they are needed.

        `device` is `auto`, `cpu` or `cuda`, as in the settings.
        """
        flat = faiss.read_index(str(folder / VECTORS), faiss.IO_FLAG_MMAP_IFC)
        lists = faiss.read_index(str(folder / LISTS)) if method.lists else None
        return cls(flat, lists, method, on_device(flat, device))

    def __len__(self) -> int:
        return int(self._flat.ntotal)

    def search(self, queries: Vectors, depth: int, mask: NDArray[np.bool_] | None = None) -> list[Hits]:
        """Per query the best `depth` rows and their cosines, best first; fewer where fewer survive the mask.

        `queries` has shape [n, dimensions], `mask` shape [passages]. Equal scores order by row. An approximate index
        misses a share of the rows, which the manifest has; a mask with few survivors is searched exactly.
        """
        if not len(queries) or not len(self):
            return [(np.empty(0, np.int64), np.empty(0, np.float32)) for _ in queries]
        wanted = min(depth + _SPARE, len(self))
        scan_pairwise()
        scores, rows = self._found(np.ascontiguousarray(queries, np.float32), wanted, mask)
        return [_trimmed(found, score, depth) for found, score in zip(rows, scores, strict=True)]

    def scores(self, query: Vectors, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cosines of one query, shape [dimensions], with given rows."""
        cosines: NDArray[np.float32] = np.vecdot(self.vectors(rows), query)
        return cosines

    def vectors(self, rows: NDArray[np.int64]) -> Vectors:
        """Stored vectors of shape [n, dimensions]."""
        return np.asarray(self._flat.reconstruct_batch(rows), np.float32)

    def _found(
        self, queries: Vectors, wanted: int, mask: NDArray[np.bool_] | None
    ) -> tuple[Vectors, NDArray[np.int64]]:
        """Cosines and rows, both of shape [n, wanted]; row -1 where there are no more."""
        if self._device is not None:
            rows = self._device.propose(queries, wanted, mask)
            pairs = zip(queries, np.maximum(rows, 0), strict=True)
            return np.stack([self.scores(query, own) for query, own in pairs]), rows
        survivors = len(self) if mask is None else int(np.count_nonzero(mask))
        selector = None if mask is None else faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
        found: tuple[Vectors, NDArray[np.int64]]
        if self._refined is None or (mask is not None and survivors <= _SCORED_SURVIVORS):
            found = self._flat.search(queries, wanted, params=faiss.SearchParameters(sel=selector))
        else:
            found = self._refined.search(
                queries, wanted, params=parameters(self._effort(mask is not None), wanted, selector)
            )
        return found

    def _effort(self, filtered: bool) -> Effort:
        usual = self._method.tried[-1]
        return replace(usual, probes=self._method.lists, candidates=2 * usual.candidates) if filtered else usual


class DenseWriter:
    """Collects vectors in row order and writes the index files."""

    def __init__(self, dimensions: int) -> None:
        codec = faiss.ScalarQuantizer.QT_fp16
        self._flat = faiss.IndexScalarQuantizer(dimensions, codec, faiss.METRIC_INNER_PRODUCT)

    def add(self, vectors: Vectors) -> None:
        """Append rows of shape [n, dimensions]."""
        self._flat.add(np.ascontiguousarray(vectors, np.float32))

    def write(
        self, folder: Path, queries: Callable[[], Vectors], settings: DenseSettings, progress: Progress = silent
    ) -> DenseMethod:
        """Choose how to search, by `queries` of shape [n, dimensions] if there is a choice, and write the files.

        Raises RecallTooLow.
        """
        faiss.write_index(self._flat, str(folder / VECTORS))
        lists, method = choose(self._flat, queries, settings, progress)
        if lists is not None:
            faiss.write_index(lists, str(folder / LISTS))
        return method


def _trimmed(rows: NDArray[np.int64], scores: NDArray[np.float32], depth: int) -> Hits:
    # FAISS pads short results with row -1.
    found = rows >= 0
    rows, scores = rows[found], scores[found]
    order = np.lexsort((rows, -scores))[:depth]
    return rows[order], scores[order]
