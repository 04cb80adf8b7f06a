"""Running heads, feet and page numbers of a PDF: lines that stand at the edge of page after page. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from crawler.pdf_lines import Line

_EDGE_LINES = 2  # looked at, at the top and at the bottom
_MARGIN = 0.1  # of the height that the document's text takes, within which they must stand
_LARGEST = 1.1  # times the size of the text; headings are larger
_LEAST_SAME = 3  # pages with the same text in the same place
_LEAST_COUNTED = 2  # pages with the same text but for the number of the page
_NUMBER = re.compile(r"\d{1,5}")
_ALONE = re.compile(r"[-–—·\s]*(?:\d{1,4}|[ivxlc]{1,6})[-–—·\s]*")  # a page number
_MOST_NUMBERS = 6


def without_running_lines(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages without the lines at their edges that other pages have in the same place, alike but for the number.

    A number counts as that of the page if its distance to the place of the page in the file stays the same.
    """
    heights = [line.baseline for page in pages for line in page]
    low, high = min(heights, default=0.0), max(heights, default=0.0)
    margin = _MARGIN * (high - low)
    largest = _LARGEST * _text_size(pages)
    edges = [
        [one for one in _edges(page) if one.size <= largest and not low + margin < one.baseline < high - margin]
        for page in pages
    ]
    counts = Counter(
        key for number, page in enumerate(edges) for key in {key for line in page for key in _keys(line, number)}
    )
    dropped = [
        {
            id(line)
            for line in page
            if _ALONE.fullmatch(line.text) or any(counts[key] >= key.least for key in _keys(line, number))
        }
        for number, page in enumerate(edges)
    ]
    return [[line for line in page if id(line) not in drop] for page, drop in zip(pages, dropped, strict=True)]


class _Key(NamedTuple):
    """What is equal in the running lines of two pages, and how many pages make one of it."""

    text: str
    size: float  # a title is set larger than the head that repeats it
    baseline: int
    least: int


def _text_size(pages: Sequence[Sequence[Line]]) -> float:
    letters = Counter[float]()
    for line in (line for page in pages for line in page):
        letters[line.size] += len(line.text)
    return letters.most_common(1)[0][0] if letters else 0.0


def _edges(page: Sequence[Line]) -> list[Line]:
    by_height = sorted(page, key=lambda line: line.baseline)
    return by_height if len(page) <= 2 * _EDGE_LINES else by_height[:_EDGE_LINES] + by_height[-_EDGE_LINES:]


def _keys(line: Line, page: int) -> Iterator[_Key]:
    """The text as it is, and with each of its numbers counted from the place of the page in the file."""
    text, baseline = line.text, round(line.baseline)
    yield _Key(text, line.size, baseline, _LEAST_SAME)
    for found in islice(_NUMBER.finditer(text), _MOST_NUMBERS):
        counted = f"{text[: found.start()]}\0{int(found.group()) - page}\0{text[found.end() :]}"
        yield _Key(counted, line.size, baseline, _LEAST_COUNTED)
