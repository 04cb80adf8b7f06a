"""Texts that wait to be embedded: how many there are is known before the first is, and memory holds only a part."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from index.vectors import SHARD_ROWS, by_length

WINDOW = 32 * SHARD_ROWS
"""So many texts are sorted by length together."""


class WaitingTexts:
    """Texts by key, each once. What is beyond a window lies in an unnamed file in `folder`, gone with the process."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile("w+", dir=folder, encoding="utf-8")  # noqa: SIM115 - closed at the end
        self._seen: set[bytes] = set()
        self._window: dict[bytes, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, texts: Mapping[bytes, str]) -> None:
        """Let these wait too, but for those that do already."""
        fresh = texts.keys() - self._seen
        self._window |= {key: texts[key] for key in fresh}
        self._seen |= fresh
        while len(self._window) >= WINDOW:
            *full, self._window = by_length(self._window)
            for shard in full:
                self._file.write(json.dumps([[key.decode(), text] for key, text in shard.items()]) + "\n")

    def shards(self) -> Iterator[dict[bytes, str]]:
        """All of them in shards of at most SHARD_ROWS, those of a window by length."""
        self._file.seek(0)
        for line in self._file:
            yield {key.encode(): text for key, text in json.loads(line)}
        yield from by_length(self._window)
