"""What the list notes about access: a sitemap is a start of the crawl, hindrances stand in the coverage."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from records import make_source, make_sources

from crawler.frontier import Frontier
from crawler.scope import Scope, starts_of
from crawler.settings import CrawlSettings
from domain_lists.source_list import SourceList
from index.catalog import Catalog
from service.coverage import coverage_of
from service.coverage_page import cells, coverage_page


@pytest.fixture(scope="module")
def bundled() -> SourceList:
    return SourceList.load()


def test_a_noted_sitemap_is_a_start_that_is_fetched_though_it_is_no_page() -> None:
    mapped = make_source("example.org/press", access="feed;sitemap")
    assert starts_of(make_source("example.org", access="feed")) == ["https://example.org/"]
    starts = starts_of(mapped)
    assert starts == ["https://example.org/press", "https://example.org/sitemap.xml"]
    sources = make_sources("example.org")
    frontier = Frontier(Scope(sources, ["example.org"], False), starts[1:], CrawlSettings())
    visit = frontier.next()
    assert visit
    assert visit.url == "https://example.org/sitemap.xml"


def test_the_words_of_the_list_reach_the_sources(bundled: SourceList) -> None:
    assert bundled.get("academic.oup.com").hindrances == ["paywall"]
    assert "sitemap" in bundled.get("bbc.co.uk").access
    assert bundled.get("bbc.co.uk").hindrances == []


def test_hindrances_are_counted_by_source_and_by_group(bundled: SourceList, tmp_path: Path) -> None:
    ids = ["academic.oup.com", "acpjournals.org", "arxiv.org"]
    with Catalog(tmp_path / "catalog.duckdb") as catalog:
        catalog.visits.found([(f"https://{one}/", one, 0) for one in ids])
        report = coverage_of(catalog, bundled, datetime.now(UTC))
    assert report.total.hindrances == {"paywall": 2}
    assert [line.hindrances for line in report.sources] == [{"paywall": 1}, {"paywall": 1}, {}]
    assert [cells(line)[-1] for line in (*report.sources, report.total)] == ["paywall", "paywall", "", "paywall 2"]
    assert '<td class="noted">paywall 2</td>' in coverage_page(report)
