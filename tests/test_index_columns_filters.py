import random
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from records import BANK, FORUM, JOURNAL, make_page, make_passages, small_pages, with_passages

from index.columns import DATE_FIELDS, NO_DATE, Columns
from index.columns_writer import ColumnsWriter
from index.encoders import Encoder, Vectors
from index.filters import DateField, DateRange, Filter, apply_filter
from index.records import Page
from index.snapshot import Snapshot


def write(folder: Path, pages: list[Page], batch_rows: int = 16_384) -> Columns:
    folder.mkdir(exist_ok=True)
    writer = ColumnsWriter(folder, batch_rows)
    for page, passages in with_passages(pages):
        writer.add(page, passages)
    writer.finish()
    return Columns(folder)


@pytest.mark.parametrize("batch_rows", [1, 7, 16_384])
def test_every_passage_and_page_comes_back(tmp_path: Path, batch_rows: int) -> None:
    columns = write(tmp_path, small_pages(), batch_rows)
    row = 0
    for number, (page, passages) in enumerate(with_passages(small_pages())):
        stored = columns.page(number)
        assert (stored.url, stored.title, stored.source) == (page.url, page.title, page.source)
        assert (stored.text, stored.language) == (page.text(), page.language)
        assert (stored.first_row, stored.rows) == (row, len(passages))
        assert stored.dates == {field: getattr(page, field) for field in DATE_FIELDS}
        assert columns.find_page(page.url) == number
        for passage in passages:
            assert columns.passage(row) == (passage, stored)
            assert (columns.passage_id(row), columns.page_number(row)) == (passage.id, number)
            assert columns.find_passage(passage.id) == row
            row += 1
    assert (len(columns), columns.page_count) == (row, number + 1)
    assert columns.page_numbers(np.array([row - 1, 0])).tolist() == [number, 0]


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    columns = write(tmp_path, small_pages())
    for url in ("", "https://a.example.org/", f"https://{BANK}/policy", f"https://{BANK}/policy-rate/", "https://zz"):
        assert columns.find_page(url) is None
    for identity in ("", "0" * 32, "f" * 32, "利率"):
        assert columns.find_passage(identity) is None


def test_counts_by_source(tmp_path: Path) -> None:
    columns = write(tmp_path, small_pages())
    pages, passages = columns.pages_by_source(), columns.passages_by_source()
    for number, source in enumerate(columns.source_ids):
        own = [page for page in small_pages() if page.source == source]
        assert pages[number] == len(own)
        assert passages[number] == sum(len(make_passages(page)) for page in own)


def test_a_snapshot_without_pages_has_empty_columns(tmp_path: Path) -> None:
    columns = write(tmp_path, [])
    assert (len(columns), columns.page_count, columns.find_page("x"), columns.find_passage("x")) == (0, 0, None, None)
    everything = Filter(frozenset({BANK}), frozenset({"en"}), DateRange("published", None, None, False))
    assert apply_filter(everything, columns.filterable).excluded == 0


def test_pages_out_of_order_are_refused(tmp_path: Path) -> None:
    writer = ColumnsWriter(tmp_path)
    writer.add(make_page("https://a.example.org/b", "x"), [])
    for url in ("https://a.example.org/a", "https://a.example.org/b"):
        with pytest.raises(AssertionError, match="in the order of their URLs"):
            writer.add(make_page(url, "x"), [])
    writer.finish()


def test_the_fields_of_dates_are_those_of_a_page() -> None:
    assert get_args(DateField) == DATE_FIELDS


def pages_with_dates() -> list[Page]:
    dates = [None, "2024-01-01", "2024-02-29", "2024-02-29T23:59:59Z", "2024-03-01"]
    return [
        make_page(f"https://{BANK}/{n}", f"Text {n}.", published=day, modified=dates[-n]) for n, day in enumerate(dates)
    ]


