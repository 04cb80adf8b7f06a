"""What each run did at each source: the table `runs` of the catalogue."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import duckdb

RUNS_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    run VARCHAR, source VARCHAR, ended VARCHAR, requests UBIGINT, pages UBIGINT, unchanged UBIGINT, gone UBIGINT,
    errors UBIGINT, denied UBIGINT, bytes UBIGINT, PRIMARY KEY (run, source));
"""


class SourceTally(NamedTuple):
    """What came of the requests to one source in one run.

    `pages` with status 200, `unchanged` 304s, `gone` 404s and 410s, `errors` URLs that were given up, `denied` URLs
    that robots.txt forbids, `bytes` of bodies decoded.
    """

    requests: int = 0
    pages: int = 0
    unchanged: int = 0
    gone: int = 0
    errors: int = 0
    denied: int = 0
    bytes: int = 0

    @property
    def failed(self) -> bool:
        """Whether the source could not be read at all."""
        return self.errors > 0 and not (self.pages or self.unchanged or self.gone)


class RunTallies:
    """Reads and writes the table; the catalogue opens it."""

    def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
        self._db = db

    def put(self, run: str, ended: str, tallies: Mapping[str, SourceTally]) -> None:
        """Store what the run did at each source, in the place of what was stored of it."""
        for source, tally in sorted(tallies.items()):
            row = [run, source, ended, *tally]
            self._db.execute(f"INSERT OR REPLACE INTO runs VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - marks

    def of(self, source: str) -> Sequence[tuple[str, SourceTally]]:
        """When each run ended that made requests to the source, newest first, and what it did."""
        rows = self._db.execute("SELECT * FROM runs WHERE source = ? ORDER BY run DESC", [source]).fetchall()
        return [(row[2], SourceTally(*row[3:])) for row in rows]

    def latest(self) -> dict[str, tuple[str, SourceTally]]:
        """The newest run of each source: when it ended and what it did."""
        rows = self._db.execute("SELECT * FROM runs ORDER BY run").fetchall()
        return {row[1]: (row[2], SourceTally(*row[3:])) for row in rows}
