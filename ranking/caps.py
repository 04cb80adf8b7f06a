"""Caps: no page and no source fills a reply alone."""

import numpy as np

from ranking.candidates import Integers


def within_caps(page: Integers, source: Integers, max_per_page: int | None, max_per_source: int | None) -> list[int]:
    """Of ranked hits, whose pages and sources these are from the top, the places (from 0) of those that stay."""
    kept = np.arange(len(page))
    # One after the other, since a page has one source: once that is full, so is the page.
    for numbers, most in ((page, max_per_page), (source, max_per_source)):
        if most is not None:
            kept = kept[_equal_before(numbers[kept]) < most]
    return kept.tolist()


def _equal_before(numbers: Integers) -> Integers:
    """How many numbers equal to each stand before it."""
    order = np.argsort(numbers, kind="stable")
    rising = numbers[order]
    before = np.empty_like(order)
    before[order] = np.arange(len(order)) - np.searchsorted(rising, rising)
    return before
