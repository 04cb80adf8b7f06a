"""Files of keyed rows that are only added to: what the caches of vectors and of analysed texts are kept in.

Each file is written whole, so a killed run loses at most the one it was filling. The key of a row is a hash of the
text that it was made from.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence, Sized
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.files import write_atomically

KEY = np.dtype("S32")
SMALL_ROWS = 1024
MOST_SMALL = 64
"""So many files of fewer than SMALL_ROWS rows are not kept apart."""

Keys = NDArray[np.bytes_]
ShardT = TypeVar("ShardT", bound=Sized)


def text_key(text: str) -> bytes:
    """The key of a text: 32 hex digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:32].encode()


class Part(NamedTuple, Generic[ShardT]):
    """What one shard holds of the rows asked for: `rows` of it belong at `places` of the answer."""

    shard: ShardT
    places: NDArray[np.int64]
    rows: NDArray[np.int64]


class Shards(Generic[ShardT]):
    """The shards `NNNNNNNN<suffix>` of a folder. Of equal keys the first one written counts.

    `load` opens a file, and raises IndexingError for one that is damaged; `keys` gives the keys of its rows, `join`
    the content of one file that holds the rows of several. Open one at a time, under `index.lock`.
    """

    def __init__(
        self,
        folder: Path,
        suffix: str,
        load: Callable[[Path], ShardT],
        keys: Callable[[ShardT], Keys],
        join: Callable[[list[ShardT]], bytes],
    ) -> None:
        self._folder, self._suffix, self._load, self._keys, self._join = folder, suffix, load, keys, join
        folder.mkdir(parents=True, exist_ok=True)
        paths = sorted(folder.glob(f"[0-9]*{suffix}"))
        self._shards = [load(path) for path in paths]
        # Not the number of shards: one may have been deleted, and the others must not be overwritten.
        self._next = int(paths[-1].stem) + 1 if paths else 0
        self._join_small(paths)
        self._starts, self._order = np.empty(0, np.int64), np.empty(0, np.int64)
        self._sorted_keys = np.empty(0, KEY)

    def __len__(self) -> int:
        return sum(map(len, self._shards))

    def positions(self, keys: Sequence[bytes] | Keys) -> NDArray[np.int64]:
        """The place of each key among all rows, or -1; shape [n]."""
        if len(self._starts) < len(self._shards):
            self._index_new()
        wanted = np.asarray(keys, KEY)
        if not len(self._sorted_keys):
            return np.full(len(wanted), -1, np.int64)
        at = np.minimum(np.searchsorted(self._sorted_keys, wanted), len(self._sorted_keys) - 1)
        return np.where(self._sorted_keys[at] == wanted, self._order[at], -1)

    def parts(self, positions: NDArray[np.int64]) -> Iterator[Part[ShardT]]:
        """The rows at `positions`, none of them -1, shard by shard."""
        shard_of = np.searchsorted(self._starts, positions, side="right") - 1
        for number in np.unique(shard_of).tolist():
            places = np.flatnonzero(shard_of == number)
            yield Part(self._shards[number], places, positions[places] - self._starts[number])

    def add(self, content: bytes) -> None:
        """Write one shard. It is durable when this returns."""
        path = self._folder / f"{self._next:08d}{self._suffix}"
        write_atomically(path, content)
        self._shards.append(self._load(path))
        self._next += 1

    def _join_small(self, paths: Sequence[Path]) -> None:
        """Make one file of many small ones, which refreshes leave: a file costs as much as thousands of its rows."""
        small = [len(shard) < SMALL_ROWS for shard in self._shards]
        if sum(small) < MOST_SMALL:
            return
        joined = [shard for shard, is_small in zip(self._shards, small, strict=True) if is_small]
        self._shards = [shard for shard, is_small in zip(self._shards, small, strict=True) if not is_small]
        # The rows are there twice for a moment, and never not at all.
        self.add(self._join(joined))
        for path, is_small in zip(paths, small, strict=True):
            if is_small:
                path.unlink()

    def _index_new(self) -> None:
        """Take in what was added since the last time. Only that is sorted, or many `add`s would cost their square."""
        keys = [self._keys(shard) for shard in self._shards[len(self._starts) :]]
        known, joined = len(self._order), np.concatenate(keys)
        self._starts = np.append(self._starts, known + np.cumsum([0, *map(len, keys)])[:-1])
        order = np.argsort(joined, kind="stable")
        # Behind equal ones: the first that was written counts.
        at = np.searchsorted(self._sorted_keys, joined[order], side="right")
        self._sorted_keys = np.insert(self._sorted_keys, at, joined[order])
        self._order = np.insert(self._order, at, known + order)
