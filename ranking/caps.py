"""Caps: no page and no source fills a reply alone."""

from collections.abc import Iterable

from ranking.candidates import Integers


def within_caps(
    order: Iterable[int], page: Integers, source: Integers, max_per_page: int | None, max_per_source: int | None
) -> list[int]:
    """The indices of `order` that stay when, from the top, pages and sources may hold so many hits."""
    most_of_page = len(page) if max_per_page is None else max_per_page
    most_of_source = len(source) if max_per_source is None else max_per_source
    page_of, source_of = page.tolist(), source.tolist()
    # Plain dicts: the loop runs over every candidate of every query.
    on_page: dict[int, int] = {}
    of_source: dict[int, int] = {}
    kept = []
    for at in order:
        its_page, its_source = page_of[at], source_of[at]
        before, beside = on_page.get(its_page, 0), of_source.get(its_source, 0)
        if before < most_of_page and beside < most_of_source:
            kept.append(at)
            on_page[its_page], of_source[its_source] = before + 1, beside + 1
    return kept
