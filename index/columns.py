"""The columnar files of a snapshot, memory-mapped: passages and pages by row number.

Rows are ordered by (page URL, ordinal), so that a page's passages are neighbours and a rebuild gives the
same rows. What is of one width stands in an array per column (`columns/`), a value for each passage; what is not,
by page in `pages.arrow`. A passage's text is not stored again: it is a slice of its page's text.
"""

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.arrays import mapped_array
from index.places import Places
from index.records import Dated, Passage

DATE_FIELDS = ("published", "modified", "crawled", "changed")
NO_DATE = 0
TEXT_HASHES = "text_hashes.npy"
ARRAYS = "columns"
PAGES = "pages.arrow"
NUMBERS = ("page", "ordinal", "start", "end", "tokens", "source", "language", *DATE_FIELDS)
"""The columns of `columns/` that hold an int32 for each passage; dates as proleptic ordinals, NO_DATE for none.

Besides, `id` has the 16 bytes of each id and `by_id` the rows in the order of these.
"""
# About a kilobyte each.
_HEADS_KEPT = 8192

PAGE_SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("title", pa.string()),
        ("text", pa.large_string()),
        ("source", pa.int32()),
        ("language", pa.string()),
        ("first_row", pa.int32()),
        ("rows", pa.int32()),
        ("headings", pa.list_(pa.list_(pa.string()))),
        *((field, pa.string()) for field in DATE_FIELDS),
        *((f"{field}_origin", pa.string()) for field in DATE_FIELDS),
    ]
)


@dataclass(frozen=True, slots=True)
class PassageColumns:
    """What filters read, one value per passage. `days` are proleptic ordinals, NO_DATE where there is none.

    `places` finds pages by domain; the passages of page i are the rows from `first_rows[i]` to `first_rows[i + 1]`.
    """

    source: NDArray[np.int32]
    language: NDArray[np.int32]
    days: Mapping[str, NDArray[np.int32]]
    source_ids: tuple[str, ...]
    languages: tuple[str, ...]
    places: Places
    first_rows: NDArray[np.int64]


class StoredPage(NamedTuple):
    """A page as the snapshot keeps it. Its passages are the rows `first_row` to `first_row + rows`, exclusive."""

    url: str
    title: str
    text: str
    source: str
    language: str
    first_row: int
    rows: int
    dates: dict[str, Dated | None]


class Document(NamedTuple):
    """What is indexed of a passage."""

    title: str
    heading_path: Sequence[str]
    text: str


