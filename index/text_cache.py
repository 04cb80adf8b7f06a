"""What is made of a text once, however often the index is rebuilt: its index terms, its fingerprint.

Like the vectors, they are kept by the hash of the text. A folder is named by a digest of the code that made it, so
that a changed analysis starts anew.
"""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa

from index.errors import IndexingError
from index.shards import KEY, Keys, Shards, text_key


class TextCache:
    """The results of `derive` by text. It is given distinct texts and returns one value of Arrow type for each."""

    def __init__(self, folder: Path, derive: Callable[[Sequence[str]], "pa.Array"]) -> None:
        self._derive = derive
        self._shards = Shards(folder, ".arrow", _load, _keys, _joined)

    def get(self, texts: Sequence[str], keys: Sequence[bytes] | None = None) -> "pa.Array":
        """The values, in the order of the texts; `keys` are theirs, where they are known already.

        What is missing is made and kept, in one shard a call.
        """
        keys = [text_key(text) for text in texts] if keys is None else keys
        missing = self._shards.positions(keys) < 0
        if missing.any():
            fresh = {key: text for key, text, absent in zip(keys, texts, missing.tolist(), strict=True) if absent}
            self._shards.add(_arrow_bytes(list(fresh), self._derive(list(fresh.values()))))
        parts = list(self._shards.parts(self._shards.positions(keys)))
        if not parts:
            return self._derive([])
        values = pa.concat_arrays([part.shard.column("value").combine_chunks().take(part.rows) for part in parts])
        return values.take(np.argsort(np.concatenate([part.places for part in parts])))


def versioned_folder(folder: Path, name: str, modules: Sequence[ModuleType], packages: Sequence[str]) -> Path:
    """The folder of what these modules make with these packages; those of their earlier versions are removed."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    for package in packages:
        digest.update(f"{package} {version(package)}".encode())
    wanted = folder / f"{name}-{digest.hexdigest()[:12]}"
    for earlier in folder.glob(f"{name}-*"):
        if earlier != wanted:
            shutil.rmtree(earlier)
    return wanted


def _load(path: Path) -> "pa.Table":
    try:
        # Closed again, or each of many files would stay open: what is mapped stays.
        with pa.memory_map(str(path)) as file:
            return pa.ipc.open_file(file).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise IndexingError(f"{path} is damaged ({error}); delete it, its texts are analysed again") from error


def _keys(shard: "pa.Table") -> Keys:
    keys = shard.column("key").combine_chunks()
    # As bytes where they lie: Arrow would make an object of each.
    return np.frombuffer(keys.buffers()[1], KEY, len(keys), keys.offset * KEY.itemsize)


def _joined(shards: "list[pa.Table]") -> bytes:
    return _table_bytes(pa.concat_tables(shards).combine_chunks())


def _arrow_bytes(keys: list[bytes], values: "pa.Array") -> bytes:
    return _table_bytes(pa.table({"key": pa.array(keys, pa.binary(32)), "value": values}))


def _table_bytes(table: "pa.Table") -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]
