import multiprocessing
import random
import resource
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from records import make_page, make_passages, small_pages

from index.catalog import Catalog, PageCounts, PageSplit
from index.columns_writer import ColumnsWriter
from index.errors import CatalogError
from index.records import Block, Dated, Page, passage_id

FIRST, SECOND, THIRD = "2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z", "2025-03-01T00:00:00Z"
URL = "https://a.example.org/page"


def page(text: str = "Some text.", crawled: str = FIRST, url: str = URL, changed: str | None = None) -> Page:
    return make_page(url, text, crawled=crawled, changed=changed)


def store_with_passages(catalog: Catalog, pages: list[Page]) -> None:
    catalog.put_pages("file", 1, pages)
    catalog.put_passages([PageSplit(one.url, "key", tuple(make_passages(one))) for one in pages])


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "data" / "catalog.duckdb")


def test_a_page_comes_back_as_it_was_put(catalog: Catalog) -> None:
    blocks = (
        Block("heading", "标题 “quoted”", 2),
        Block("paragraph", "Line\nbreak, \ttab and \\ backslash"),
        Block("table", "a | b\nc | d"),
        Block("code", "if x:\n    y()"),
    )
    full = Page(
        URL, "a.example.org", "Title", "zh", blocks, Dated(FIRST, "warc"), Dated("2024-05-06", "meta"),
        Dated("2024-07-08", "json-ld"), Dated("2024-09-10T11:12:13Z", "content-hash"),
    )  # fmt: skip
    bare = Page("https://a.example.org/", "a.example.org", "", "", (), Dated(FIRST, "warc"))
    assert catalog.put_pages("file", 10, [full, bare]) == PageCounts(new=2)
    assert (catalog.page(URL), catalog.page(bare.url), catalog.page_count()) == (full, bare, 2)
    with pytest.raises(KeyError, match="nowhere"):
        catalog.page("https://nowhere.example.org/")


def test_the_position_of_an_archive_file_is_kept_with_its_pages(tmp_path: Path) -> None:
    path = tmp_path / "catalog.duckdb"
    with Catalog(path) as catalog:
        assert catalog.position("a.warc.gz") == 0
        catalog.put_pages("a.warc.gz", 5_000_000_000, [page()])
    with Catalog(path) as catalog:
        assert (catalog.position("a.warc.gz"), catalog.position("b.warc.gz")) == (5_000_000_000, 0)
        assert catalog.page(URL) == page()


def test_a_full_disk_is_an_error_in_one_line_and_the_catalogue_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "catalog.duckdb"
    with Catalog(path) as catalog:
        catalog.put_pages("a", 1, [page("kept")])
    many = [page(random.randbytes(20_000).hex(), url=f"{URL}/{number}") for number in range(100)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Catalog(path) as catalog:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100_000, hard))
        try:
            with pytest.raises(CatalogError, match="is the disk full"):
                catalog.put_pages("a", 2, many)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with Catalog(path) as catalog:
        assert (catalog.page_count(), catalog.position("a")) == (1, 1)


def test_new_text_is_dated_by_the_crawl_that_saw_it_first(catalog: Catalog) -> None:
    assert catalog.put_pages("file", 1, [page("old")]) == PageCounts(new=1)
    assert catalog.page(URL).changed is None
    assert catalog.put_pages("file", 2, [page("new", SECOND)]) == PageCounts(changed=1)
    assert catalog.page(URL).changed == Dated(SECOND, "content-hash")
    assert catalog.put_pages("file", 3, [page("new", THIRD)]) == PageCounts(unchanged=1)
    assert catalog.page(URL).changed == Dated(SECOND, "content-hash")
    assert catalog.page(URL).crawled == Dated(THIRD, "test")


def test_an_older_capture_changes_nothing(catalog: Catalog) -> None:
    catalog.put_pages("file", 1, [page("new", SECOND)])
    assert catalog.put_pages("file", 2, [page("old", FIRST)]) == PageCounts(older=1)
    assert catalog.page(URL) == page("new", SECOND)


