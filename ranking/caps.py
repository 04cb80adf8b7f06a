"""Caps: no page and no source fills a reply alone."""

from collections import Counter
from collections.abc import Iterable

from ranking.candidates import Integers


def within_caps(
    order: Iterable[int], page: Integers, source: Integers, max_per_page: int | None, max_per_source: int | None
) -> list[int]:
    """The indices of `order` that stay when, from the top, pages and sources may hold so many hits."""
    pages: Counter[int] = Counter()
    sources: Counter[int] = Counter()
    page_of, source_of = page.tolist(), source.tolist()
    kept = []
    for at in order:
        full = (max_per_page is not None and pages[page_of[at]] >= max_per_page) or (
            max_per_source is not None and sources[source_of[at]] >= max_per_source
        )
        if not full:
            kept.append(at)
            pages[page_of[at]] += 1
            sources[source_of[at]] += 1
    return kept
