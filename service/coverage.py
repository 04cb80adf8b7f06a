"""What the index covers and how well it is kept: by source, sector and tier, as records and as one HTML page."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from domain_lists.records import Source
from domain_lists.source_list import SourceList
from index.catalog import Catalog
from index.run_tallies import SourceTally


class Coverage(NamedTuple):
    """One line of the report: a source, a sector or a tier.

    `pages` and `passages` are those that would be published, `gone` pages that left their site. `age_days` is the
    median time since a page was last looked at, `oldest_days` the longest; None where there is no page. `errors` and
    `denied` (by robots.txt) are of the newest run of each source, `failing` the sources that gave nothing but errors
    in it.
    """

    name: str
    sources: int
    pages: int
    passages: int
    gone: int
    age_days: float | None
    oldest_days: float | None
    errors: int
    denied: int
    failing: int


class CoverageReport(NamedTuple):
    """The whole report. `listed` is the number of sources of the list; those never crawled make no line."""

    made: str
    listed: int
    total: Coverage
    tiers: Sequence[Coverage]
    sectors: Sequence[Coverage]
    sources: Sequence[Coverage]


class _Facts(NamedTuple):
    """What is known of one source."""

    source: Source
    passages: Sequence[int]
    ages: Sequence[float]
    gone: int
    latest: SourceTally


def coverage_of(catalog: Catalog, sources: SourceList, now: datetime) -> CoverageReport:
    """The report of everything in the catalogue whose source is still listed."""
    facts = list(_facts(catalog, sources, now))
    return CoverageReport(
        made=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        listed=len(sources.sources),
        total=_line("all", facts),
        tiers=_grouped(facts, lambda source: f"tier {source.tier}"),
        sectors=_grouped(facts, lambda source: source.sector),
        sources=_grouped(facts, lambda source: source.id),
    )


def _facts(catalog: Catalog, sources: SourceList, now: datetime) -> Iterable[_Facts]:
    passages: dict[str, list[int]] = defaultdict(list)
    for url, count in catalog.passages_by_page():
        if source := sources.listed(url):
            passages[source.id].append(count)
    latest = catalog.runs.latest()
    known = {source.id: source for source in sources.sources}
    seen = set(catalog.visits.sources())
    for name in sorted((seen | set(latest) | set(passages)) & set(known)):
        ages, gone = _visited(catalog, name, now)
        tally: Mapping[str, tuple[str, SourceTally]] = latest
        yield _Facts(known[name], passages.get(name, []), ages, gone, tally.get(name, ("", SourceTally()))[1])


def _visited(catalog: Catalog, source: str, now: datetime) -> tuple[list[float], int]:
    """Days since each page that is there was looked at, and the number of pages that are gone."""
    ages, gone = [], 0
    for one in catalog.visits.of([source]):
        if one.page and one.gone:
            gone += 1
        elif one.page:
            ages.append((now - datetime.fromisoformat(one.checked)) / timedelta(days=1))
    return ages, gone


def _grouped(facts: Iterable[_Facts], key: Callable[[Source], str]) -> list[Coverage]:
    groups: dict[str, list[_Facts]] = defaultdict(list)
    for one in facts:
        groups[key(one.source)].append(one)
    return [_line(name, groups[name]) for name in sorted(groups)]


def _line(name: str, facts: Sequence[_Facts]) -> Coverage:
    ages = [age for one in facts for age in one.ages]
    return Coverage(
        name=name,
        sources=len(facts),
        pages=sum(len(one.passages) for one in facts),
        passages=sum(sum(one.passages) for one in facts),
        gone=sum(one.gone for one in facts),
        age_days=round(statistics.median(ages), 2) if ages else None,
        oldest_days=round(max(ages), 2) if ages else None,
        errors=sum(one.latest.errors for one in facts),
        denied=sum(one.latest.denied for one in facts),
        failing=sum(one.latest.failed for one in facts),
    )
