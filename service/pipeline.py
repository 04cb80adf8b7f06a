"""The jobs that write: crawl, ingest, publish. Each holds the data folder's lock and reports what it did."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from crawler.archive import archive_files
from crawler.errors import NothingToCrawl
from crawler.fetch import fetch
from crawler.ingest import IngestReport, ingest
from crawler.reindex import ReindexReport, reindex
from crawler.report import FetchReport
from crawler.runs import finish_run, list_runs, start_run, unfinished_run
from crawler.scope import starts_of
from crawler.split import SplitReport, split_pages
from domain_lists.source_list import SourceList
from index.build import NOTHING_TO_PUBLISH, BuildReport, build_snapshot, listed_pages
from index.catalog import Catalog
from index.encoders import Encoder
from index.errors import SnapshotInvalid
from index.lock import write_lock
from index.progress import Progress, silent
from index.store import DataFolder, SnapshotStore
from service.loss import require_little_loss
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What became of archived responses: pages, then passages."""

    ingested: IngestReport
    split: SplitReport


@dataclass(frozen=True, slots=True)
class CrawlResult:
    """What a crawl fetched, and what became of it."""

    run: str
    fetched: FetchReport
    ingested: IngestReport
    split: SplitReport


def load_sources(settings: Settings) -> SourceList:
    """The bundled list with the settings' further files and suffixes. Raises InvalidSourceList."""
    return SourceList.load(settings.source_files, settings.source_suffixes)


def utc_second(moment: datetime) -> str:
    """A moment as the catalogue writes it: ISO 8601, UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def open_store(settings: Settings) -> SnapshotStore:
    """The snapshots of the data folder."""
    return SnapshotStore(DataFolder(settings.data_dir))


def run_crawl(
    settings: Settings,
    source_ids: Sequence[str],
    starts: Sequence[str] = (),
    fresh: bool = False,
    progress: Progress = silent,
    stop: threading.Event | None = None,
) -> CrawlResult:
    """Fetch the sources into the archive and ingest what came. An unfinished run of the same command goes on.

    `fresh` begins a new run instead. Raises UnknownSource, CrawlError and DataFolderLocked.
    """
    sources = load_sources(settings)
    ids = [sources.get(source_id).id for source_id in source_ids]
    folder = DataFolder(settings.data_dir)
    with write_lock(folder.root):
        run = None if fresh else unfinished_run(folder.archive, ids)
        if run is None or (starts and tuple(starts) != run.starts):
            begin_at = starts or [url for source_id in ids for url in starts_of(sources.get(source_id))]
            run = start_run(folder.archive, ids, begin_at, settings.crawl)
        with Catalog(folder.catalog) as catalog:
            resting = catalog.visits.resting(utc_second(datetime.now(UTC)))
        try:
            fetched = fetch(run, sources, settings.crawl, progress, stop, resting)
        except NothingToCrawl:
            # Or every later crawl of these sources would go on with it.
            finish_run(run)
            raise
        done = _ingest(settings, sources, archive_files(run.folder), progress)
        with Catalog(folder.catalog) as catalog:
            catalog.runs.put(run.id, utc_second(datetime.now(UTC)), fetched.sources)
    return CrawlResult(run.id, fetched, done.ingested, done.split)


def run_ingest(settings: Settings, files: Sequence[Path], progress: Progress = silent) -> IngestResult:
    """Take pages of listed sources out of WARC files, from where an earlier run of the same files stopped."""
    sources = load_sources(settings)
    with write_lock(settings.data_dir):
        return _ingest(settings, sources, files, progress)


def run_reindex(
    settings: Settings, force: bool = False, forget_missing: bool = False, progress: Progress = silent
) -> ReindexReport:
    """Extract everything in the archive anew, if this extractor has not yet. Nothing is fetched, nothing published.

    Raises ArchiveError and DataFolderLocked.
    """
    sources = load_sources(settings)
    folder = DataFolder(settings.data_dir)
    with write_lock(folder.root):
        files = [file for run in list_runs(folder.archive) for file in archive_files(run.folder)]
        return reindex(
            files, folder.catalog, sources, settings.crawl, settings.passages, force, forget_missing, progress
        )


def run_publish(
    settings: Settings,
    load_encoder: Callable[[], Encoder],
    progress: Progress = silent,
    force: bool = False,
    stage: bool = False,
) -> BuildReport:
    """Build a snapshot of everything in the catalogue and make it the live one; nothing happens if nothing changed.

    With `stage` it is built and validated, and the live one stays. Otherwise old ones go, see `index.keep_snapshots`.

    Raises TooMuchLost, unless it is `force`d, where more than `refresh.max_lost_share` of the live passages would go.
    """
    with write_lock(settings.data_dir):
        return publish_all(settings, load_sources(settings), load_encoder, progress, force, stage)


def publish_all(
    settings: Settings,
    sources: SourceList,
    load_encoder: Callable[[], Encoder],
    progress: Progress,
    force: bool,
    stage: bool,
) -> BuildReport:
    """`run_publish` for who holds the lock."""
    store = open_store(settings)
    with Catalog(store.folder.catalog) as catalog:
        split_pages(catalog, settings.passages, progress)
        if not catalog.passage_count():
            raise SnapshotInvalid(NOTHING_TO_PUBLISH)  # before the encoder is loaded, which takes seconds
        if not force:
            require_little_loss(store, catalog, sources, settings.refresh.max_lost_share)
        report = build_snapshot(
            lambda: listed_pages(catalog, sources), sources, load_encoder(), store, progress, settings.dense
        )
    if stage:
        return report
    if report.built:
        store.publish(report.snapshot)
    return replace(report, removed=store.prune(settings.index.keep_snapshots))


def _ingest(settings: Settings, sources: SourceList, files: Sequence[Path], progress: Progress) -> IngestResult:
    with Catalog(DataFolder(settings.data_dir).catalog) as catalog:
        ingested = ingest(files, catalog, sources, settings.crawl, progress)
        return IngestResult(ingested, split_pages(catalog, settings.passages, progress))
