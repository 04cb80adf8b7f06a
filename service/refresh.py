"""The refresh: what changed is fetched, ingested and published, in one run under the data folder's lock."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from crawler.archive import archive_files
from crawler.errors import NothingToCrawl
from crawler.fetch import fetch
from crawler.frontier import Failure
from crawler.ingest import IngestReport, ingest
from crawler.known import LEFT_FILE, load_left
from crawler.report import FetchReport
from crawler.revisit import plan, rests
from crawler.runs import Run, list_runs, start_run, unfinished_run
from crawler.scope import starts_of
from domain_lists.source_list import SourceList
from index.build import BuildReport
from index.catalog import Catalog, PageCounts
from index.encoders import Encoder
from index.errors import TooMuchLost
from index.lock import write_lock
from index.progress import Progress, silent
from index.run_tallies import SourceTally
from index.store import DataFolder
from service.coverage import coverage_of, save_coverage
from service.pipeline import load_sources, publish_all, utc_second
from service.settings import Settings

NAMED_FAILURES = 5

Status = Literal["published", "staged", "unchanged", "refused", "unreachable", "stopped"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which sources a refresh is for: all that are known where none is named. `starts` begin a source that is new."""

    sources: Sequence[str] = ()
    starts: Sequence[str] = ()
    recheck: bool = False
    force: bool = False
    stage: bool = False


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """What a refresh did; the line for log collectors.

    `status` is "published", "staged" or "unchanged" where all went well, "refused" where too much would be lost
    (`reason` says what), "unreachable" where no source answered, "stopped" where the run goes on with the next call.
    `requests` is summed over the sources; `failing` are those that gave nothing but errors, and are kept as they were;
    `resting` are left in peace after such runs. `pages` counts what became of the pages that came; `passages` and
    `embedded` are of the snapshot; `removed` are old ones that went (`index.keep_snapshots`).
    """

    status: Status
    run: str
    started: str
    seconds: float
    fetch_seconds: float
    sources: int
    requests: SourceTally
    responses: Mapping[int, int]
    refused: Mapping[str, int]
    failing: Mapping[str, SourceTally]
    resting: Sequence[str]
    pages: PageCounts
    skipped: Mapping[str, int]
    snapshot: str | None = None
    passages: int = 0
    embedded: int = 0
    removed: Sequence[str] = ()
    reason: str = ""
    failures: Sequence[Failure] = ()


def run_refresh(
    settings: Settings,
    asked: Asked,
    load_encoder: Callable[[], Encoder],
    progress: Progress = silent,
    stop: threading.Event | None = None,
    workers: int | None = None,
) -> RefreshResult:
    """Ask for what is due, take in what came, publish what changed; an unfinished run of the same sources goes on.

    All that the archive holds and the catalogue does not, of killed runs too, is ingested first. Raises UnknownSource,
    CrawlError, DataFolderLocked, and what publishing raises but TooMuchLost, which is a status. `workers` is the
    number of processes that extract, one a core by default; 0 extracts in this one.
    """
    begun, started = time.monotonic(), datetime.now(UTC)
    sources = load_sources(settings)
    with write_lock(settings.data_dir):
        report = _ingest_all(settings, sources, progress, workers)
        run, resting = _planned(settings, sources, asked, started)
        with Catalog(DataFolder(settings.data_dir).catalog) as catalog:
            waiting = catalog.visits.resting(utc_second(datetime.now(UTC)))
        fetched = fetch(run, sources, settings.crawl, progress, stop, waiting) if run else _nothing_fetched()
        after = _ingest_all(settings, sources, progress, workers)
        if run:
            with Catalog(DataFolder(settings.data_dir).catalog) as catalog:
                catalog.runs.put(run.id, utc_second(datetime.now(UTC)), fetched.sources)
        status, built, reason = _published(settings, sources, asked, fetched, load_encoder, progress)
        # After the publication, which cuts what came into passages.
        with Catalog(DataFolder(settings.data_dir).catalog) as catalog:
            save_coverage(DataFolder(settings.data_dir), coverage_of(catalog, sources, datetime.now(UTC)))
    return RefreshResult(
        status=status,
        run=run.id if run else "",
        started=utc_second(started),
        seconds=round(time.monotonic() - begun, 3),
        fetch_seconds=fetched.seconds,
        sources=len(run.sources) if run else 0,
        requests=SourceTally(*map(sum, zip(SourceTally(), *fetched.sources.values(), strict=True))),
        responses=fetched.responses,
        refused=fetched.refused,
        failing={source: tally for source, tally in fetched.sources.items() if tally.failed},
        resting=resting,
        pages=PageCounts(*map(sum, zip(report.pages, after.pages, strict=True))),
        skipped=report.skipped + after.skipped,
        snapshot=built.snapshot if built else None,
        passages=built.passages if built else 0,
        embedded=built.embedded if built else 0,
        removed=built.removed if built else (),
        reason=reason,
        failures=fetched.failures[:NAMED_FAILURES],
    )


