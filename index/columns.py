"""The columnar files of a snapshot, memory-mapped: passages and pages by row number.

Rows are ordered by (page URL, ordinal), so that a page's passages are neighbours and a rebuild gives the
same rows. A passage's text is not stored again: it is a slice of its page's text.
"""

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from index.places import Places
from index.records import Dated, Page, Passage

DATE_FIELDS = ("published", "modified", "crawled", "changed")
NO_DATE = 0
TEXT_HASHES = "text_hashes.npy"
# About a kilobyte each.
_HEADS_KEPT = 8192

PASSAGE_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("page", pa.int32()),
        ("ordinal", pa.int32()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("tokens", pa.int32()),
        ("source", pa.int32()),
        ("language", pa.int32()),
        ("heading_path", pa.list_(pa.string())),
    ]
)
PAGE_SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("title", pa.string()),
        ("text", pa.large_string()),
        ("source", pa.int32()),
        ("language", pa.string()),
        ("first_row", pa.int32()),
        ("rows", pa.int32()),
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
    days: dict[str, NDArray[np.int32]]
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


class Columns:
    """Passages and pages of a snapshot by number. Memory-mapped: opening reads only what filters need."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._passages = _mapped(folder / "passages.arrow")
        self._pages = _mapped(folder / "pages.arrow")
        # Looking a column up takes as long as reading one value of it.
        self._passage_columns = [self._passages.column(name) for name in ("ordinal", "language", "heading_path")]
        self._page_text = self._pages.column("text")
        names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
        self._source_ids: tuple[str, ...] = tuple(names["sources"])
        self._languages: tuple[str, ...] = tuple(names["languages"])
        columns = {name: self._pages.column(name) for name in PAGE_SCHEMA.names if name != "text"}
        # The same pages are found again and again. Not a method: what refers to itself outlives its last user.
        self._page_head = lru_cache(_HEADS_KEPT)(partial(_page_head, columns, self._source_ids))
        self._page = self._numbers("page")
        self.source = self._numbers("source").astype(np.int32)

    def __len__(self) -> int:
        return int(self._passages.num_rows)

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
        hashes: NDArray[np.uint64] = np.load(self._folder / TEXT_HASHES)
        return hashes

    @cached_property
    def filterable(self) -> PassageColumns:
        """The columns that filters read."""
        pages = self._page
        days = {field: _days(self._pages.column(field))[pages] for field in DATE_FIELDS}
        language = self._numbers("language").astype(np.int32)
        first_rows = np.append(self._pages.column("first_row").to_numpy(), len(self)).astype(np.int64)
        places = Places(_Urls(self._pages.column("url")))
        return PassageColumns(self.source, language, days, self._source_ids, self._languages, places, first_rows)

    @cached_property
    def _tokens(self) -> NDArray[np.int32]:
        return self._numbers("tokens")

    @cached_property
    def _offsets(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        return self._numbers("start"), self._numbers("end")

    @cached_property
    def _ids(self) -> NDArray[np.bytes_]:
        """Ids by row: 32 bytes each in memory, since Arrow takes many values of a column by copying all of it."""
        ids: NDArray[np.bytes_] = self._numbers("id").astype("S32")
        return ids

    @cached_property
    def _rows_by_id(self) -> NDArray[np.int64]:
        return np.argsort(self._ids, kind="stable")

    def passage(self, row: int) -> tuple[Passage, StoredPage]:
        """The passage in a row, with its page."""
        page = self.page(self.page_number(row))
        start, end = (int(offsets[row]) for offsets in self._offsets)
        ordinal, language, heading_path = (column[row].as_py() for column in self._passage_columns)
        passage = Passage(
            id=self.passage_id(row), url=page.url, ordinal=ordinal, heading_path=tuple(heading_path),
            text=page.text[start:end], start=start, end=end, language=self._languages[language],
            tokens=int(self._tokens[row]),
        )  # fmt: skip
        return passage, page

    def texts(self, rows: Iterable[int]) -> Iterator[str]:
        """The texts of the passages in those rows; a page is read once for its neighbouring rows."""
        starts, ends = self._offsets
        number, text = -1, ""
        for row in rows:
            if self._page[row] != number:
                number = int(self._page[row])
                text = self._pages.column("text")[number].as_py()
            yield text[starts[row] : ends[row]]

    def passage_id(self, row: int) -> str:
        """The id of the passage in a row."""
        return bytes(self._ids[row]).decode()

    def passage_ids(self, rows: NDArray[np.int64]) -> list[str]:
        """The ids of the passages in many rows."""
        return [identity.decode() for identity in self._ids[rows].tolist()]

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
        """The row of the passage with that id."""
        order = self._rows_by_id
        at = bisect_left(range(len(self)), identity, key=lambda i: self.passage_id(int(order[i])))
        found = at < len(self) and self.passage_id(int(order[at])) == identity
        return int(order[at]) if found else None

    def _numbers(self, name: str) -> NDArray[Any]:
        return self._passages.column(name).to_numpy()  # type: ignore[no-any-return]


class _Urls(Sequence[str]):
    """A column of URLs, each read when it is asked for."""

    def __init__(self, column: "pa.ChunkedArray") -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, number: Any) -> Any:
        return self._column[number].as_py()


class ColumnsWriter:
    """Writes pages with their passages, in the order of page URLs, a batch of rows at a time."""

    def __init__(self, folder: Path, batch_rows: int = 16_384) -> None:
        self._folder = folder
        self._batch_rows = batch_rows
        self._passages = pa.OSFile(str(folder / "passages.arrow"), "wb")
        self._pages = pa.OSFile(str(folder / "pages.arrow"), "wb")
        self._passage_writer = pa.ipc.new_file(self._passages, PASSAGE_SCHEMA)
        self._page_writer = pa.ipc.new_file(self._pages, PAGE_SCHEMA)
        self._passage_rows: list[dict[str, Any]] = []
        self._page_rows: list[dict[str, Any]] = []
        self._sources: dict[str, int] = {}
        self._languages: dict[str, int] = {}
        self._last_url = ""
        self.passages = 0
        self.pages = 0

    def add(self, page: Page, passages: Sequence[Passage]) -> None:
        """Append a page; its passages get the next row numbers."""
        assert page.url > self._last_url, "pages must come in the order of their URLs, each once"
        self._last_url = page.url
        source = self._sources.setdefault(page.source, len(self._sources))
        dates = {field: getattr(page, field) for field in DATE_FIELDS}
        self._page_rows.append(
            {"url": page.url, "title": page.title, "text": page.text(), "source": source, "language": page.language}
            | {"first_row": self.passages, "rows": len(passages)}
            | {field: dated.value if dated else None for field, dated in dates.items()}
            | {f"{field}_origin": dated.origin if dated else None for field, dated in dates.items()}
        )
        for passage in passages:
            language = self._languages.setdefault(passage.language, len(self._languages))
            self._passage_rows.append(
                {name: getattr(passage, name) for name in ("id", "ordinal", "start", "end", "tokens", "heading_path")}
                | {"page": self.pages, "source": source, "language": language}
            )
        self.passages += len(passages)
        self.pages += 1
        if len(self._passage_rows) >= self._batch_rows:
            self._flush()

    def finish(self) -> None:
        """Write what is left and close the files."""
        self._flush()
        for closing in (self._passage_writer, self._page_writer, self._passages, self._pages):
            closing.close()
        names = {"sources": list(self._sources), "languages": list(self._languages)}
        (self._folder / "names.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")

    def _flush(self) -> None:
        if self._page_rows:
            self._passage_writer.write_batch(pa.RecordBatch.from_pylist(self._passage_rows, PASSAGE_SCHEMA))
            self._page_writer.write_batch(pa.RecordBatch.from_pylist(self._page_rows, PAGE_SCHEMA))
            self._passage_rows, self._page_rows = [], []


def _page_head(columns: "dict[str, pa.ChunkedArray]", source_ids: tuple[str, ...], number: int) -> StoredPage:
    """A page without its text."""
    at = {name: column[number].as_py() for name, column in columns.items()}
    dates = {field: Dated(at[field], at[f"{field}_origin"]) if at[field] is not None else None for field in DATE_FIELDS}
    source = source_ids[at["source"]]
    return StoredPage(at["url"], at["title"], "", source, at["language"], at["first_row"], at["rows"], dates)


def _mapped(path: Path) -> "pa.Table":
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _days(values: "pa.ChunkedArray") -> NDArray[np.int32]:
    return np.array([_day(value) for value in values.to_pylist()], np.int32)


def _day(value: str | None) -> int:
    return date.fromisoformat(value[:10]).toordinal() if value else NO_DATE
