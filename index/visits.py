"""What is known of each URL that was asked for: the table `visits` of the catalogue, and how a response changes it.

Folding the responses of the archive in their order gives the same table again, so it can be rebuilt like all else.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa

GONE_AFTER = 2
"""Times in a row that a page must be missing (404) until it is gone; 410 says so at once."""

CHANGED_STEPS = -2
UNCHANGED_STEPS = 1
MAX_LEVEL = 6

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MISSING: dict[int, int] = {HTTPStatus.NOT_FOUND: 1, HTTPStatus.GONE: GONE_AFTER}
_READ_BATCH = 4096

VISITS_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS visits (
    url VARCHAR PRIMARY KEY, source VARCHAR, host VARCHAR, status USMALLINT, outcome VARCHAR, checked VARCHAR,
    captured VARCHAR, page VARCHAR, content_hash VARCHAR, etag VARCHAR, last_modified VARCHAR, hops UINTEGER,
    level TINYINT, missing UINTEGER, failures UINTEGER, checks UINTEGER, changes UINTEGER);
CREATE TABLE IF NOT EXISTS robots (origin VARCHAR PRIMARY KEY, read_at VARCHAR);
CREATE TABLE IF NOT EXISTS rests (host VARCHAR PRIMARY KEY, until VARCHAR);
CREATE TABLE IF NOT EXISTS denied (url VARCHAR PRIMARY KEY);
CREATE OR REPLACE VIEW live_pages AS SELECT * FROM pages
    WHERE url IN (SELECT page FROM visits WHERE missing < {GONE_AFTER} AND url NOT IN (SELECT url FROM denied))
    OR url NOT IN (SELECT url FROM visits WHERE checked <> '' UNION SELECT page FROM visits WHERE page <> '');
"""  # noqa: S608 - constant


class Fetch(NamedTuple):
    """One archived response to `url`. `at` is when it came; `outcome` is "page", "map", or why it made no page.

    `page` and `content_hash` are those of the page it became, "" where it became none.
    """

    url: str
    source: str
    status: int
    at: str
    outcome: str
    page: str = ""
    content_hash: str = ""
    etag: str = ""
    last_modified: str = ""
    hops: int = 0


class RobotsRead(NamedTuple):
    """A robots.txt that decides: which URLs of an origin (`https://example.org`) may be asked for, and since when."""

    origin: str
    at: str
    allows: Callable[[str], bool]


class HostRest(NamedTuple):
    """A host asked for patience: it is not to be asked before `until`, a UTC second."""

    host: str
    until: str


class Visited(NamedTuple):
    """What is known of a URL. One that was found and never asked for has `checked` "".

    `checked` is when it last answered, `captured` when it last gave content, `page` the catalogue's page made of that.
    `level` rises while nothing changes and falls with each change (see `crawler.revisit`); `missing` and `failures`
    count answers in a row that were 404 or 410, or errors.
    """

    url: str
    source: str
    host: str
    status: int = 0
    outcome: str = "found"
    checked: str = ""
    captured: str = ""
    page: str = ""
    content_hash: str = ""
    etag: str = ""
    last_modified: str = ""
    hops: int = 0
    level: int = 0
    missing: int = 0
    failures: int = 0
    checks: int = 0
    changes: int = 0

    @property
    def gone(self) -> bool:
        """Whether its page left the site."""
        return self.missing >= GONE_AFTER


def folded(known: Visited | None, fetch: Fetch) -> Visited:
    """What is known of the URL after `fetch`. A response that was counted before, read again, changes only its page."""
    before = known or Visited(fetch.url, fetch.source, urlsplit(fetch.url).netloc)
    after = before
    if fetch.at > before.checked:
        after = _counted(before, fetch)._replace(
            source=fetch.source, status=fetch.status, checked=fetch.at, checks=before.checks + 1
        )
    if _has_content(fetch.status) and fetch.at >= before.captured:
        after = after._replace(
            outcome=fetch.outcome,
            captured=fetch.at,
            page=fetch.page,
            content_hash=fetch.content_hash,
            etag=fetch.etag,
            last_modified=fetch.last_modified,
            hops=min(fetch.hops, before.hops) if before.captured else fetch.hops,
        )
    return after