def _planned(settings: Settings, sources: SourceList, asked: Asked, now: datetime) -> tuple[Run | None, list[str]]:
    """The run to fetch, begun or taken up again, and the sources that are left in peace; no run where none is left."""
    folder = DataFolder(settings.data_dir)
    with Catalog(folder.catalog) as catalog:
        seen = catalog.visits.sources()
        ids = [sources.get(name).id for name in asked.sources] or [one for one in seen if sources.find(one)]
        if not ids:
            raise NothingToCrawl("nothing was crawled yet: name the sources to begin with, or a profile")
        resting = (
            [one for one in ids if rests(catalog.runs.of(one), settings.refresh, now)] if not asked.recheck else []
        )
        awake = [one for one in ids if one not in set(resting)]
        run = unfinished_run(folder.archive, awake)
        if run or not awake:
            return run, resting
        authorities = {one: sources.get(one).authority for one in awake}
        known = plan(
            catalog.visits.of(awake), authorities, settings.crawl.max_pages, settings.refresh, now, asked.recheck
        )
    starts = asked.starts or [url for one in awake if one not in set(seen) for url in starts_of(sources.get(one))]
    return start_run(folder.archive, awake, starts, settings.crawl, known), resting


def _ingest_all(settings: Settings, sources: SourceList, progress: Progress, workers: int | None) -> IngestReport:
    """Bring the catalogue up to date with all runs; what was read before costs nothing."""
    folder = DataFolder(settings.data_dir)
    runs = list_runs(folder.archive)
    with Catalog(folder.catalog) as catalog:
        files = [path for run in runs for path in archive_files(run.folder)]
        report = ingest(files, catalog, sources, settings.crawl, progress, workers)
        for run in runs:
            _take_up_left(catalog, run.folder / LEFT_FILE)
    return report


def _take_up_left(catalog: Catalog, path: Path) -> None:
    if not path.exists() or catalog.position(str(path.resolve())):
        return
    catalog.put_found(str(path.resolve()), path.stat().st_size or 1, load_left(path.parent))


def _published(
    settings: Settings,
    sources: SourceList,
    asked: Asked,
    fetched: FetchReport,
    load_encoder: Callable[[], Encoder],
    progress: Progress,
) -> tuple[Status, BuildReport | None, str]:
    if not fetched.finished:
        return "stopped", None, "the run was stopped; the next one goes on with it"
    if fetched.sources and all(tally.failed for tally in fetched.sources.values()):
        return "unreachable", None, "no source could be read; the live snapshot stays"
    try:
        built = publish_all(settings, sources, load_encoder, progress, asked.force, asked.stage)
    except TooMuchLost as error:
        return "refused", None, str(error)
    if not built.built:
        return "unchanged", built, ""
    return ("staged" if asked.stage else "published"), built, ""


def _nothing_fetched() -> FetchReport:
    return FetchReport({}, {}, 0, {}, {}, (), 0.0, 0, finished=True)
