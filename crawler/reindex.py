"""Reads the whole archive again after the extractor has changed, without fetching anything.

The pages are extracted into a catalogue beside the live one, which then takes over all of it in one transaction: so
the outcome is what a catalogue made from nothing would hold, and a kill at any moment leaves the old pages or the new
ones. What was extracted before the kill is not extracted again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from crawler.errors import ArchiveError
from crawler.extract import EXTRACTOR_VERSION
from crawler.ingest import IngestReport, ingest
from crawler.settings import CrawlSettings, PassageSettings
from crawler.split import SplitReport, split_pages
from domain_lists.source_list import SourceList
from index.catalog import Catalog
from index.progress import Progress, silent

_LISTED_MISSING = 5


class ReindexReport(NamedTuple):
    """What `reindex` did. `rebuilt` is False where all had been extracted by this extractor, and only the rest was."""

    rebuilt: bool
    ingested: IngestReport
    split: SplitReport


def reindex(
    files: Sequence[Path],
    catalog_path: Path,
    source_list: SourceList,
    crawl: CrawlSettings,
    passages: PassageSettings,
    force: bool = False,
    forget_missing: bool = False,
    progress: Progress = silent,
    workers: int | None = None,
) -> ReindexReport:
    """Bring the catalogue to what this extractor makes of all archive files ever read.

    `files` are those of the archive, in the order they were written; files from elsewhere that were ingested are
    read again too. Nothing is extracted twice by one extractor, unless `force` says so. Raises ArchiveError where a
    file is gone, for its pages would be lost, unless `forget_missing`.
    """
    with Catalog(catalog_path) as catalog:
        # Other names are not those of archive files that were extracted.
        known = [name for name in catalog.archive_files() if _version(name) is not None]
        if not force and all(_version(name) == EXTRACTOR_VERSION for name in known):
            ingested = ingest(files, catalog, source_list, crawl, progress, workers)
            return ReindexReport(False, ingested, split_pages(catalog, passages, progress))
        elsewhere = _elsewhere(known, files, forget_missing)
        beside = _beside(catalog_path, force)
        with Catalog(beside) as fresh:
            ingested = ingest([*elsewhere, *files], fresh, source_list, crawl, progress, workers)
            split = split_pages(fresh, passages, progress)
        catalog.take_over(beside, known)
    beside.unlink()
    return ReindexReport(True, ingested, split)


def _version(name: str) -> int | None:
    _, at, version = name.rpartition("@")
    return int(version) if at and version.isdecimal() else None


def _elsewhere(known: Sequence[str], files: Sequence[Path], forget_missing: bool) -> list[Path]:
    """The files read before that are not among `files`, which may have moved with the data folder."""
    in_archive = {path.parts[-2:] for path in (file.resolve() for file in files)}
    paths = sorted({Path(name.rpartition("@")[0]) for name in known})
    others = [path for path in paths if path.parts[-2:] not in in_archive]
    missing = [str(path) for path in others if not path.is_file()]
    if missing and not forget_missing:
        raise ArchiveError(
            f"{len(missing)} archive files that were read before are gone, and their pages would be too: "
            f"{', '.join(missing[:_LISTED_MISSING])}; bring them back, or let their pages go (--forget-missing)"
        )
    return [path for path in others if path.is_file()]


def _beside(catalog_path: Path, force: bool) -> Path:
    """Where to build; what another extractor left there goes."""
    prefix = f"{catalog_path.stem}.reindex-"
    beside = catalog_path.with_name(f"{prefix}{EXTRACTOR_VERSION}{catalog_path.suffix}")
    for path in catalog_path.parent.glob(f"{prefix}*"):
        if force or not path.name.startswith(beside.name):
            path.unlink()
    return beside
