"""Writes the columnar files of a snapshot (`index.columns`), holding no more than a part of them in memory."""

import json
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from index.arrays import ArrayWriter, mapped_array
from index.columns import ARRAYS, DATE_FIELDS, NO_DATE, NUMBERS, PAGE_SCHEMA, PAGES
from index.errors import SnapshotInvalid
from index.records import Page, Passage

_ID = np.dtype("V16")


class ColumnsWriter:
    """Writes pages with their passages, in the order of page URLs, a batch of rows at a time."""

    def __init__(self, folder: Path, batch_rows: int = 16_384) -> None:
        self._folder = folder
        self._batch_rows = batch_rows
        (folder / ARRAYS).mkdir()
        self._arrays = {name: ArrayWriter(folder / ARRAYS / f"{name}.npy", np.int32) for name in NUMBERS}
        self._id_array = ArrayWriter(folder / ARRAYS / "id.npy", _ID)
        self._pages = pa.OSFile(str(folder / PAGES), "wb")
        self._page_writer = pa.ipc.new_file(self._pages, PAGE_SCHEMA)
        self._sources: dict[str, int] = {}
        self._languages: dict[str, int] = {}
        self._last_url = ""
        self.passages = 0
        self.pages = 0
        self._begin()

    def add(self, page: Page, passages: Sequence[Passage]) -> None:
        """Append a page; its passages get the next row numbers. Raises SnapshotInvalid for a date that is none."""
        assert page.url > self._last_url, "pages must come in the order of their URLs, each once"
        self._last_url = page.url
        source = self._sources.setdefault(page.source, len(self._sources))
        dates = {field: getattr(page, field) for field in DATE_FIELDS}
        self._page_rows.append(
            {"url": page.url, "title": page.title, "text": page.text(), "source": source, "language": page.language}
            | {"first_row": self.passages, "rows": len(passages)}
            | {"headings": [passage.heading_path for passage in passages]}
            | {field: dated.value if dated else None for field, dated in dates.items()}
            | {f"{field}_origin": dated.origin if dated else None for field, dated in dates.items()}
        )
        numbers = self._numbers
        for name in ("ordinal", "start", "end", "tokens"):
            numbers[name] += [getattr(passage, name) for passage in passages]
        numbers["language"] += [self._language(passage.language) for passage in passages]
        of_page = {"page": self.pages, "source": source} | {field: _day(page, field) for field in DATE_FIELDS}
        for name, value in of_page.items():
            numbers[name] += [value] * len(passages)
        self._ids += [bytes.fromhex(passage.id) for passage in passages]
        self.passages += len(passages)
        self.pages += 1
        if len(self._ids) >= self._batch_rows:
            self._flush()

    def finish(self) -> None:
        """Write what is left and close the files."""
        self._flush()
        self._page_writer.close()
        self._pages.close()
        # Big-endian halves order as the hex digits do; equal ids by row.
        halves = mapped_array(self._folder / ARRAYS / "id.npy").view(">u8").reshape(-1, 2)
        np.save(self._folder / ARRAYS / "by_id.npy", np.lexsort((halves[:, 1], halves[:, 0])).astype(np.int32))
        names = {"sources": list(self._sources), "languages": list(self._languages)}
        (self._folder / "names.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")

    def _begin(self) -> None:
        self._numbers: dict[str, list[int]] = {name: [] for name in NUMBERS}
        self._ids: list[bytes] = []
        self._page_rows: list[dict[str, Any]] = []

    def _flush(self) -> None:
        if not self._page_rows:
            return
        for name, values in self._numbers.items():
            self._arrays[name].append(np.array(values, np.int32))
        self._id_array.append(np.frombuffer(b"".join(self._ids), _ID))
        self._page_writer.write_batch(pa.RecordBatch.from_pylist(self._page_rows, PAGE_SCHEMA))
        self._begin()

    def _language(self, language: str) -> int:
        return self._languages.setdefault(language, len(self._languages))


def _day(page: Page, field: str) -> int:
    dated = getattr(page, field)
    try:
        return _ordinal(dated.value) if dated else NO_DATE
    except ValueError as error:
        raise SnapshotInvalid(f"{page.url} has a date that cannot be filtered by ({field}: {error})") from error


# Pages of one crawl and one site share most of theirs.
@lru_cache(4096)
def _ordinal(value: str) -> int:
    return date.fromisoformat(value[:10]).toordinal()
