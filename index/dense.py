"""The dense arm: exact inner products in a flat FAISS index. FAISS id = row number."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.encoders import Vectors
from index.errors import EncoderUnavailable

try:
    import faiss
except ImportError as error:
    raise EncoderUnavailable(
        "FAISS is not installed. Choose one extra: `cpu` (pip install faiss-cpu) or `gpu` (pip install faiss-gpu); "
        "never both, they own the same module"
    ) from error

# Above this many queries × dimensions FAISS multiplies matrices (BLAS) instead of scanning query by query;
# its default of 128,000 leaves batches of up to 300 queries on the slow path.
_BLAS_FROM_QUERIES = 8
# Taken beyond the depth, so that the last digits of a search do not decide what is within it.
_SPARE = 8


class DenseIndex:
    """A read-only flat index."""

    def __init__(self, index: "faiss.Index") -> None:
        self._index = index

    @classmethod
    def open(cls, path: Path) -> "DenseIndex":
        """Open the file without reading it: pages come in as they are needed."""
        return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(
        self, queries: Vectors, depth: int, mask: NDArray[np.bool_] | None = None
    ) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Per query the best `depth` rows and their cosines, best first; fewer where fewer survive the mask.

        `queries` has shape [n, dimensions], `mask` shape [passages]. Equal scores order by row. What a query gets does
        not depend on the queries beside it.
        """
        if not len(queries) or not len(self):
            return [(np.empty(0, np.int64), np.empty(0, np.float32)) for _ in queries]
        parameters = None
        if mask is not None:
            bits = np.packbits(mask, bitorder="little")
            # FAISS's Python layer takes arrays and keywords that its type stubs do not know.
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))  # type: ignore[call-arg, arg-type]
        # Global in FAISS, hence set for each search: another index may have other dimensions.
        faiss.cvar.distance_compute_blas_threshold = _BLAS_FROM_QUERIES * self._index.d
        _, rows = self._index.search(queries, min(depth + _SPARE, len(self)), params=parameters)
        # Scored again pair by pair: a product of matrices gives each pair another last digit with each batch.
        scores = self._pairwise(queries, rows)
        return [_trimmed(found, score, depth) for found, score in zip(rows, scores, strict=True)]

    def scores(self, query: Vectors, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cosines of one query, shape [dimensions], with given rows."""
        scores: NDArray[np.float32] = self._pairwise(query[None], rows[None])[0]
        return scores

    def _pairwise(self, queries: Vectors, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cosines of queries of shape [n, dimensions] with each one's own rows, shape [n, k]; any number for row -1."""
        queries, rows = np.ascontiguousarray(queries, np.float32), np.ascontiguousarray(rows, np.int64)
        scores = np.empty(rows.shape, np.float32)
        x, distances, labels = faiss.swig_ptr(queries), faiss.swig_ptr(scores), faiss.swig_ptr(rows)
        # A method of flat indexes alone, by which name a file's index is not typed.
        self._index.compute_distance_subset(len(queries), x, rows.shape[1], distances, labels)  # type: ignore[attr-defined]
        return scores

    def vectors(self, rows: NDArray[np.int64]) -> Vectors:
        """Stored vectors of shape [n, dimensions]."""
        return np.asarray(self._index.reconstruct_batch(rows), np.float32)


class DenseWriter:
    """Collects vectors in row order and writes the index file."""

    def __init__(self, dimensions: int) -> None:
        self._index = faiss.IndexFlatIP(dimensions)

    def add(self, vectors: Vectors) -> None:
        """Append rows of shape [n, dimensions]."""
        self._index.add(np.ascontiguousarray(vectors, np.float32))

    def write(self, path: Path) -> None:
        """Write the index to `path`."""
        faiss.write_index(self._index, str(path))


def _trimmed(
    rows: NDArray[np.int64], scores: NDArray[np.float32], depth: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    # FAISS pads short results with row -1.
    found = rows >= 0
    rows, scores = rows[found], scores[found]
    order = np.lexsort((rows, -scores))[:depth]
    return rows[order], scores[order]
