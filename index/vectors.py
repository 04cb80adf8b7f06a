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
from index.errors import IndexingError
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
    """Vectors by text key, stored as float16 (rounding 0.0005 of a value, far below bf16's own).

    Of equal keys the first one written counts. Raises IndexingError when a shard is damaged.
    """

    def __init__(self, folder: Path, dimensions: int) -> None:
        self._folder = folder
        self._row = np.dtype([("key", _KEY), ("vector", "<f2", (dimensions,))])
        folder.mkdir(parents=True, exist_ok=True)
        paths = sorted(folder.glob("[0-9]*.npy"))
        self._shards = [self._load(path) for path in paths]
        # Not the number of shards: one may have been deleted, and the others must not be overwritten.
        self._next = int(paths[-1].stem) + 1 if paths else 0
        self._reindex()

    def __len__(self) -> int:
        return sum(len(shard) for shard in self._shards)

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
        path = self._folder / f"{self._next:08d}.npy"
        write_atomically(path, _npy_bytes(rows))
        self._shards.append(self._load(path))
        self._next += 1

    def _load(self, path: Path) -> NDArray[np.void]:
        try:
            shard: NDArray[np.void] = np.load(path, mmap_mode="r")
        except (ValueError, OSError, EOFError) as error:
            raise IndexingError(f"{path} is damaged ({error}); delete it, its texts are encoded again") from error
        if shard.dtype != self._row:
            raise IndexingError(f"{path} holds no vectors of this encoder; delete it, its texts are encoded again")
        return shard

    def _reindex(self) -> None:
        keys = [np.asarray(shard["key"]) for shard in self._shards]
        joined = np.concatenate(keys) if keys else np.empty(0, _KEY)
        self._starts = np.cumsum([0, *(len(shard) for shard in self._shards)])[:-1]
        self._order = np.argsort(joined, kind="stable")
        self._sorted_keys = joined[self._order]

    def _positions(self, keys: Sequence[bytes]) -> NDArray[np.int64]:
        """Global row of each key, or -1."""
        if len(self._starts) != len(self._shards):
            # Once after many `add`s: sorting all keys at each of them would cost the square of their number.
            self._reindex()
        wanted = np.asarray(keys, _KEY)
        if not len(self._sorted_keys):
            return np.full(len(wanted), -1, np.int64)
        at = np.minimum(np.searchsorted(self._sorted_keys, wanted), len(self._sorted_keys) - 1)
        return np.where(self._sorted_keys[at] == wanted, self._order[at], -1)


def embed_missing(texts: Mapping[bytes, str], encoder: Encoder, cache: VectorCache, progress: Progress = silent) -> int:
    """Encode texts, by key, that are not cached, a shard at a time. Returns how many were encoded.

    Raises IndexingError when the encoder gives vectors that are no numbers; none of that shard is kept.
    """
    # Neighbours of like length share a batch, which saves padding.
    keys = sorted(texts, key=lambda key: (len(texts[key]), key))
    for start in range(0, len(keys), SHARD_ROWS):
        progress("embed", start, len(keys))
        shard = keys[start : start + SHARD_ROWS]
        vectors = encoder.encode_passages([texts[key] for key in shard])
        if broken := int((~np.isfinite(vectors).all(axis=1)).sum()):
            raise IndexingError(
                f"the encoder {encoder.description.model} gave no numbers for {broken} of {len(shard)} texts; "
                "check its weights, or set encoder.precision to fp32"
            )
        cache.add(shard, vectors)
    if keys:
        progress("embed", len(keys), len(keys))
    return len(keys)


def _npy_bytes(rows: NDArray[np.void]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    return buffer.getvalue()
