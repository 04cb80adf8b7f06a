"""The catalogue: pages, passages, visits, and how far each archive file was read, in one DuckDB file.

One process writes at a time (`index.lock`). Everything here can be rebuilt from the archive. A page's row
holds its blocks; its passages are derived and carry the key they were derived with, so that only pages
whose key changed are split again.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import duckdb
import pyarrow as pa

from index.catalog_rows import (
    PAGE_COLUMNS,
    PAGE_FIELDS,
    PAGE_NAMES,
    PASSAGE_FIELDS,
    StoredState,
    page_of,
    page_row,
    passage_of,
)
from index.errors import CatalogError
from index.records import Page, Passage
from index.run_tallies import RUNS_SCHEMA, RunTallies
from index.visits import VISITS_SCHEMA, Fetch, HostRest, RobotsRead, Visits

SCHEMA_VERSION = 2
_READ_BATCH = 512

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (schema_version INTEGER);
CREATE TABLE IF NOT EXISTS archive_files (path VARCHAR PRIMARY KEY, position UBIGINT);
CREATE TABLE IF NOT EXISTS pages (
    url VARCHAR PRIMARY KEY, host VARCHAR, source VARCHAR, title VARCHAR, language VARCHAR,
    blocks VARCHAR, block_digests UBIGINT[], content_hash VARCHAR,
    crawled VARCHAR, crawled_origin VARCHAR, published VARCHAR, published_origin VARCHAR,
    modified VARCHAR, modified_origin VARCHAR, changed VARCHAR, changed_origin VARCHAR,
    split_key VARCHAR);
CREATE TABLE IF NOT EXISTS passages (
    url VARCHAR, ordinal UINTEGER, id VARCHAR, heading_path VARCHAR[], start UINTEGER, "end" UINTEGER,
    language VARCHAR, tokens UINTEGER);
"""

_REPEATED_BLOCKS = """
WITH contents AS (SELECT host, content_hash, any_value(block_digests) AS digests FROM live_pages GROUP BY ALL),
     digests AS (SELECT DISTINCT host, content_hash, unnest(digests) AS digest FROM contents),
     counts AS (SELECT host, digest, count(*) AS pages FROM digests GROUP BY host, digest),
     hosts AS (SELECT host, count(*) AS pages FROM contents GROUP BY host)
SELECT counts.host, digest FROM counts JOIN hosts USING (host)
WHERE counts.pages >= ? AND counts.pages >= ? * hosts.pages
"""


# Pages with passages, cut from the text that they have now.
_COVERED = "live_pages WHERE split_key <> '' AND url IN (SELECT url FROM passages)"
_BETWEEN = "url >= ? AND coalesce(url < ?, true)"
# Some 250 MB at a time.
_RANGE_PAGES = 16_384
_RANGE_STARTS = f"""
SELECT url FROM (SELECT url, row_number() OVER (ORDER BY url) AS place FROM {_COVERED})
WHERE (place - 1) % ? = 0 ORDER BY url
"""  # noqa: S608 - constants

_COPIES = """
SELECT url FROM (
    SELECT url, row_number() OVER (PARTITION BY host, content_hash ORDER BY length(url), url) AS place FROM live_pages)
WHERE place > 1
"""


