"""The tables of the console: coverage with its freshness, and the sources with their filters."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from starlette.datastructures import QueryParams

from authority_search.models import CoverageLine, CoverageReply, SourceRow, SourcesReply
from service.coverage_page import cells

ROWS = 100
"""Sources on one page."""

WEEK, MONTH = 7.0, 30.0
FRESHNESS = ("within a week", "within a month", "longer ago", "no page")

_SORTS: Mapping[str, Callable[[CoverageLine], tuple[float, str]]] = {
    "name": lambda line: (0.0, line.name),
    "passages": lambda line: (-line.passages, line.name),
    "age": lambda line: (0.0 if line.age_days is None else -1.0 - line.age_days, line.name),
    "errors": lambda line: (-line.errors, line.name),
}
SORTS = tuple(_SORTS)


class CoverageRow(NamedTuple):
    """A line of the report. `share` in [0, 100] is of the largest line's passages, `fresh` one of `FRESHNESS`."""

    line: CoverageLine
    cells: Sequence[str]
    share: float
    fresh: str


class CoverageTable(NamedTuple):
    """Lines of one kind: what they are, in one word and in the plural."""

    noun: str
    title: str
    rows: Sequence[CoverageRow]


class FreshnessShare(NamedTuple):
    """How many sources were last looked at when; `share` in [0, 100] of all, from `start` on."""

    label: str
    sources: int
    start: float
    share: float


def coverage_tables(report: CoverageReply, sort: str) -> list[CoverageTable]:
    """Sources by `sort`, one of `SORTS`, then sectors and tiers by name."""
    sources = sorted(report.sources, key=_SORTS.get(sort, _SORTS["name"]))
    kinds = (("source", "Sources", sources), ("sector", "Sectors", report.sectors), ("tier", "Tiers", report.tiers))
    return [CoverageTable(noun, title, _rows(lines)) for noun, title, lines in kinds]


def freshness_shares(report: CoverageReply) -> list[FreshnessShare]:
    """The sources by the median time since their pages were looked at."""
    counts = [sum(_fresh(line) == label for line in report.sources) for label in FRESHNESS]
    total = sum(counts) or 1
    starts = [100 * sum(counts[:at]) / total for at in range(len(counts))]
    return [
        FreshnessShare(label, count, round(start, 2), round(100 * count / total, 2))
        for label, count, start in zip(FRESHNESS, counts, starts, strict=True)
    ]


def _rows(lines: Sequence[CoverageLine]) -> list[CoverageRow]:
    most = max((line.passages for line in lines), default=0) or 1
    return [CoverageRow(line, cells(line), round(100 * line.passages / most, 1), _fresh(line)) for line in lines]


def _fresh(line: CoverageLine) -> str:
    if line.age_days is None:
        return FRESHNESS[3]
    return FRESHNESS[0 if line.age_days <= WEEK else 1 if line.age_days <= MONTH else 2]


class SourceTable(NamedTuple):
    """The sources that match, `ROWS` from `offset` on. `previous` and `next` are offsets of the neighbouring parts."""

    rows: Sequence[SourceRow]
    matching: int
    offset: int
    previous: int | None
    next: int | None
    sectors: Sequence[str]
    tiers: Sequence[int]


def source_table(listing: SourcesReply, params: QueryParams) -> SourceTable:
    """What the fields `find`, `sector`, `tier` and `indexed` of an address leave. Never raises."""
    find, sector, tier = (params.get(name, "").strip().casefold() for name in ("find", "sector", "tier"))
    rows = [
        row
        for row in listing.sources
        if find in f"{row.id} {row.name} {row.sector} {row.country} {row.language} {row.kind}".casefold()
        and sector in ("", row.sector)
        and tier in ("", str(row.tier))
        and (row.passages or not params.get("indexed"))
    ]
    given = params.get("offset", "")
    offset = min(int(given), len(rows)) if given.isdecimal() and len(given) < 7 else 0
    return SourceTable(
        rows=rows[offset : offset + ROWS],
        matching=len(rows),
        offset=offset,
        previous=max(0, offset - ROWS) if offset else None,
        next=offset + ROWS if offset + ROWS < len(rows) else None,
        sectors=sorted({row.sector for row in listing.sources}),
        tiers=sorted({row.tier for row in listing.sources}),
    )
