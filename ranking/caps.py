"""Caps: no page and no source fills a reply alone."""

from ranking.candidates import Integers


def within_caps(page: Integers, source: Integers, max_per_page: int | None, max_per_source: int | None) -> list[int]:
    """Of ranked hits, whose pages and sources these are from the top, the places (from 0) of those that stay."""
    most_of_page = len(page) if max_per_page is None else max_per_page
    most_of_source = len(source) if max_per_source is None else max_per_source
    # Plain numbers and dicts: the loop runs over every candidate of every query.
    on_page: dict[int, int] = {}
    of_source: dict[int, int] = {}
    kept = []
    for place, (its_page, its_source) in enumerate(zip(page.tolist(), source.tolist(), strict=True)):
        before, beside = on_page.get(its_page, 0), of_source.get(its_source, 0)
        if before < most_of_page and beside < most_of_source:
            kept.append(place)
            on_page[its_page], of_source[its_source] = before + 1, beside + 1
    return kept