@pytest.mark.parametrize(
    ("first", "last", "keep", "expected"),
    [
        (None, None, True, [0, 1, 2, 3, 4]),
        (None, None, False, [1, 2, 3, 4]),
        ("2024-02-29", None, False, [2, 3, 4]),
        (None, "2024-02-29", False, [1, 2, 3]),
        ("2024-02-29", "2024-02-29", False, [2, 3]),
        ("2024-02-29", "2024-02-29", True, [0, 2, 3]),
        ("2024-03-02", None, True, [0]),
        ("2024-03-02", None, False, []),
        ("2024-03-01", "2024-01-01", False, []),
    ],
)
def test_dates_are_kept_from_the_first_to_the_last_day(
    tmp_path: Path, first: str | None, last: str | None, keep: bool, expected: list[int]
) -> None:
    columns = write(tmp_path, pages_with_dates()).filterable
    since, until = (date.fromisoformat(day) if day else None for day in (first, last))
    survivors = apply_filter(Filter(dates=DateRange("published", since, until, keep)), columns)
    assert survivors.mask is not None
    assert np.flatnonzero(survivors.mask).tolist() == expected
    assert (survivors.excluded, survivors.undated_kept) == (5 - len(expected), int(keep))


def test_no_restriction_needs_no_mask(tmp_path: Path) -> None:
    assert apply_filter(Filter(), write(tmp_path, small_pages()).filterable) == (None, 0, 0)


def test_no_source_at_all_lets_nothing_through(tmp_path: Path) -> None:
    columns = write(tmp_path, small_pages())
    for sources in (frozenset[str](), frozenset({"unknown.example.org"})):
        survivors = apply_filter(Filter(sources), columns.filterable)
        assert (survivors.mask is not None and survivors.mask.any(), survivors.excluded) == (False, len(columns))


def random_filter(dice: random.Random) -> Filter:
    ends = sorted(date(dice.randrange(2018, 2026), 1 + dice.randrange(12), 1) for _ in range(2))
    return Filter(
        dice.choice([None, frozenset({BANK}), frozenset({JOURNAL, FORUM}), frozenset({BANK, FORUM, "other"})]),
        frozenset(dice.choice([(), ("en",), ("zh",), ("en", "zh"), ("fr",)])),
        dice.choice([None, DateRange(dice.choice(DATE_FIELDS[:3]), ends[0], ends[1], dice.random() < 0.5)]),  # type: ignore[arg-type]
    )


def by_hand(wanted: Filter) -> Callable[[Page, str], bool]:
    """The filter once more, on the records themselves."""

    def survives(page: Page, language: str) -> bool:
        if wanted.sources is not None and page.source not in wanted.sources:
            return False
        if wanted.languages and language not in wanted.languages:
            return False
        if wanted.dates is None:
            return True
        dated = getattr(page, wanted.dates.field)
        if dated is None:
            return wanted.dates.keep_undated
        assert wanted.dates.first is not None
        assert wanted.dates.last is not None
        day: str = dated.value[:10]
        return wanted.dates.first.isoformat() <= day <= wanted.dates.last.isoformat()

    return survives


QUERIES = ["policy rate inflation", "麻疹疫苗利率"]


@pytest.fixture(scope="module")
def query_vectors(minilm: Encoder) -> Vectors:
    return minilm.encode_queries(QUERIES)


@pytest.mark.parametrize("seed", range(12))
def test_both_arms_return_what_a_filter_by_hand_leaves(
    small_snapshot: Snapshot, query_vectors: Vectors, seed: int
) -> None:
    wanted = random_filter(random.Random(seed))
    survives = by_hand(wanted)
    content = with_passages(small_pages())
    expected = np.array([survives(page, passage.language) for page, passages in content for passage in passages])
    mask, excluded, undated = apply_filter(wanted, small_snapshot.columns.filterable)
    assert excluded == len(expected) - expected.sum()
    if mask is not None:
        assert mask.tolist() == expected.tolist()
    if wanted.dates is None or not wanted.dates.keep_undated:
        assert undated == 0
    else:
        days = small_snapshot.columns.filterable.days[wanted.dates.field]
        assert undated == (expected & (days == NO_DATE)).sum()
    lexical, dense = small_snapshot.lexical, small_snapshot.dense
    for number, query in enumerate(QUERIES):
        everything = lexical.search(query, 100)[0]
        kept = lexical.search(query, 100, lexical.restriction(mask))[0]
        assert kept.tolist() == [row for row in everything.tolist() if expected[row]]
        vector = query_vectors[number : number + 1]
        everything = dense.search(vector, 100)[0][0]
        kept = dense.search(vector, 100, mask)[0][0]
        assert kept.tolist() == [row for row in everything.tolist() if expected[row]]
