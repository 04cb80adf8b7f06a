"""The embedding cache: text is encoded once, however often the index is rebuilt.

One folder per encoder, of shards (`index.shards`): arrays of (key, vector) rows. The key is a hash of the exact text
that was encoded.
"""

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.arrays import mapped_array
from index.encoders import Encoder, EncoderDescription, Vectors
from index.errors import IndexingError
from index.progress import Progress, silent
from index.shards import KEY, Keys, Shards

SHARD_ROWS = 1024


def cache_folder(vectors_dir: Path, encoder: EncoderDescription) -> Path:
    """Where vectors of this encoder lie: other weights or another prefix have another folder."""
    identity = hashlib.sha256(f"{encoder.digest}\n{encoder.passage_prefix}".encode()).hexdigest()[:12]
    return vectors_dir / f"{encoder.model.rsplit('/', 1)[-1]}-{identity}"


class VectorCache:
    """Vectors by text key, stored as float16 (rounding 0.0005 of a value, far below bf16's own).

    Of equal keys the first one written counts. Raises IndexingError when a shard is damaged.
    """

    def __init__(self, folder: Path, dimensions: int) -> None:
        self._row = np.dtype([("key", KEY), ("vector", "<f2", (dimensions,))])
        self._shards = Shards(
            folder,
            ".npy",
            self._load,
            lambda shard: np.asarray(shard["key"]),
            _joined,
        )

    def __len__(self) -> int:
        return len(self._shards)

    def has(self, keys: Sequence[bytes] | Keys) -> NDArray[np.bool_]:
        """Shape [n]: whether each key is cached."""
        return self._shards.positions(keys) >= 0

    def get(self, keys: Sequence[bytes] | Keys) -> Vectors:
        """Vectors of shape [n, dimensions], float32. Raises KeyError for a key that is not cached."""
        positions = self._shards.positions(keys)
        if len(positions) and positions.min() < 0:
            raise KeyError(keys[int(np.argmin(positions))])
        vectors = np.empty((len(keys), self._row["vector"].shape[0]), np.float32)
        for part in self._shards.parts(positions):
            vectors[part.places] = part.shard["vector"][part.rows]
        return vectors

    def add(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Write one shard. It is durable when this returns."""
        rows = np.empty(len(keys), self._row)
        rows["key"], rows["vector"] = keys, vectors
        self._shards.add(_npy_bytes(rows))

    def _load(self, path: Path) -> NDArray[np.void]:
        try:
            shard: NDArray[np.void] = mapped_array(path)
        except (ValueError, OSError, EOFError) as error:
            raise IndexingError(f"{path} is damaged ({error}); delete it, its texts are encoded again") from error
        if shard.dtype != self._row:
            raise IndexingError(f"{path} holds no vectors of this encoder; delete it, its texts are encoded again")
        return shard


def by_length(texts: Mapping[bytes, str]) -> list[dict[bytes, str]]:
    """Texts by key in shards of SHARD_ROWS, the last of what is left: neighbours of like length share a batch."""
    keys = sorted(texts, key=lambda key: (len(texts[key]), key))
    return [
        {key: texts[key] for key in keys[start : start + SHARD_ROWS]} for start in range(0, len(keys), SHARD_ROWS)
    ]  # fmt: skip


def embed_missing(texts: Mapping[bytes, str], encoder: Encoder, cache: VectorCache, progress: Progress = silent) -> int:
    """`embed_shards` for texts that are in memory."""
    return embed_shards(by_length(texts), len(texts), encoder, cache, progress)


def embed_shards(
    shards: Iterable[Mapping[bytes, str]], total: int, encoder: Encoder, cache: VectorCache, progress: Progress = silent
) -> int:
    """Encode texts by key, `total` in all and none of them cached, and keep each shard. Returns how many there were.

    Raises IndexingError when the encoder gives vectors that are no numbers; none of that shard is kept.
    """
    done = 0
    for shard in shards:
        progress("embed", done, total)
        vectors = encoder.encode_passages(list(shard.values()))
        if broken := int((~np.isfinite(vectors).all(axis=1)).sum()):
            raise IndexingError(
                f"the encoder {encoder.description.model} gave no numbers for {broken} of {len(shard)} texts; "
                "check its weights, or set encoder.precision to fp32"
            )
        cache.add(list(shard), vectors)
        done += len(shard)
    if done:
        progress("embed", done, total)
    return done


def _joined(shards: list[NDArray[np.void]]) -> bytes:
    return _npy_bytes(np.concatenate(shards))


def _npy_bytes(rows: NDArray[np.void]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    return buffer.getvalue()