class Columns:
    """Passages and pages of a snapshot by number. Memory-mapped: opening reads nothing of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # All files are mapped now: the folder may be removed while this is in use.
        self._numbers: dict[str, NDArray[np.int32]] = {name: _array(folder, name) for name in NUMBERS}
        self._ids, self._by_id = _array(folder, "id"), _array(folder, "by_id")
        if len({*map(len, self._numbers.values()), len(self._ids), len(self._by_id)}) != 1:
            raise ValueError(f"the files in {folder / ARRAYS} differ in length")
        self._pages = pa.ipc.open_file(pa.memory_map(str(folder / PAGES))).read_all()
        # Looking a column up takes as long as reading one value of it.
        self._page_text, self._headings = self._pages.column("text"), self._pages.column("headings")
        names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
        self._source_ids: tuple[str, ...] = tuple(names["sources"])
        self._languages: tuple[str, ...] = tuple(names["languages"])
        columns = {name: self._pages.column(name) for name in PAGE_SCHEMA.names if name not in ("text", "headings")}
        # The same pages are found again and again. Not a method: what refers to itself outlives its last user.
        self._page_head = lru_cache(_HEADS_KEPT)(partial(_page_head, columns, self._source_ids))
        self._page, self._tokens = self._numbers["page"], self._numbers["tokens"]
        self._start, self._end = self._numbers["start"], self._numbers["end"]
        self.source = self._numbers["source"]

    def __len__(self) -> int:
        return len(self._page)

    @property
    def page_count(self) -> int:
        """Number of pages."""
        return int(self._pages.num_rows)

    @property
    def source_ids(self) -> tuple[str, ...]:
        """Source ids by source number."""
        return self._source_ids

    def passages_by_source(self) -> NDArray[np.int64]:
        """Number of passages per source number."""
        return np.bincount(self.source, minlength=len(self._source_ids))

    def pages_by_source(self) -> NDArray[np.int64]:
        """Number of pages per source number."""
        return np.bincount(self._pages.column("source").to_numpy(), minlength=len(self._source_ids))

    @cached_property
    def text_hash(self) -> NDArray[np.uint64]:
        """Equal for rows that carry the same text, near-duplicates included; shape [n]. See `index.copies`."""
        return mapped_array(self._folder / TEXT_HASHES)

    @cached_property
    def filterable(self) -> PassageColumns:
        """The columns that filters read."""
        days = {field: self._numbers[field] for field in DATE_FIELDS}
        first_rows = np.append(self._pages.column("first_row").to_numpy(), len(self)).astype(np.int64)
        places = Places(_Urls(self._pages.column("url")))
        language = self._numbers["language"]
        return PassageColumns(self.source, language, days, self._source_ids, self._languages, places, first_rows)

    def passage(self, row: int) -> tuple[Passage, StoredPage]:
        """The passage in a row, with its page."""
        number = int(self._page[row])
        page = self.page(number)
        start, end, tokens = int(self._start[row]), int(self._end[row]), int(self._tokens[row])
        heading_path = self._headings[number][row - page.first_row].as_py()
        passage = Passage(
            id=self.passage_id(row), url=page.url, ordinal=int(self._numbers["ordinal"][row]),
            heading_path=tuple(heading_path), text=page.text[start:end], start=start, end=end,
            language=self._languages[self._numbers["language"][row]], tokens=tokens,
        )  # fmt: skip
        return passage, page

    def texts(self, rows: Iterable[int]) -> Iterator[str]:
        """The texts of the passages in those rows; a page is read once for its neighbouring rows."""
        number, text = -1, ""
        for row in rows:
            if self._page[row] != number:
                number = int(self._page[row])
                text = self._page_text[number].as_py()
            yield text[self._start[row] : self._end[row]]

    def documents(self) -> Iterator[Document]:
        """What is indexed of each passage, in the order of rows: a batch of pages is read at a time."""
        row = 0
        for batch in self._pages.to_batches():
            columns = (batch.column("title").to_pylist(), batch.column("headings").to_pylist(), batch.column("text"))
            for title, headings, text in zip(*columns, strict=True):
                page_text, last = text.as_py(), row + len(headings)
                spans = zip(self._start[row:last].tolist(), self._end[row:last].tolist(), strict=True)
                for heading_path, (start, end) in zip(headings, spans, strict=True):
                    yield Document(title, heading_path, page_text[start:end])
                row = last

    def passage_id(self, row: int) -> str:
        """The id of the passage in a row."""
        return str(self._ids[row].tobytes().hex())

    def passage_ids(self, rows: NDArray[np.int64]) -> list[str]:
        """The ids of the passages in many rows."""
        digits = self._ids[rows].tobytes().hex()
        return [digits[at : at + 32] for at in range(0, len(digits), 32)]

    def page_number(self, row: int) -> int:
        """The number of the page that the passage in a row stands on."""
        return int(self._page[row])

    def page_numbers(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Page numbers of many rows, shape [n]."""
        return self._page[rows].astype(np.int64)

    def tokens(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many tokens the passages have, shape of `rows`."""
        return self._tokens[rows].astype(np.int64)

    def page(self, number: int) -> StoredPage:
        """The page with that number."""
        return self._page_head(number)._replace(text=self._page_text[number].as_py())

    def url(self, number: int) -> str:
        """The URL of the page with that number."""
        return str(self._pages.column("url")[number].as_py())

    def find_page(self, url: str) -> int | None:
        """The number of the page with that canonical URL."""
        number = bisect_left(range(self.page_count), url, key=self.url)
        return number if number < self.page_count and self.url(number) == url else None

    def find_passage(self, identity: str) -> int | None:
        """The row of the passage with that id, the first of several."""
        at = bisect_left(self._by_id, identity, key=self.passage_id)
        found = at < len(self) and self.passage_id(self._by_id[at]) == identity
        return int(self._by_id[at]) if found else None


class _Urls(Sequence[str]):
    """A column of URLs, each read when it is asked for."""

    def __init__(self, column: "pa.ChunkedArray") -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, number: Any) -> Any:
        return self._column[number].as_py()


def _page_head(columns: "dict[str, pa.ChunkedArray]", source_ids: tuple[str, ...], number: int) -> StoredPage:
    """A page without its text."""
    at = {name: column[number].as_py() for name, column in columns.items()}
    dates = {field: Dated(at[field], at[f"{field}_origin"]) if at[field] is not None else None for field in DATE_FIELDS}
    source = source_ids[at["source"]]
    return StoredPage(at["url"], at["title"], "", source, at["language"], at["first_row"], at["rows"], dates)


def _array(folder: Path, name: str) -> NDArray[Any]:
    return mapped_array(folder / ARRAYS / f"{name}.npy")
