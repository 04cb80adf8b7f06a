"""What a data folder must hold after a kill, and what it answers."""

from collections.abc import Hashable
from pathlib import Path

import numpy as np

from authority_search.models import SearchRequest
from bench.kills_child import HashingEncoder
from index.errors import DataFolderLocked, IndexingError
from index.lock import write_lock
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.searcher import Searcher

QUERIES = ["part 3 section 1 says word17", "word250 word251", "127.0.0.2 part 8"]

Content = tuple[Hashable, ...]
"""All passages of a snapshot with their vectors, and what it answers; () where nothing is published."""


def content_of(data_dir: Path) -> Content:
    """What the live snapshot holds, dates aside, which no two crawls share. Raises SnapshotInvalid."""
    store = SnapshotStore(DataFolder(data_dir))
    if store.current_id() is None:
        return ()
    snapshot = store.open()
    snapshot.verify()
    return (*_rows(snapshot), *_answers(snapshot))


def pages_of(content: Content) -> set[str]:
    """The URLs of the pages that the content is of."""
    return {one[0] for one in content if isinstance(one, tuple) and len(one) == _ROW_FIELDS}


def after_kill(data_dir: Path, allowed: tuple[Content, ...]) -> list[str]:
    """What is wrong with a folder whose writer was killed: its live content must be one of `allowed`."""
    wrong = []
    try:
        if content_of(data_dir) not in allowed:
            wrong.append("the live snapshot is neither the old one nor the new one")
    except IndexingError as error:
        wrong.append(f"the live snapshot is corrupt: {error}")
    try:
        for manifest in (store := SnapshotStore(DataFolder(data_dir))).manifests():
            store.open(manifest.id).verify()
    except IndexingError as error:
        wrong.append(f"a listed snapshot is corrupt: {error}")
    try:
        with write_lock(data_dir):
            pass
    except DataFolderLocked as error:
        wrong.append(f"the lock is held: {error}")
    return wrong


def unfinished(data_dir: Path) -> list[str]:
    """Folders that a build began and nobody removed."""
    return [path.name for path in DataFolder(data_dir).snapshots.glob(".*")]


_ROW_FIELDS = 6


def _rows(snapshot: Snapshot) -> list[Hashable]:
    rows: list[Hashable] = []
    vectors = snapshot.dense.vectors(np.arange(len(snapshot.columns)))
    for row in range(len(snapshot.columns)):
        passage, page = snapshot.columns.passage(row)
        rows.append((page.url, page.title, passage.id, passage.heading_path, passage.text, vectors[row].tobytes()))
    return rows


def _answers(snapshot: Snapshot) -> list[Hashable]:
    searcher = Searcher(snapshot, HashingEncoder(), RankingSettings())
    reply = searcher.search(SearchRequest(queries=QUERIES, top_k=20, max_tokens=None))
    return [tuple((hit.passage_id, hit.score) for hit in result.hits) for result in reply.results]
