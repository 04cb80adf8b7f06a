"""What a soak publishes: variants of one snapshot, built from its own rows, so that nothing is embedded again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from index.build import BuildReport, build_snapshot, embedded_text
from index.columns import StoredPage
from index.encoders import EncoderDescription, Vectors
from index.errors import EncoderUnavailable
from index.lock import write_lock
from index.records import Block, Page, Passage
from index.shards import text_key
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from index.vectors import VectorCache, cache_folder

LEFT_OUT = 17
"""A variant lacks every so many pages: a small change, and another one for each of as many variants."""

_CHUNK = 4096


class OnlyCached:
    """Stands for the snapshot's encoder where every vector is there already."""

    def __init__(self, description: EncoderDescription) -> None:
        self.description = description

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        raise EncoderUnavailable(f"a soak encodes nothing, but {len(texts)} texts have no vector")

    encode_passages = encode_queries


def prepare(source: Snapshot, folder: DataFolder, pages: int) -> None:
    """Make `folder` the data folder of a soak over the first `pages` pages: their vectors, and variant 0, published."""
    description = source.manifest.encoder
    cache = VectorCache(cache_folder(folder.vectors, description), description.dimensions)
    keys: dict[bytes, int] = {}
    for number, (page, passages) in enumerate(_pages(source, pages)):
        first = source.columns.page(number).first_row
        for row, passage in enumerate(passages, first):
            keys.setdefault(text_key(embedded_text(page, passage)), row)
    missing = [key for key, there in zip(keys, cache.has(list(keys)), strict=True) if not there]
    for start in range(0, len(missing), _CHUNK):
        chunk = missing[start : start + _CHUNK]
        cache.add(chunk, source.dense.vectors(np.array([keys[key] for key in chunk])))
    publish_variant(source, folder, pages, 0)


def publish_variant(source: Snapshot, folder: DataFolder, pages: int, variant: int) -> BuildReport:
    """Build and publish a variant, as the product publishes: under the lock, beside, by one rename of the pointer.

    Raises DataFolderLocked.
    """
    store = SnapshotStore(folder)
    kept = [
        one for number, one in enumerate(_pages(source, pages)) if number % LEFT_OUT != variant % LEFT_OUT
    ]  # fmt: skip
    with write_lock(folder.root):
        report = build_snapshot(lambda: kept, source.sources, OnlyCached(source.manifest.encoder), store)
        store.publish(report.snapshot)
    return report


def _pages(source: Snapshot, most: int) -> Iterator[tuple[Page, list[Passage]]]:
    """The first pages of a snapshot as records, each with its passages."""
    columns = source.columns
    for number in range(min(most, columns.page_count)):
        stored = columns.page(number)
        rows = range(stored.first_row, stored.first_row + stored.rows)
        yield _record(stored), [columns.passage(row)[0] for row in rows]


def _record(stored: StoredPage) -> Page:
    crawled = stored.dates["crawled"]
    assert crawled is not None, "every page was crawled"
    # One block with the whole text: passages are slices of the text, whatever its blocks were.
    text = (Block("paragraph", stored.text),)
    others = (stored.dates[name] for name in ("published", "modified", "changed"))
    return Page(stored.url, stored.source, stored.title, stored.language, text, crawled, *others)


def soak_folder(work_dir: Path) -> DataFolder:
    """The data folder of soaks under a working folder."""
    return DataFolder(work_dir / "soak")
