import gzip
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from crawler import ingest as ingest_module
from crawler.archive import ArchiveWriter, Response
from crawler.errors import ArchiveError
from crawler.extract import Extracted, Skipped
from crawler.extraction_pool import ExtractionPool, Job
from crawler.ingest import IngestReport, ingest
from crawler.settings import CrawlSettings
from domain_lists.records import Source
from domain_lists.source_list import SourceList
from index.catalog import Catalog, PageCounts

PROSE = "The committee found that the rate of change had been measured with care over several years. "
HTML = (("Content-Type", "text/html; charset=utf-8"),)


def source(id_: str) -> Source:
    return Source(id_, id_, "reference", "US", "en", "agency", 1, 0.9, "", "")


SOURCES = SourceList([source("example.org"), source("example.org/deep"), source("example.net")], [], {}, ())


def html(text: str = "", head: str = "") -> bytes:
    return f"<html><head>{head}</head><body><h1>Title</h1><p>{text} {PROSE * 4}</p></body></html>".encode()


class Archive:
    """A WARC file under construction, with a day between any two records."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "00000.warc.gz"
        self.writer = ArchiveWriter(folder)
        self._days = count()

    def add(
        self, url: str, body: bytes | None = None, status: int = 200, headers: tuple[tuple[str, str], ...] = HTML
    ) -> None:
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=next(self._days))
        self.writer.write(url, status, "", headers, html() if body is None else body, moment)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    made = Archive(tmp_path)
    with made.writer:
        yield made


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "catalog.duckdb") as opened:
        yield opened


def run(catalog: Catalog, *files: Path, workers: int = 0, settings: CrawlSettings | None = None) -> IngestReport:
    return ingest(files, catalog, SOURCES, settings or CrawlSettings(), workers=workers)


def test_pages_of_listed_sources_are_stored_and_the_rest_is_counted_by_reason(
    archive: Archive, catalog: Catalog
) -> None:
    archive.add("https://Example.org:443/a?utm_source=x#part")
    archive.add("https://example.org.evil.com/a")
    archive.add("https://example.org/gone", status=404)
    archive.add("https://example.org/b.png", headers=(("Content-Type", "image/png"),))
    archive.add("https://example.org/c.pdf", b"%PDF-1.7 cut off", headers=(("Content-Type", "application/pdf"),))
    archive.add("https://example.org/c", html(head='<meta name="robots" content="noindex">'))
    archive.add("https://example.org/d", b"<html></html>")
    archive.add("https://example.net/e")
    archive.add("https://example.net/robots.txt")
    report = run(catalog, archive.path)
    assert report.responses == 9
    assert report.pages == PageCounts(new=2)
    reasons = ("not listed", "status 404", "not html", "noindex", "no text", "robots.txt", "pdf: damaged")
    assert report.skipped == dict.fromkeys(reasons, 1)
    assert catalog.page("https://example.org/a").source == "example.org"
    assert catalog.page("https://example.net/e").blocks[0].text == "Title"


def test_a_second_run_goes_on_where_the_first_ended(archive: Archive, catalog: Catalog) -> None:
    archive.add("https://example.org/a")
    assert run(catalog, archive.path).responses == 1
    assert run(catalog, archive.path).responses == 0
    archive.add("https://example.org/a", html("Changed."))
    archive.add("https://example.org/b")
    report = run(catalog, archive.path)
    assert report.responses == 2
    assert report.pages == PageCounts(new=1, changed=1)


def test_an_interrupted_run_loses_at_most_the_batch_under_way(
    archive: Archive, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "_BATCH_RESPONSES", 3)
    for number in range(8):
        archive.add(f"https://example.org/{number}")

    class Stop(Exception):
        pass

    def stop_after_second_batch(_stage: str, _done: int, _total: int | None) -> None:
        if catalog.page_count() == 6:
            raise Stop

    with pytest.raises(Stop):
        ingest([archive.path], catalog, SOURCES, CrawlSettings(), stop_after_second_batch, workers=0)
    report = run(catalog, archive.path)
    assert report.responses == 2
    assert catalog.page_count() == 8


def test_a_file_that_became_shorter_is_read_from_the_start(archive: Archive, catalog: Catalog) -> None:
    for number in range(3):
        archive.add(f"https://example.org/{number}")
    run(catalog, archive.path)
    archive.path.unlink()
    shorter = Archive(archive.path.parent)
    with shorter.writer:
        shorter.add("https://example.org/new")
    assert run(catalog, shorter.path).pages.new == 1


def test_a_file_cut_off_within_a_record_gives_what_is_whole_and_the_rest_later(
    archive: Archive, catalog: Catalog
) -> None:
    archive.add("https://example.org/a")
    archive.add("https://example.org/b")
    whole = archive.path.read_bytes()
    archive.path.write_bytes(whole[:-40])
    assert run(catalog, archive.path).pages.new == 1
    archive.path.write_bytes(whole)
    assert run(catalog, archive.path).pages.new == 1


def test_damaged_records_are_counted_and_no_archive_is_an_error(archive: Archive, catalog: Catalog) -> None:
    archive.add("https://example.org/a", b"not gzip", headers=(*HTML, ("Content-Encoding", "br")))
    archive.add("https://example.org/b")
    report = run(catalog, archive.path)
    assert (report.skipped, report.pages.new) == ({"damaged record": 1}, 1)
    text = archive.path.with_name("text.warc.gz")
    text.write_bytes(gzip.compress(b"plain text, no records at all\n" * 10))
    with pytest.raises(ArchiveError, match=r"text\.warc\.gz"):
        run(catalog, text)


def test_a_body_over_the_limit_is_left_out(archive: Archive, catalog: Catalog) -> None:
    archive.add("https://example.org/a", html("x" * 20_000))
    archive.add("https://example.org/b")
    report = run(catalog, archive.path, settings=CrawlSettings(max_bytes=10_000))
    assert (report.skipped, report.pages.new) == ({"damaged record": 1}, 1)


@pytest.mark.parametrize(
    ("canonical", "stored"),
    [
        ("https://example.org/a", "https://example.org/a"),
        ("/a?utm_source=feed", "https://example.org/a"),
        ("file:///usr/share/a", "https://example.org/printable/a"),
        ("https://www.example.org/a", "https://example.org/printable/a"),
        ("https://example.net/a", "https://example.org/printable/a"),
        ("https://example.org/deep/a", "https://example.org/printable/a"),
        ("https://evil.com/a", "https://example.org/printable/a"),
        ("https://example.org:99999/a", "https://example.org/printable/a"),
        ("https://example.org/", "https://example.org/printable/a"),
    ],
)
def test_a_canonical_link_counts_within_source_and_host(
    archive: Archive, catalog: Catalog, canonical: str, stored: str
) -> None:
    archive.add("https://example.org/printable/a", html(head=f'<link rel="canonical" href="{canonical}">'))
    run(catalog, archive.path)
    assert [state.url for state in catalog.split_states()] == [stored]


def test_processes_give_what_one_process_gives_in_the_same_order(archive: Archive, tmp_path: Path) -> None:
    for number in range(30):
        archive.add(f"https://example.org/{number % 20}", html(f"Number {number}."))
        archive.add(f"https://example.org/gone{number}", status=410)
    states = []
    for workers in (0, 2):
        with Catalog(tmp_path / f"{workers}.duckdb") as catalog:
            report = run(catalog, archive.path, workers=workers)
            assert report.skipped == {"status 410": 30}
            states.append(list(catalog.split_states()))
    assert states[0] == states[1]


class Deadly(str):
    """Text that ends the process that receives it."""

    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        return os._exit, (1,)


def test_a_page_that_kills_its_process_stops_no_other() -> None:
    good = Response("https://example.org/a", 200, HTML, html(), "2026-01-01T00:00:00Z", 1)
    urls = ["https://example.org/a", Deadly("https://example.org/b"), "https://example.org/c"]
    with ExtractionPool(1) as pool:
        results = [result for _, result in pool.extract_all(Job(good, source("example.org"), url) for url in urls)]
    assert isinstance(results[0], Extracted)
    assert isinstance(results[2], Extracted)
    assert isinstance(results[1], Skipped)
    assert results[1].reason == "failed: the process died"


def test_progress_tells_bytes(archive: Archive, catalog: Catalog) -> None:
    archive.add("https://example.org/a")
    seen: list[tuple[str, int, int | None]] = []
    ingest([archive.path], catalog, SOURCES, CrawlSettings(), lambda *step: seen.append(step), workers=0)
    size = archive.path.stat().st_size
    assert seen == [("ingest", size, size)]
