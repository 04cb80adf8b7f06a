from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawler import extract as extract_module
from crawler import ingest as ingest_module
from crawler import reindex as reindex_module
from crawler.archive import ArchiveWriter, archive_files
from crawler.errors import ArchiveError
from crawler.ingest import ingest
from crawler.reindex import ReindexReport, reindex
from crawler.settings import CrawlSettings, PassageSettings
from crawler.split import split_pages
from domain_lists.records import Source
from domain_lists.source_list import SourceList
from index.catalog import Catalog

SOURCES = SourceList([Source("example.org", "E", "reference", "US", "en", "agency", 1, 0.9, "", "")], [], {}, ())
PROSE = "The committee found that the rate of change had been measured with care over several years. "

BEFORE = extract_module.EXTRACTOR_VERSION - 1


class Data:
    """A data folder with three captures in its archive, ingested by the extractor before this one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.catalog = root / "catalog.duckdb"
        self.run = root / "archive" / "run"
        self._writer = ArchiveWriter(self.run)
        self._day = 0
        for name, text in (("a", "Old."), ("b", "Other."), ("a", "New.")):
            self.add(name, text)

    def add(self, name: str, text: str) -> None:
        self._day += 1
        body = f"<html><body><h1>{name}</h1><p>{text} {PROSE * 4}</p></body></html>".encode()
        headers = (("Content-Type", "text/html"),)
        moment = datetime(2026, 1, self._day, tzinfo=UTC)
        with self._writer:
            self._writer.write(f"https://example.org/{name}", 200, "", headers, body, moment)

    @property
    def files(self) -> list[Path]:
        return archive_files(self.run)

    def ingest(self) -> None:
        with Catalog(self.catalog) as catalog:
            ingest(self.files, catalog, SOURCES, CrawlSettings(), workers=0)
            split_pages(catalog, PassageSettings())

    def reindex(self, force: bool = False, forget_missing: bool = False) -> ReindexReport:
        return reindex(
            self.files, self.catalog, SOURCES, CrawlSettings(), PassageSettings(),
            force, forget_missing, workers=0,
        )  # fmt: skip

    def content(self) -> list[object]:
        with Catalog(self.catalog) as catalog:
            return [*catalog.pages_with_passages(), catalog.archive_files()]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Data]:
    made = Data(tmp_path)
    with monkeypatch.context() as before:
        for module in (extract_module, ingest_module, reindex_module):
            before.setattr(module, "EXTRACTOR_VERSION", BEFORE)
        made.ingest()
    return made


def spoil(data: Data) -> None:
    """Leave in the catalogue what an older extractor might have made: another text, and a page that is none now."""
    with Catalog(data.catalog) as catalog:
        page = catalog.page("https://example.org/b")
        block = page.blocks[1]
        spoilt = type(block)(block.kind, f"Navigation. {block.text}", block.level)
        catalog.put_pages(
            f"{data.files[0].resolve()}@{BEFORE}",
            1,
            [
                type(page)(page.url, page.source, page.title, page.language, (spoilt,), page.crawled),
                type(page)("https://example.org/none", page.source, "", "en", (block,), page.crawled),
            ],
        )
        split_pages(catalog, PassageSettings())


def test_reindexing_after_a_change_of_the_extractor_equals_a_catalogue_made_from_nothing(
    data: Data, tmp_path: Path
) -> None:
    spoil(data)
    report = data.reindex()
    assert report.rebuilt
    assert report.ingested.responses == 3
    rebuilt = data.content()
    data.catalog = tmp_path / "fresh.duckdb"
    data.ingest()
    assert rebuilt == data.content()
    assert [path.name for path in tmp_path.glob("*.reindex*")] == []


def test_what_this_extractor_has_read_is_not_read_again_but_what_is_new_is(data: Data) -> None:
    data.reindex()
    before = data.content()
    report = data.reindex()
    assert (report.rebuilt, report.ingested.responses, report.split.resplit) == (False, 0, 0)
    assert data.content() == before
    data.add("c", "Third.")
    assert data.reindex().ingested.pages.new == 1
    assert data.reindex(force=True).ingested.responses == 4


def test_a_reindexing_that_is_killed_leaves_the_old_pages_and_goes_on_later(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(data)
    before = data.content()

    class Killed(Exception):
        pass

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(reindex_module, "split_pages", kill)
        with pytest.raises(Killed):
            data.reindex()
    assert data.content() == before
    assert data.reindex().ingested.responses == 0
    assert data.content() != before


def test_pages_of_files_that_are_gone_are_given_up_only_when_told_so(data: Data, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "run"
    moved.parent.mkdir()
    data.run.rename(moved)
    with pytest.raises(ArchiveError, match="run/00000"):
        data.reindex()
    with Catalog(data.catalog) as catalog:
        assert catalog.page_count() == 2
    data.run = moved
    assert data.reindex().ingested.pages.new == 2
    moved.rename(tmp_path / "gone")
    assert data.reindex(force=True, forget_missing=True).ingested.responses == 0
    with Catalog(data.catalog) as catalog:
        assert catalog.page_count() == 0