def _counted(before: Visited, fetch: Fetch) -> Visited:
    """The counters after a response that is new."""
    if missing := _MISSING.get(fetch.status):
        # What stays missing is looked for ever less.
        level = min(MAX_LEVEL, before.level + UNCHANGED_STEPS) if before.missing else before.level
        return before._replace(missing=before.missing + missing, failures=0, level=level)
    if fetch.status != HTTPStatus.NOT_MODIFIED and not _has_content(fetch.status):
        return before._replace(failures=before.failures + 1)
    back = before._replace(missing=0, failures=0)
    if not before.captured:
        return back
    same = fetch.status == HTTPStatus.NOT_MODIFIED or fetch.content_hash == before.content_hash
    level = before.level + (UNCHANGED_STEPS if same else CHANGED_STEPS)
    return back._replace(level=max(-MAX_LEVEL, min(MAX_LEVEL, level)), changes=before.changes + (not same))


def _has_content(status: int) -> bool:
    return status == HTTPStatus.OK or status in REDIRECTS


class Visits:
    """Reads and writes the table. Not for itself: the catalogue opens it, and holds the transactions."""

    def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
        self._db = db

    def put(self, fetches: Sequence[Fetch]) -> None:
        """Fold these responses into the table."""
        known = {one.url: one for one in self._among([fetch.url for fetch in fetches])}
        for fetch in sorted(fetches, key=lambda fetch: fetch.at):
            known[fetch.url] = folded(known.get(fetch.url), fetch)
        self._replace([known[url] for url in dict.fromkeys(fetch.url for fetch in fetches)])

    def found(self, urls: Sequence[tuple[str, str, int]]) -> None:
        """Note URLs, each with source and hops, that were found and not asked for; what is known already stays."""
        known = {one.url for one in self._among([url for url, _, _ in urls])}
        new = {url: Visited(url, source, urlsplit(url).netloc, hops=hops) for url, source, hops in urls}
        self._replace([one for url, one in new.items() if url not in known])

    def obey(self, robots: Sequence[RobotsRead]) -> None:
        """Deny the known URLs that the newest robots.txt of their origin forbids, and no others there."""
        for read in sorted(robots, key=lambda read: read.at):
            newer = self._db.execute("SELECT 1 FROM robots WHERE origin = ? AND read_at > ?", [read.origin, read.at])
            if not newer.fetchone():
                self._obey(read)

    def _obey(self, read: RobotsRead) -> None:
        prefix = f"{read.origin}/"
        host = urlsplit(read.origin).netloc
        rows = self._db.execute("SELECT url FROM visits WHERE host = ? AND starts_with(url, ?)", [host, prefix])
        denied = [url for (url,) in rows.fetchall() if not read.allows(url)]
        self._db.execute("INSERT OR REPLACE INTO robots VALUES (?, ?)", [read.origin, read.at])
        self._db.execute("DELETE FROM denied WHERE starts_with(url, ?)", [prefix])
        self._db.execute("INSERT INTO denied SELECT unnest(?::VARCHAR[])", [denied])

    def rest(self, rests: Sequence[HostRest]) -> None:
        """Remember what hosts asked for; of several moments the latest counts."""
        for host, until in rests:
            self._db.execute(
                "INSERT INTO rests VALUES (?, ?) ON CONFLICT DO UPDATE SET until = greatest(until, excluded.until)",
                [host, until],
            )

    def resting(self, now: str) -> list[str]:
        """The hosts that are not to be asked at that UTC second."""
        rows = self._db.execute("SELECT host FROM rests WHERE until > ? ORDER BY host", [now]).fetchall()
        return [host for (host,) in rows]

    def of(self, sources: Collection[str]) -> Iterator[Visited]:
        """All that is known of the URLs of these sources, ordered by URL. Other statements may run in between."""
        cursor = self._db.cursor()
        cursor.execute("SELECT * FROM visits WHERE source IN (SELECT unnest(?::VARCHAR[])) ORDER BY url", [[*sources]])
        while rows := cursor.fetchmany(_READ_BATCH):
            yield from (Visited(*row) for row in rows)

    def sources(self) -> list[str]:
        """The ids of all sources that something is known of."""
        return [row[0] for row in self._db.execute("SELECT DISTINCT source FROM visits ORDER BY source").fetchall()]

    def _among(self, urls: list[str]) -> list[Visited]:
        rows = self._db.execute("SELECT * FROM visits WHERE url IN (SELECT unnest(?::VARCHAR[]))", [urls]).fetchall()
        return [Visited(*row) for row in rows]

    def _replace(self, rows: list[Visited]) -> None:
        if not rows:
            return
        self._db.execute("DELETE FROM visits WHERE url IN (SELECT unnest(?::VARCHAR[]))", [[row.url for row in rows]])
        columns: dict[str, Any] = dict(zip(Visited._fields, map(list, zip(*rows, strict=True)), strict=True))
        self._db.register("visited", pa.table(columns))
        self._db.execute("INSERT INTO visits SELECT * FROM visited")
        self._db.unregister("visited")
