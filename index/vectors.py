"""The embedding cache: text is encoded once, however often the index is rebuilt.

One folder per encoder; each file in it is a shard written whole: an array of (key, vector) rows. A killed
run loses at most the shard it was filling. The key is a hash of the exact text that was encoded.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.encoders import Encoder, EncoderDescription, Vectors
from index.files import write_atomically
from index.progress import Progress, silent

SHARD_ROWS = 1024
_KEY = "S32"


def text_key(text: str) -> bytes:
    """The cache key of a text: 32 hex digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:32].encode()


def cache_folder(vectors_dir: Path, encoder: EncoderDescription) -> Path:
    """Where vectors of this encoder lie: other weights or another prefix have another folder."""
    identity = hashlib.sha256(f"{encoder.digest}\n{encoder.passage_prefix}".encode()).hexdigest()[:12]
    return vectors_dir / f"{encoder.model.rsplit('/', 1)[-1]}-{identity}"


class VectorCache:
    """Vectors by text key, stored as float16 (rounding 0.0005 of a value, far below bf16's own)."""

    def __init__(self, folder: Path, dimensions: int) -> None:
        self._folder = folder
        self._row = np.dtype([("key", _KEY), ("vector", "<f2", (dimensions,))])
        folder.mkdir(parents=True, exist_ok=True)
        self._shards = [np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))]
        self._reindex()

    def __len__(self) -> int:
        return len(self._sorted_keys)

    def has(self, keys: Sequence[bytes]) -> NDArray[np.bool_]:
        """Shape [n]: whether each key is cached."""
        return self._positions(keys) >= 0

    def get(self, keys: Sequence[bytes]) -> Vectors:
        """Vectors of shape [n, dimensions], float32. Raises KeyError for a key that is not cached."""
        positions = self._positions(keys)
        if len(positions) and positions.min() < 0:
            raise KeyError(keys[int(np.argmin(positions))])
        vectors = np.empty((len(keys), self._row["vector"].shape[0]), np.float32)
        for number, start in enumerate(self._starts):
            shard = self._shards[number]
            here = np.flatnonzero((positions >= start) & (positions < start + len(shard)))
            vectors[here] = shard["vector"][positions[here] - start]
        return vectors

    def add(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Write one shard. It is durable when this returns."""
        rows = np.empty(len(keys), self._row)
        rows["key"], rows["vector"] = keys, vectors
        path = self._folder / f"{len(self._shards):08d}.npy"
        write_atomically(path, _npy_bytes(rows))
        self._shards.append(np.load(path, mmap_mode="r"))
        self._reindex()

    def _reindex(self) -> None:
        keys = [np.asarray(shard["key"]) for shard in self._shards]
        joined = np.concatenate(keys) if keys else np.empty(0, _KEY)
        self._starts = np.cumsum([0, *(len(shard) for shard in self._shards)])[:-1]
        self._order = np.argsort(joined, kind="stable")
        self._sorted_keys = joined[self._order]

    def _positions(self, keys: Sequence[bytes]) -> NDArray[np.int64]:
        """Global row of each key, or -1."""
        wanted = np.asarray(keys, _KEY)
        if not len(self._sorted_keys):
            return np.full(len(wanted), -1, np.int64)
        at = np.minimum(np.searchsorted(self._sorted_keys, wanted), len(self._sorted_keys) - 1)
        return np.where(self._sorted_keys[at] == wanted, self._order[at], -1)


def embed_missing(texts: Mapping[bytes, str], encoder: Encoder, cache: VectorCache, progress: Progress = silent) -> int:
    """Encode texts, by key, that are not cached, a shard at a time. Returns how many were encoded."""
    # Neighbours of like length share a batch, which saves padding.
    keys = sorted(texts, key=lambda key: (len(texts[key]), key))
    for start in range(0, len(keys), SHARD_ROWS):
        progress("embed", start, len(keys))
        shard = keys[start : start + SHARD_ROWS]
        cache.add(shard, encoder.encode_passages([texts[key] for key in shard]))
    if keys:
        progress("embed", len(keys), len(keys))
    return len(keys)


def _npy_bytes(rows: NDArray[np.void]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    return buffer.getvalue()