def test_the_same_capture_extracted_anew_is_no_change_of_the_page(catalog: Catalog) -> None:
    catalog.put_pages("file", 1, [page("read badly", SECOND)])
    assert catalog.put_pages("file", 2, [page("read well", SECOND)]) == PageCounts(changed=1)
    assert catalog.page(URL) == page("read well", SECOND)


def test_captures_give_the_same_page_in_one_batch_or_in_many(tmp_path: Path) -> None:
    captures = [page("one", FIRST), page("two", SECOND), page("two", THIRD)]
    with Catalog(tmp_path / "many") as many, Catalog(tmp_path / "one") as one:
        counts = [many.put_pages("file", 1, [capture]) for capture in captures]
        together = one.put_pages("file", 1, captures[::-1])
        assert together == PageCounts(*map(sum, zip(*counts, strict=True))) == PageCounts(1, 1, 1, 0)
        assert one.page(URL) == many.page(URL) == replace(captures[2], changed=Dated(SECOND, "content-hash"))


def test_a_failed_batch_leaves_neither_pages_nor_position(catalog: Catalog) -> None:
    catalog.put_pages("file", 1, [page()])
    with pytest.raises(UnicodeEncodeError):
        catalog.put_pages("file", 2, [page("good", url=f"{URL}/2"), page("\ud800", url=f"{URL}/3")])
    assert (catalog.position("file"), catalog.page_count()) == (1, 1)
    assert catalog.put_pages("file", 2, []) == PageCounts()
    assert catalog.position("file") == 2


def test_passages_are_replaced_and_cut_from_the_text(catalog: Catalog) -> None:
    pages = small_pages()
    store_with_passages(catalog, pages)
    found = list(catalog.pages_with_passages())
    assert [one.url for one, _ in found] == sorted(one.url for one in pages)
    assert all(passages == make_passages(one) for one, passages in found)
    total = sum(len(passages) for _, passages in found)
    assert catalog.passage_count() == total
    first, kept = found[0]
    catalog.put_passages([PageSplit(first.url, "key2", tuple(kept[:1]))])
    assert catalog.passage_count() == total - len(kept) + 1
    catalog.put_passages([PageSplit(first.url, "key3", ())])
    assert [one.url for one, _ in catalog.pages_with_passages()] == [one.url for one, _ in found[1:]]


def test_a_page_with_new_text_must_be_split_again_before_its_passages_count(catalog: Catalog) -> None:
    other = page("Other text.", url=f"{URL}/other")
    store_with_passages(catalog, [page("A long text that was cut."), other])
    catalog.put_pages("file", 2, [page("Short.", SECOND), replace(other, crawled=Dated(SECOND, "test"))])
    states = {state.url: state for state in catalog.split_states()}
    assert (states[URL].split_key, states[other.url].split_key) == ("", "key")
    assert [one.url for one, _ in catalog.pages_with_passages()] == [other.url]


def test_split_states_can_be_read_while_passages_are_written(catalog: Catalog) -> None:
    pages = [page(f"Text {n}.", url=f"{URL}/{n:04}") for n in range(1300)]
    catalog.put_pages("file", 1, pages)
    seen = []
    for state in catalog.split_states():
        seen.append(state.url)
        if len(seen) % 100 == 1:
            catalog.put_passages([PageSplit(state.url, "key", ())])
    assert seen == [one.url for one in pages]
    assert {len(state.block_digests) for state in catalog.split_states()} == {1}


def test_passages_without_a_page_hide_no_others(catalog: Catalog) -> None:
    store_with_passages(catalog, [page()])
    stray = make_passages(page(url="https://a.example.org/gone"))
    catalog.put_passages([PageSplit("https://a.example.org/gone", "key", tuple(stray))])
    assert list(catalog.pages_with_passages()) == [(page(), make_passages(page()))]


