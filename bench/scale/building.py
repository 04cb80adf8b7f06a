"""Builds of a grown corpus by the product's own `build_snapshot`, with all vectors there beforehand."""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from bench.scale.corpus import Corpus, Origin
from bench.scale.drawing import Drawing
from bench.scale.processes import memory, peak_memory, processor_seconds
from bench.scale.records import Built, Incremental, Stage
from index.approximate import DenseMethod
from index.build import build_snapshot, embedded_text
from index.encoders import Encoder
from index.lock import write_lock
from index.progress import Progress
from index.records import Page, Passage
from index.shards import text_key
from index.snapshot import MANIFEST
from index.store import DataFolder, SnapshotStore
from index.vectors import SHARD_ROWS, VectorCache, cache_folder

LoadEncoder = Callable[[], Encoder]

_FINISH = "finish"


class StageClock:
    """A progress callback that counts time by stage: what passes until a stage tells of progress is that stage's."""

    def __init__(self, tell: Progress) -> None:
        self._tell = tell
        self._seconds, self._cpu = defaultdict[str, float](float), defaultdict[str, float](float)
        # Of the current stage, the making of pages is taken off.
        self._growing, self._growing_cpu = 0.0, 0.0
        self._grown, self._grown_cpu = 0.0, 0.0
        self._at, self._at_cpu = time.perf_counter(), processor_seconds()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        self._count(stage)
        self._tell(stage, done, total)

    def pages(self, corpus: Corpus) -> Iterator[tuple[Page, list[Passage]]]:
        """The pages of a corpus, the making of which counts for no stage."""
        pages = corpus.pages()
        while True:
            began, began_cpu = time.perf_counter(), time.thread_time()
            page = next(pages, None)
            self._growing += time.perf_counter() - began
            self._growing_cpu += time.thread_time() - began_cpu
            if page is None:
                return
            yield page

    def finish(self) -> tuple[tuple[Stage, ...], Stage]:
        """The stages, the last of them all that came after the last progress, and what making the pages took."""
        self._count(_FINISH)
        stages = tuple(Stage(name, seconds, self._cpu[name]) for name, seconds in self._seconds.items())
        return stages, Stage("growing", self._grown, self._grown_cpu)

    def _count(self, stage: str) -> None:
        now, now_cpu = time.perf_counter(), processor_seconds()
        self._seconds[stage] += max(0.0, now - self._at - self._growing)
        self._cpu[stage] += max(0.0, now_cpu - self._at_cpu - self._growing_cpu)
        self._grown, self._grown_cpu = self._grown + self._growing, self._grown_cpu + self._growing_cpu
        self._growing, self._growing_cpu = 0.0, 0.0
        self._at, self._at_cpu = now, now_cpu


def fill(corpus: Corpus, folder: DataFolder, strength: float, progress: Progress) -> int:
    """Draw the vectors that the cache lacks, so that a build has nothing to encode; of another edition its own alone.

    Returns how many passages of this edition are not those of the first.
    """
    description = corpus.sample.encoder
    cache = VectorCache(cache_folder(folder.vectors, description), description.dimensions)
    drawing = Drawing(corpus.sample, strength)
    rewritten, done = 0, 0

    def keyed() -> Iterator[tuple[bytes, Origin]]:
        nonlocal rewritten
        for grown in corpus.rewritten() if corpus.edition else corpus.grown():
            rewritten += grown.rewritten
            for passage, origin in zip(grown.passages, grown.origins, strict=True):
                yield text_key(embedded_text(grown.page, passage)), origin

    rows = keyed()
    # Looked up many at a time: a cache sorts all its keys when it is asked after something was added.
    while batch := dict(islice(rows, 64 * SHARD_ROWS)):
        keys = list(batch)
        missing = [key for key, there in zip(keys, cache.has(keys), strict=True) if not there]
        for start in range(0, len(missing), SHARD_ROWS):
            part = missing[start : start + SHARD_ROWS]
            cache.add(part, drawing.draw([batch[key] for key in part]))
        done += len(keys)
        progress("vectors", done, corpus.size)
    return rewritten


def build(corpus: Corpus, folder: DataFolder, load_encoder: LoadEncoder, progress: Progress) -> Built:
    """Build the corpus and publish it; memory is of this process alone. Raises what `build_snapshot` does."""
    encoder, store = load_encoder(), SnapshotStore(folder)
    base = memory().total
    clock = StageClock(progress)
    with write_lock(folder.root):
        report = build_snapshot(lambda: clock.pages(corpus), corpus.sample.sources, encoder, store, clock)
        stages, growing = clock.finish()
        store.publish(report.snapshot)
    peak = peak_memory()
    snapshot = store.open(report.snapshot)
    columns = snapshot.columns
    languages = {
        name: int((columns.filterable.language == number).sum())
        for number, name in enumerate(columns.filterable.languages)
    }
    return Built(
        report.snapshot, report.pages, report.passages, len(columns.source_ids),
        len({urlsplit(site.beginning).netloc for site in corpus.sample.sites}),
        float(columns.tokens(np.arange(len(columns))).mean()), languages,
        stages, growing, _dense_method(snapshot.manifest.dense), base, peak, disk(folder.snapshots / report.snapshot),
    )  # fmt: skip


def build_changed(
    corpus: Corpus, folder: DataFolder, first: Built, rewritten: int, load_encoder: LoadEncoder, progress: Progress
) -> Incremental:
    """Build the next edition beside the live snapshot, and remove it again when it has been measured."""
    encoder, store = load_encoder(), SnapshotStore(folder)
    clock = StageClock(progress)
    changed = corpus.changed()
    with write_lock(folder.root):
        report = build_snapshot(lambda: clock.pages(changed), corpus.sample.sources, encoder, store, clock)
        stages, _ = clock.finish()
        shared, total = shared_bytes(folder.snapshots / report.snapshot, folder.snapshots / first.snapshot)
        if report.built:
            store.remove(report.snapshot)
    return Incremental(
        report.passages, first.pages - report.pages, rewritten, sum(one.seconds for one in stages),
        sum(one.cpu for one in stages), first.seconds, first.cpu, shared, total, stages,
    )  # fmt: skip


def _dense_method(method: DenseMethod) -> str:
    """How the manifest says that vectors are searched, and the recall that was measured."""
    if not method.lists:
        return "exact"
    effort = method.tried[-1]
    return f"{effort.probes:,} of {method.lists:,} lists, {effort.candidates:,} scored: recall {effort.recall:.4f}"


def disk(folder: Path) -> dict[str, int]:
    """Bytes of a snapshot by kind of file: by the first part of the name, whatever ends it."""
    kinds = Counter[str]()
    for path in _files(folder):
        kinds[path.relative_to(folder).parts[0].partition(".")[0]] += path.stat().st_size
    return dict(kinds.most_common())


def shared_bytes(folder: Path, other: Path) -> tuple[int, int]:
    """Bytes of a folder that are the other's files by hard link, and all its bytes."""
    theirs = {(stat.st_dev, stat.st_ino) for stat in map(os.stat, _files(other))}
    stats = [path.stat() for path in _files(folder)]
    return (
        sum(stat.st_size for stat in stats if (stat.st_dev, stat.st_ino) in theirs),
        sum(stat.st_size for stat in stats),
    )


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST]
