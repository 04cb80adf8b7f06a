"""What the index covers and how well it is kept: by source, sector and tier, as records and as one HTML page."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from authority_search.models import CoverageLine, CoverageReply
from domain_lists.records import Source
from domain_lists.source_list import SourceList
from index.catalog import Catalog
from index.files import write_atomically
from index.run_tallies import SourceTally
from index.store import DataFolder
from service.errors import Internal, NotReady


class _Facts(NamedTuple):
    """What is known of one source."""

    source: Source
    passages: Sequence[int]
    ages: Sequence[float]
    gone: int
    latest: SourceTally


def coverage_of(catalog: Catalog, sources: SourceList, now: datetime) -> CoverageReply:
    """The report of everything in the catalogue whose source is still listed."""
    facts = list(_facts(catalog, sources, now))
    return CoverageReply(
        made=now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        listed=len(sources.sources),
        total=_line("all", facts),
        tiers=_grouped(facts, lambda source: f"tier {source.tier}"),
        sectors=_grouped(facts, lambda source: source.sector),
        sources=_grouped(facts, lambda source: source.id),
    )


def save_coverage(folder: DataFolder, report: CoverageReply) -> None:
    """Put the report where a running service finds it: the catalogue itself is open to one process at a time."""
    write_atomically(folder.coverage, report.model_dump_json().encode())


def load_coverage(folder: DataFolder) -> CoverageReply:
    """The report of the last refresh. Raises NotReady before the first one, Internal where it cannot be read."""
    try:
        return CoverageReply.model_validate_json(folder.coverage.read_bytes())
    except FileNotFoundError as error:
        raise NotReady("there is no coverage report yet; run `authority-search refresh`") from error
    except ValueError as error:
        raise Internal(f"{folder.coverage} is damaged; the next refresh writes it anew") from error


def _facts(catalog: Catalog, sources: SourceList, now: datetime) -> Iterable[_Facts]:
    passages: dict[str, list[int]] = defaultdict(list)
    for url, count in catalog.passages_by_page():
        if listed := sources.listed(url):
            passages[listed.id].append(count)
    latest = catalog.runs.latest()
    seen = set(catalog.visits.sources())
    for name in sorted(seen | set(latest) | set(passages)):
        if (source := sources.find(name)) is None:
            continue
        ages, gone = _visited(catalog, name, now)
        tally: Mapping[str, tuple[str, SourceTally]] = latest
        yield _Facts(source, passages.get(name, []), ages, gone, tally.get(name, ("", SourceTally()))[1])


def _visited(catalog: Catalog, source: str, now: datetime) -> tuple[list[float], int]:
    """Days since each page that is there was looked at, and the number of pages that are gone."""
    ages, gone = [], 0
    for one in catalog.visits.of([source]):
        if one.page and one.gone:
            gone += 1
        elif one.page:
            ages.append((now - datetime.fromisoformat(one.checked)) / timedelta(days=1))
    return ages, gone


def _grouped(facts: Iterable[_Facts], key: Callable[[Source], str]) -> list[CoverageLine]:
    groups: dict[str, list[_Facts]] = defaultdict(list)
    for one in facts:
        groups[key(one.source)].append(one)
    return [_line(name, groups[name]) for name in sorted(groups)]


def _line(name: str, facts: Sequence[_Facts]) -> CoverageLine:
    ages = [age for one in facts for age in one.ages]
    return CoverageLine(
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
        hindrances=dict(sorted(Counter(word for one in facts for word in one.source.hindrances).items())),
    )
