"""What the rows of a snapshot are called in a collection's judgments, with their texts."""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from authority_search.models import Hit
from bench.corpus import document_url
from bench.published import is_passage_id
from bench.records import Collection
from index.snapshot import Snapshot


class Place(NamedTuple):
    """One place of a ranking: a row of the snapshot. A copy is a row whose text was folded into the place before it."""

    row: int
    copy: bool = False


class View:
    """A snapshot seen through a collection."""

    def __init__(self, collection: Collection, snapshot: Snapshot) -> None:
        columns = snapshot.columns
        self.snapshot = snapshot
        self._collection = collection
        self._urls = [columns.url(number) for number in range(columns.page_count)]
        self._page_of = columns.page_numbers(np.arange(len(columns)))
        self._passage_ids = columns.passage_ids(np.arange(len(columns)))
        ids = {document_url(key): key for key in collection.documents}
        self._pages = [ids[url] for url in self._urls] if ids else self._urls
        self._texts: dict[int, str] = {}

    @property
    def is_published(self) -> bool:
        """Whether the documents are pages of a published snapshot, with sources of their own."""
        return not self._collection.documents

    def documents(self, query: str, places: Sequence[Place]) -> list[str]:
        """What the places are called in the judgments of a query: passages by their ids or else pages, in order."""
        if is_passage_id(next(iter(self._collection.qrels[query]), "")) and self.is_published:
            return [self._passage_ids[place.row] for place in places]
        return [self._pages[self._page_of[place.row]] for place in places]

    def text(self, row: int) -> str:
        """The text of the passage in a row."""
        if row not in self._texts:
            self._texts[row] = self.snapshot.columns.passage(row)[0].text
        return self._texts[row]

    def authority(self, row: int) -> float:
        """The authority of the source of the passage in a row."""
        return self._authority[int(self.snapshot.columns.source[row])]

    def rows_of(self, hit: Hit) -> list[Place]:
        """The rows of a hit of our own searcher: the passage itself, then the copies that it names in `also_at`."""
        row = self._row_of[hit.passage_id]
        copies = (self._copy(url, row) for url in hit.also_at)
        return [Place(row), *(Place(copy, True) for copy in copies if copy is not None)]

    def _copy(self, url: str, row: int) -> int | None:
        """The row on another page that has the same text."""
        page = self._page_numbers[url]
        first, end = np.searchsorted(self._page_of, [page, page + 1])
        hashes = self.snapshot.columns.text_hash
        same = np.flatnonzero(hashes[first:end] == hashes[row])
        return int(first + same[0]) if len(same) else None

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {identity: row for row, identity in enumerate(self._passage_ids)}

    @cached_property
    def _page_numbers(self) -> dict[str, int]:
        return {url: number for number, url in enumerate(self._urls)}

    @cached_property
    def _authority(self) -> list[float]:
        snapshot = self.snapshot
        return [snapshot.sources.get(source_id).authority for source_id in snapshot.columns.source_ids]
