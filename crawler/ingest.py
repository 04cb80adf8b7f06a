"""Reads archive files into the catalogue: HTML and PDF of listed sources, extracted in processes, stored in batches.

Each batch is stored in one transaction with the position in the file it was read up to. A kill at any moment
loses at most the batch under way, and the next run goes on from the last position.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from crawler.archive import Response, log_skipped, read_archive
from crawler.extract import EXTRACTOR_VERSION, Extracted, Skipped, is_readable
from crawler.extraction_pool import ExtractionPool, Job
from crawler.outcomes import fetches_of, rests_of, robots_of
from crawler.settings import CrawlSettings
from domain_lists.errors import InvalidUrl
from domain_lists.records import Source
from domain_lists.source_list import SourceList
from domain_lists.urls import canonical_url, host_of
from index.catalog import Catalog, PageCounts
from index.progress import Progress, silent
from index.records import Page
from index.visits import Fetch, HostRest, RobotsRead

logger = logging.getLogger(__name__)

_BATCH_RESPONSES = 200


@dataclass(slots=True)
class IngestReport:
    """What became of the responses read. `skipped` counts by reason those that made no page."""

    responses: int = 0
    pages: PageCounts = field(default_factory=PageCounts)
    skipped: Counter[str] = field(default_factory=Counter)


class _Batch(NamedTuple):
    """The pages of consecutive responses, and the position in the file after them."""

    position: int
    responses: int
    pages: list[Page]
    fetches: list[Fetch]
    robots: list[RobotsRead]
    rests: list[HostRest]


def ingest(
    files: Sequence[Path],
    catalog: Catalog,
    source_list: SourceList,
    settings: CrawlSettings,
    progress: Progress = silent,
    workers: int | None = None,
) -> IngestReport:
    """Bring the catalogue up to date with the archive files, given in the order they were written.

    `workers` is the number of processes, one a core by default; 0 extracts in this process. Progress counts the
    bytes of the files. No page stops the run: what cannot be used is counted by its reason and logged. Raises
    ArchiveError for a file that is no archive; what was read before stays stored.
    """
    report = IngestReport()
    sizes = [path.stat().st_size for path in files]
    with ExtractionPool(workers) as pool:
        for number, path in enumerate(files):
            name, start = _resume_at(path, catalog)
            for batch in _batches(path, start, source_list, settings, pool, report):
                counts = catalog.put_pages(name, batch.position, *batch[2:])
                report.pages = PageCounts(*map(sum, zip(report.pages, counts, strict=True)))
                report.responses += batch.responses
                progress("ingest", sum(sizes[:number]) + batch.position, sum(sizes))
    return report


def _resume_at(path: Path, catalog: Catalog) -> tuple[str, int]:
    """The name the catalogue knows the file by, and where to go on reading."""
    name = f"{path.resolve()}@{EXTRACTOR_VERSION}"
    position = catalog.position(name)
    if position > path.stat().st_size:
        logger.warning("%s is shorter than what was read of it before: it is read again from the start", path)
        return name, 0
    return name, position


def _batches(
    path: Path,
    start: int,
    source_list: SourceList,
    settings: CrawlSettings,
    pool: ExtractionPool,
    report: IngestReport,
) -> Iterator[_Batch]:
    def damaged(path: Path, offset: int, reason: str) -> None:
        report.skipped["damaged record"] += 1
        log_skipped(path, offset, reason)

    responses = read_archive(path, start, settings.max_bytes, damaged)
    jobs = (_job(response, source_list) for response in responses)
    batch = _Batch(start, 0, [], [], [], [])
    for job, result in pool.extract_all(jobs):
        if isinstance(result, Extracted):
            batch.pages.append(_under_canonical_url(result, source_list))
        else:
            report.skipped[result.reason] += 1
            if result.detail:
                logger.warning("%s: %s: %s", job.response.url, result.reason, result.detail)
        batch.fetches.extend(fetches_of(job.response, result, batch.pages, source_list, settings.max_bytes))
        batch.robots.extend(robots_of(job.response))
        batch.rests.extend(rests_of(job.response))
        batch = batch._replace(position=job.response.position, responses=batch.responses + 1)
        if batch.responses == _BATCH_RESPONSES:
            yield batch
            batch = _Batch(batch.position, 0, [], [], [], [])
    if batch.responses:
        yield batch


def _job(response: Response, source_list: SourceList) -> Job:
    """What to extract, or why not to. The cheap reasons come first."""
    if response.status != 200:
        return Job(response, skipped=Skipped(f"status {response.status}"))
    source = source_list.listed(response.url)
    if source is None:
        return Job(response, skipped=Skipped("not listed"))
    # Some sites answer with HTML even here; a crawl archives it, but nobody wrote it to be read.
    if urlsplit(response.url).path == "/robots.txt":
        return Job(response, skipped=Skipped("robots.txt"))
    if not is_readable(response):
        return Job(response, skipped=Skipped("not html"))
    return Job(response, source, canonical_url(response.url))


def _under_canonical_url(extracted: Extracted, source_list: SourceList) -> Page:
    """The page under the URL it names as canonical, if that is of the same source and host."""
    page = extracted.page
    try:
        url = canonical_url(extracted.canonical or "")
    except InvalidUrl:
        return page
    source: Source | None = source_list.listed(url)
    same = source is not None and source.id == page.source and host_of(url) == host_of(page.url)
    return replace(page, url=url) if same else page