def test_blocks_on_many_pages_of_one_host_are_found(catalog: Catalog) -> None:
    menu, heading = "Home | About | Contact", "# News"
    own = [make_page(f"https://a.example.org/{n}", heading, menu, menu, f"Text {n}.") for n in range(4)]
    rare = [make_page(f"https://a.example.org/x{n}", f"Alone {n}.") for n in range(4)]
    elsewhere = [make_page(f"https://b.example.org/{n}", menu, f"Text {n}.") for n in range(2)]
    elsewhere += [make_page(f"https://b.example.org/0?copy={n}", menu, "Text 0.") for n in range(8)]
    catalog.put_pages("file", 1, [*own, *rare, *elsewhere])
    digest = Block("paragraph", menu).digest()
    assert catalog.repeated_blocks(4, 0.5) == {"a.example.org": frozenset({digest})}
    assert catalog.repeated_blocks(5, 0.5) == {}
    assert catalog.repeated_blocks(2, 0.51) == {"b.example.org": frozenset({digest})}


def test_a_catalogue_of_another_version_is_refused_and_let_go(tmp_path: Path) -> None:
    path = tmp_path / "catalog.duckdb"
    Catalog(path).close()
    with duckdb.connect(str(path)) as db:
        db.execute("UPDATE meta SET schema_version = 99")
    with pytest.raises(CatalogError, match=r"has schema 99, this version reads 2; move it away and ingest"):
        Catalog(path)
    with duckdb.connect(str(path)) as db:
        assert db.execute("SELECT schema_version FROM meta").fetchall() == [(99,)]


def test_a_file_that_is_no_catalogue_is_refused_by_name(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("These are notes. " * 1000)
    with pytest.raises(CatalogError, match=r"cannot open the catalogue .*notes\.txt"):
        Catalog(text)
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as db:
        db.execute("CREATE TABLE meta (something VARCHAR)")
    with pytest.raises(CatalogError, match=r"other\.duckdb is no catalogue"):
        Catalog(other)


def _try_to_open(path: Path) -> str:
    try:
        Catalog(path).close()
    except CatalogError as error:
        return str(error)
    return "opened"


def test_a_second_process_is_told_that_the_catalogue_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "catalog.duckdb"
    with Catalog(path), multiprocessing.get_context("spawn").Pool(1) as pool:
        assert "cannot open the catalogue" in pool.apply(_try_to_open, (path,))


@pytest.mark.parametrize("pages_at_once", [1, 3, 5, 1000])
def test_pages_read_in_ranges_come_each_once_and_in_order(
    catalog: Catalog, pages_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_with_passages(catalog, small_pages())
    monkeypatch.setattr("index.catalog._RANGE_PAGES", pages_at_once)
    expected = [(one, make_passages(one)) for one in sorted(small_pages(), key=lambda one: one.url)]
    assert list(catalog.pages_with_passages()) == expected


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_puts_leaves_no_trace_in_the_columns(tmp_path: Path, seed: int) -> None:
    pages = small_pages()
    for name, order in (("straight", pages), ("shuffled", random.Random(seed).sample(pages, len(pages)))):
        folder = tmp_path / name
        folder.mkdir()
        with Catalog(tmp_path / f"{name}.duckdb") as catalog:
            for one in order:
                store_with_passages(catalog, [one])
            writer = ColumnsWriter(folder)
            for one, passages in catalog.pages_with_passages():
                writer.add(one, passages)
            writer.finish()
    files = [path.relative_to(tmp_path / "straight") for path in (tmp_path / "straight").rglob("*.*")]
    assert len(files) > 10
    for file in files:
        assert (tmp_path / "straight" / file).read_bytes() == (tmp_path / "shuffled" / file).read_bytes()


def test_ids_and_hashes_depend_on_content_alone() -> None:
    assert passage_id(URL, "text") == passage_id(URL, "text") != passage_id(f"{URL}t", "ext")
    assert page(crawled=FIRST).content_hash() == page(crawled=SECOND).content_hash()
    assert page().content_hash() != replace(page(), title="Other").content_hash()
