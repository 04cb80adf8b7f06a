"""A refresh in a process that may be killed.

It is what `authority-search refresh --recheck --force` runs, with an encoder that needs no weights.
"""

import os
import time
import zlib
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from index.encoders import EncoderDescription, Vectors, unit_rows
from service.refresh import Asked, run_refresh
from service.settings import load_settings

SECONDS_PER_TEXT = 0.002
"""What a fast encoder takes, so that kills meet embedding too."""


class HashingEncoder:
    """Counts of words by hash, scaled to length 1: the same vectors in every process."""

    def __init__(self, dimensions: int = 64) -> None:
        self.description = EncoderDescription("bench/hashed-words", dimensions, 512, "", "", "hashed-words")

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape [n, dimensions]."""
        vectors = np.zeros((len(texts), self.description.dimensions), np.float32)
        for row, text in enumerate(texts):
            for word in text.split():
                vectors[row, zlib.crc32(word.encode()) % self.description.dimensions] += 1
        return unit_rows(vectors)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """The same, in the time that a model takes."""
        time.sleep(SECONDS_PER_TEXT * len(texts))
        return self.encode_queries(texts)


class _Stages:
    """Sends the name of each stage as it begins."""

    def __init__(self, parent: "Connection[str, str]") -> None:
        self._parent = parent
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        del done, total
        if stage != self._stage:
            self._stage = stage
            self._parent.send(stage)


def refresh_and_tell(
    settings_file: Path,
    sources: Sequence[str],
    starts: Sequence[str],
    workers: int,
    parent: "Connection[str, str]",
    stderr: Path,
) -> None:
    """Refresh in a process group of its own; `parent` is sent "start", each stage, and "end" with the status."""
    os.setsid()
    os.dup2(os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 2)
    parent.send("start")
    asked = Asked(sources, starts, recheck=True, force=True)
    result = run_refresh(load_settings(settings_file), asked, HashingEncoder, _Stages(parent), workers=workers)
    parent.send(f"end {result.status}")
