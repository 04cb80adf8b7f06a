"""A snapshot opened in a fresh process: how soon it answers, and how much memory it holds."""

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from authority_search.models import SearchRequest
from bench.scale.processes import memory
from bench.scale.records import Memory
from index.encoders import EncoderDescription, Vectors
from index.errors import EncoderUnavailable
from index.progress import Progress
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.searcher import Searcher

ASKED = 200
"""Queries after which memory is looked at again."""

TOP_K = 10


@dataclass
class KnownQueries:
    """Stands for the encoder: it knows the vectors of its queries, so that no model is in the process's memory."""

    description: EncoderDescription
    texts: tuple[str, ...]
    vectors: Vectors
    _places: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._places = {text: place for place, text in enumerate(self.texts)}

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self.vectors[[self._places[text] for text in texts]]

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        raise EncoderUnavailable(f"only queries are known here, but {len(texts)} passages have no vector")


class Opening(NamedTuple):
    """One opening. `answers` has a digest for each query that was asked, up to ASKED, each alone."""

    seconds: float
    first_answer: float
    base: Memory
    opened: Memory
    used: Memory
    answers: tuple[str, ...]


def open_and_ask(
    folder: DataFolder, queries: KnownQueries, ranking: RankingSettings, cold: bool, progress: Progress
) -> Opening:
    """Open the live snapshot and ask ASKED queries one at a time; `cold` drops its files from the system's memory."""
    store = SnapshotStore(folder)
    if cold:
        _forget(folder, store.current_id() or "")
    base = memory()
    began = time.perf_counter()
    snapshot = store.open()
    seconds = time.perf_counter() - began
    opened = memory()
    began = time.perf_counter()
    searcher = Searcher(snapshot, queries, ranking)
    answers = answer_digests(searcher, queries.texts[:1])
    first_answer = seconds + time.perf_counter() - began
    asked = [queries.texts[number % len(queries.texts)] for number in range(1, ASKED)]
    for number, text in enumerate(asked):
        answers += answer_digests(searcher, [text])
        progress("ask", number + 1, len(asked))
    return Opening(seconds, first_answer, base, opened, memory(), tuple(answers[: len(queries.texts)]))


def answer_digests(searcher: Searcher, texts: Sequence[str]) -> list[str]:
    """A digest of the whole answer to each query of one batch: rows, scores and all."""
    reply = searcher.search(SearchRequest(queries=list(texts), top_k=TOP_K))
    return [hashlib.sha256(one.model_dump_json().encode()).hexdigest() for one in reply.results]


def _forget(folder: DataFolder, snapshot: str) -> None:
    for path in (folder.snapshots / snapshot).rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
