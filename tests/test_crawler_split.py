from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from crawler.settings import PassageSettings
from crawler.split import SplitReport, split_pages
from index.catalog import Catalog
from index.records import Block, Dated, Page

SETTINGS = PassageSettings(boilerplate_pages=3, boilerplate_share=0.5)
BANNER = "Accept all cookies of this site now, or read in our notice how we use them and why."


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "catalog.duckdb") as opened:
        yield opened


def page(number: int, *extra: str, day: int = 1) -> Page:
    text = f"Page {number} says that the rate of change was measured with care over several years."
    return Page(
        url=f"https://example.org/{number}",
        source="example.org",
        title="Page",
        language="en",
        blocks=tuple(Block("paragraph", one) for one in (text, *extra)),
        crawled=Dated(f"2026-01-{day:02}T00:00:00Z", "archive"),
    )


def texts(catalog: Catalog) -> dict[str, list[str]]:
    return {page.url: [one.text for one in passages] for page, passages in catalog.pages_with_passages()}


def test_only_what_changed_is_split_again(catalog: Catalog) -> None:
    catalog.put_pages("a", 1, [page(number) for number in range(5)])
    assert split_pages(catalog, SETTINGS) == SplitReport(pages=5, resplit=5, passages=5)
    assert split_pages(catalog, SETTINGS) == SplitReport(pages=5, resplit=0, passages=0)
    catalog.put_pages("a", 2, [page(1, "A second paragraph.", day=2), page(2, day=2)])
    assert split_pages(catalog, SETTINGS) == SplitReport(pages=5, resplit=1, passages=1)
    assert texts(catalog)["https://example.org/1"][0].endswith("A second paragraph.")


def test_other_settings_split_everything_again(catalog: Catalog) -> None:
    catalog.put_pages("a", 1, [page(number) for number in range(3)])
    split_pages(catalog, SETTINGS)
    assert split_pages(catalog, SETTINGS.model_copy(update={"max_tokens": 200})).resplit == 3


def test_a_block_that_becomes_boilerplate_leaves_the_passages_of_its_pages(catalog: Catalog) -> None:
    catalog.put_pages("a", 1, [page(0), page(1, BANNER), page(2, BANNER)])
    split_pages(catalog, SETTINGS)
    assert sum(BANNER in text for found in texts(catalog).values() for text in found) == 2

    catalog.put_pages("a", 2, [page(3, BANNER)])
    assert split_pages(catalog, SETTINGS).resplit == 3
    assert not any(BANNER in text for found in texts(catalog).values() for text in found)
    assert BANNER in catalog.page("https://example.org/1").text()


def test_a_page_that_is_all_boilerplate_has_no_passages(catalog: Catalog) -> None:
    catalog.put_pages("a", 1, [page(number, BANNER) for number in range(3)])
    only_banner = page(3)
    catalog.put_pages("a", 2, [Page(**{**fields(only_banner), "blocks": (Block("paragraph", BANNER),)})])
    split_pages(catalog, SETTINGS)
    assert "https://example.org/3" not in texts(catalog)


def fields(page: Page) -> dict[str, object]:
    return {name: getattr(page, name) for name in Page.__slots__}


def test_two_ways_agree_refreshed_and_from_scratch(catalog: Catalog, tmp_path: Path) -> None:
    catalog.put_pages("a", 1, [page(0), page(1, BANNER), page(2, BANNER)])
    split_pages(catalog, SETTINGS)
    catalog.put_pages("a", 2, [page(0, "More.", day=2), page(3, BANNER)])
    split_pages(catalog, SETTINGS)
    with Catalog(tmp_path / "fresh.duckdb") as fresh:
        fresh.put_pages("a", 2, [page(0, "More.", day=2), page(1, BANNER), page(2, BANNER), page(3, BANNER)])
        split_pages(fresh, SETTINGS)
        assert texts(fresh) == texts(catalog)


def test_progress_counts_pages(catalog: Catalog) -> None:
    catalog.put_pages("a", 1, [page(number) for number in range(3)])
    seen: list[tuple[str, int, int | None]] = []
    split_pages(catalog, SETTINGS, lambda *step: seen.append(step))
    assert seen == [("split", 3, 3)]


def test_pages_with_the_same_content_have_passages_once_under_the_shortest_url(catalog: Catalog) -> None:
    trap = [replace(page(1), url=f"https://example.org/1?month={month}") for month in range(20)]
    elsewhere = replace(page(1), url="https://example.net/1")
    catalog.put_pages("a", 1, [*trap, page(1), page(2), elsewhere])
    assert split_pages(catalog, SETTINGS) == SplitReport(pages=23, resplit=23, passages=3, copies=20)
    assert set(texts(catalog)) == {"https://example.org/1", "https://example.org/2", "https://example.net/1"}
    assert split_pages(catalog, SETTINGS).resplit == 0

    catalog.put_pages("a", 2, [page(1, "New.", day=2)])
    assert split_pages(catalog, SETTINGS).resplit == 2
    assert "https://example.org/1?month=0" in texts(catalog)
