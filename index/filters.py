"""Filters as one bitmap over passages, made once per request and pushed into both arms before top-k."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from index.columns import NO_DATE, PassageColumns
from index.places import Domain

DateField = Literal["published", "modified", "crawled", "changed"]


@dataclass(frozen=True, slots=True)
class DateRange:
    """Pages whose `field` lies in [first, last], both included; `keep_undated` decides on pages without one."""

    field: DateField
    first: date | None
    last: date | None
    keep_undated: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """Which passages may answer. None and empty mean no restriction; each field only narrows."""

    sources: frozenset[str] | None = None
    languages: frozenset[str] = frozenset()
    dates: DateRange | None = None
    domains: tuple[Domain, ...] = ()
    excluded_domains: tuple[Domain, ...] = ()


class Survivors(NamedTuple):
    """`mask` of shape [passages], or None when everything survives; the counts are of passages."""

    mask: NDArray[np.bool_] | None
    excluded: int
    undated_kept: int


def apply_filter(wanted: Filter, columns: PassageColumns) -> Survivors:
    """Evaluate the filter over the columns of a snapshot."""
    masks = []
    undated_kept = 0
    if wanted.sources is not None:
        allowed = np.array([source in wanted.sources for source in columns.source_ids], np.bool_)
        masks.append(allowed[columns.source] if len(allowed) else np.zeros(len(columns.source), np.bool_))
    if wanted.languages:
        spoken = np.array([language in wanted.languages for language in columns.languages], np.bool_)
        masks.append(spoken[columns.language] if len(spoken) else np.zeros(len(columns.language), np.bool_))
    if wanted.dates is not None:
        masks.append(_dated(wanted.dates, columns))
    if wanted.domains:
        masks.append(_under(wanted.domains, columns))
    if wanted.excluded_domains:
        masks.append(~_under(wanted.excluded_domains, columns))
    if not masks:
        return Survivors(None, 0, 0)
    mask = np.logical_and.reduce(masks)
    if wanted.dates is not None and wanted.dates.keep_undated:
        undated_kept = int((mask & (columns.days[wanted.dates.field] == NO_DATE)).sum())
    return Survivors(mask, int(len(mask) - mask.sum()), undated_kept)


def _under(domains: Iterable[Domain], columns: PassageColumns) -> NDArray[np.bool_]:
    mask = np.zeros(len(columns.source), np.bool_)
    for domain in domains:
        for first, last in columns.places.pages(domain):
            mask[columns.first_rows[first] : columns.first_rows[last]] = True
    return mask


def _dated(wanted: DateRange, columns: PassageColumns) -> NDArray[np.bool_]:
    days = columns.days[wanted.field]
    dated = days != NO_DATE
    kept: NDArray[np.bool_] = dated.copy()
    if wanted.first:
        kept &= days >= wanted.first.toordinal()
    if wanted.last:
        kept &= days <= wanted.last.toordinal()
    if wanted.keep_undated:
        kept |= ~dated
    return kept