class PageCounts(NamedTuple):
    """What `put_pages` made of the pages it was given."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    older: int = 0


class SplitState(NamedTuple):
    """What is needed to tell whether a page must be split again. `split_key` is "" before the first time."""

    url: str
    host: str
    content_hash: str
    block_digests: tuple[int, ...]
    split_key: str


class PageSplit(NamedTuple):
    """The passages of one page and the key they were derived with."""

    url: str
    key: str
    passages: tuple[Passage, ...]


class Catalog:
    """The catalogue at `path`, created if missing. Use as a context manager; raises CatalogError."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = duckdb.connect(str(path))
        except duckdb.Error as error:
            raise CatalogError(f"cannot open the catalogue {path}: {error}") from error
        try:
            # An index brings long rows one by one, each some milliseconds; a scan skips what holds none of them.
            self._db.execute("SET index_scan_max_count = 0; SET index_scan_percentage = 0")
            self._db.execute(_SCHEMA + VISITS_SCHEMA + RUNS_SCHEMA)
            found = self._db.execute("SELECT schema_version FROM meta").fetchone()
            if found is None:
                self._db.execute("INSERT INTO meta VALUES (?)", [SCHEMA_VERSION])
        except duckdb.Error as error:
            self.close()
            raise CatalogError(f"{path} is no catalogue: {error}") from error
        if found is not None and found[0] != SCHEMA_VERSION:
            self.close()
            raise CatalogError(
                f"{path} has schema {found[0]}, this version reads {SCHEMA_VERSION}; "
                "move it away and ingest the archive again"
            )
        self.visits = Visits(self._db)
        self.runs = RunTallies(self._db)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the catalogue cannot be used afterwards."""
        self._db.close()

    # Archive files and pages

    def position(self, archive_file: str) -> int:
        """Bytes of that WARC file already ingested, 0 for a new one."""
        row = self._db.execute("SELECT position FROM archive_files WHERE path = ?", [archive_file]).fetchone()
        return int(row[0]) if row else 0

    def archive_files(self) -> list[str]:
        """The names of all archive files read, as `put_pages` was given them."""
        return [row[0] for row in self._db.execute("SELECT path FROM archive_files ORDER BY path").fetchall()]

    def take_over(self, path: Path, archive_files: Sequence[str]) -> None:
        """Replace all pages and passages, and the positions in these files, by what the catalogue at `path` holds.

        So with what is known of the URLs that it has; those that were found and never asked for stay. In one
        transaction; the catalogue at `path` is not changed.
        """
        quoted = str(path).replace("'", "''")
        self._db.execute(f"ATTACH '{quoted}' AS fresh (READ_ONLY)")
        try:
            with self._transaction():
                for table in ("passages", "pages", "robots", "denied", "rests"):
                    self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
                    self._db.execute(f"INSERT INTO {table} BY NAME SELECT * FROM fresh.{table}")  # noqa: S608 - likewise
                self._db.execute(
                    "DELETE FROM archive_files WHERE path IN (SELECT unnest(?::VARCHAR[]))", [list(archive_files)]
                )
                self._db.execute("DELETE FROM visits WHERE url IN (SELECT url FROM fresh.visits)")
                self._db.execute("INSERT INTO visits BY NAME SELECT * FROM fresh.visits")
                self._db.execute("INSERT OR REPLACE INTO archive_files BY NAME SELECT * FROM fresh.archive_files")
        finally:
            self._db.execute("DETACH fresh")

    def put_pages(
        self,
        archive_file: str,
        position: int,
        pages: Sequence[Page],
        fetches: Sequence[Fetch] = (),
        robots: Sequence[RobotsRead] = (),
        rests: Sequence[HostRest] = (),
    ) -> PageCounts:
        """Store pages, what became of each response, and the position all was read up to, in one transaction.

        A page older than the stored one is ignored. A page whose content differs from the stored one gets
        its crawl time as `changed`, unless it is the same capture extracted anew; otherwise the stored `changed`
        is kept. Several captures of a URL count one after the other, so that batches do not matter.
        """
        counts = dict.fromkeys(PageCounts._fields, 0)
        rows: dict[str, tuple[Any, ...]] = {}
        with self._transaction():
            stored = self._stored([page.url for page in pages])
            for page in sorted(pages, key=lambda page: page.crawled.value):
                fate, row = page_row(page, stored.get(page.url))
                counts[fate] += 1
                if row:
                    rows[page.url] = row
                    stored[page.url] = StoredState(*(row[PAGE_NAMES.index(name)] for name in StoredState._fields))
            self._replace_pages(list(rows.values()))
            self.visits.put(fetches)
            self.visits.obey(robots)
            self.visits.rest(rests)
            self._db.execute("INSERT OR REPLACE INTO archive_files VALUES (?, ?)", [archive_file, position])
        return PageCounts(**counts)

    def page(self, url: str) -> Page:
        """The stored page. Raises KeyError."""
        row = self._db.execute(f"SELECT {PAGE_COLUMNS} FROM pages WHERE url = ?", [url]).fetchone()  # noqa: S608 - constant
        if row is None:
            raise KeyError(url)
        return page_of(row)

    def pages(self, urls: Sequence[str]) -> dict[str, Page]:
        """The stored pages among these URLs: one scan for all, where `page` costs one for each."""
        cursor = self._db.execute(
            f"SELECT {PAGE_COLUMNS} FROM pages WHERE url IN (SELECT unnest(?::VARCHAR[]))",  # noqa: S608 - constant
            [list(urls)],
        )
        return {row[0]: page_of(row) for row in _rows(cursor)}

    def put_found(self, file: str, size: int, urls: Sequence[tuple[str, str, int]]) -> None:
        """Note the URLs of a run's file of what it left, each with source and hops, in one transaction."""
        with self._transaction():
            self.visits.found(urls)
            self._db.execute("INSERT OR REPLACE INTO archive_files VALUES (?, ?)", [file, size])

    def page_count(self) -> int:
        """Number of stored pages, without those that left their site."""
        return self._count("SELECT count(*) FROM live_pages")

    # Passages

    def repeated_blocks(self, min_pages: int, min_share: float) -> dict[str, frozenset[int]]:
        """Per host, the digests of non-heading blocks that stand on many of its pages: boilerplate.

        Pages with the same content count once, or the text of a page would be boilerplate for having several URLs.
        """
        found: dict[str, set[int]] = {}
        for host, digest in self._db.execute(_REPEATED_BLOCKS, [min_pages, min_share]).fetchall():
            found.setdefault(host, set()).add(digest)
        return {host: frozenset(digests) for host, digests in found.items()}

    def copies(self) -> frozenset[str]:
        """URLs whose title, language and text are those of another URL of the host, the shortest and first of all."""
        return frozenset(row[0] for row in self._db.execute(_COPIES).fetchall())

    def split_states(self) -> Iterator[SplitState]:
        """What each page that is still there was split with, ordered by URL. Other statements may run in between."""
        cursor = self._db.cursor()
        cursor.execute("SELECT url, host, content_hash, block_digests, split_key FROM live_pages ORDER BY url")
        while rows := cursor.fetchmany(_READ_BATCH):
            for url, host, content_hash, digests, key in rows:
                yield SplitState(url, host, content_hash, tuple(digests), key)

    def put_passages(self, splits: Sequence[PageSplit]) -> None:
        """Replace the passages of these pages, in one transaction."""
        rows = [
            (p.url, p.ordinal, p.id, list(p.heading_path), p.start, p.end, p.language, p.tokens)
            for split in splits
            for p in split.passages
        ]
        keys = pa.table({"url": [split.url for split in splits], "key": [split.key for split in splits]})
        with self._transaction():
            self._db.register("keys", keys)
            self._db.execute("DELETE FROM passages WHERE url IN (SELECT url FROM keys)")
            self._db.execute("UPDATE pages SET split_key = keys.key FROM keys WHERE pages.url = keys.url")
            self._insert("passages", PASSAGE_FIELDS, rows)
            self._db.unregister("keys")

    def passage_count(self) -> int:
        """Number of stored passages of pages that are still there."""
        return self._count("SELECT count(*) FROM passages WHERE url IN (SELECT url FROM live_pages)")

    def passages_by_page(self) -> Iterator[tuple[str, int]]:
        """The URL of each page that would be published, and the number of its passages."""
        rows = self._db.execute(
            "SELECT url, count(*) FROM passages "
            "WHERE url IN (SELECT url FROM live_pages WHERE split_key <> '') GROUP BY url ORDER BY url"
        ).fetchall()
        yield from ((str(url), int(count)) for url, count in rows)

    def pages_with_passages(self) -> Iterator[tuple[Page, list[Passage]]]:
        """Each page that is still there and has passages, ordered by URL, with its passages in order.

        A page that changed and was not split since is left out: its passages are cut from its old text.
        """
        starts = self._db.execute(_RANGE_STARTS, [_RANGE_PAGES]).fetchall()
        for (first,), (last,) in pairwise([*starts, (None,)]):
            yield from self._pages_between(first, last)

    # Inside

    def _pages_between(self, first: str, last: str | None) -> Iterator[tuple[Page, list[Passage]]]:
        """Those from URL `first` on, before `last`. A result is sorted and held in memory as a whole."""
        pages, passages = self._db.cursor(), self._db.cursor()
        pages.execute(f"SELECT {PAGE_COLUMNS} FROM {_COVERED} AND {_BETWEEN} ORDER BY url", [first, last])  # noqa: S608 - constants
        passages.execute(
            f"SELECT * FROM passages WHERE url IN (SELECT url FROM live_pages WHERE split_key <> '') AND {_BETWEEN} "  # noqa: S608 - constants
            "ORDER BY url, ordinal",
            [first, last],
        )
        stream = _rows(passages)
        row = next(stream, None)
        for stored_page in _rows(pages):
            page, found = page_of(stored_page), []
            text = page.text()
            while row is not None and row[0] == page.url:
                found.append(passage_of(row, text))
                row = next(stream, None)
            yield page, found

    def _count(self, query: str) -> int:
        row = self._db.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)

    def _stored(self, urls: list[str]) -> "dict[str, StoredState]":
        rows = self._db.execute(
            f"SELECT url, {', '.join(StoredState._fields)} FROM pages WHERE url IN (SELECT unnest(?::VARCHAR[]))",  # noqa: S608 - our own names
            [urls],
        ).fetchall()
        return {row[0]: StoredState(*row[1:]) for row in rows}

    def _replace_pages(self, rows: list[tuple[Any, ...]]) -> None:
        self._db.execute("DELETE FROM pages WHERE url IN (SELECT unnest(?::VARCHAR[]))", [[row[0] for row in rows]])
        self._insert("pages", PAGE_FIELDS, rows)

    def _insert(self, table: str, fields: "list[tuple[str, pa.DataType]]", rows: list[tuple[Any, ...]]) -> None:
        # One Arrow table instead of executemany: DuckDB inserts row by row a thousand times slower.
        if not rows:
            return
        columns = list(zip(*rows, strict=True))
        batch = pa.table({name: pa.array(column, kind) for (name, kind), column in zip(fields, columns, strict=True)})
        self._db.register("batch", batch)
        self._db.execute(f"INSERT INTO {table} SELECT * FROM batch")  # noqa: S608 - our own names
        self._db.unregister("batch")


class _Transaction:
    """Commits at the end, rolls back on an exception; what the database says against it becomes a CatalogError."""

    def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._db.commit()
            else:
                self._db.rollback()
        except duckdb.Error as failure:
            # DuckDB gives up a transaction by itself when it cannot be written.
            error = error or failure
        if isinstance(error, duckdb.Error):
            raise CatalogError(f"the catalogue cannot be written; is the disk full? {error}") from error


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(_READ_BATCH):
        yield from rows
