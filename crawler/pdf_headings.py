"""Which lines of a PDF are headings: those of its outline, else those that stand out. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from crawler.pdf import Entry, Pdf
from crawler.pdf_lines import CELL_SEPARATOR, Line

MAX_LEVEL = 5
"""The sixth is left for the number of the page."""

SAME_SIZE = 0.08
"""Relative difference up to which two sizes count as one."""

_LARGER = 1.12  # times the text's size, from which a line stands out
_LETTERS = 120  # most of a heading that only its type tells
_HEADING_LINES = 3
_NO_TITLE = re.compile(
    r"^(?:microsoft \w+ - |untitled|unknown|\(?anonymous\)?$|no title|title|slide \d|无标题|未命名)"
    r"|^(?:document|文档)\s*\d*$"
    r"|\.(?:docx?|wps|xlsx?|pptx?|pdf|rtf|odt|tex|dvi|indd|qxd|fm|html?)$|^[\W\d_]*$",
    re.IGNORECASE,
)
_NUMBERING = re.compile(
    r"(?:chapter|section|part|appendix|annex|article|第)?[a-z]?[\divxlc〇零一二三四五六七八九十百]{0,8}[章节節编編篇条條]?"
)
_ALIGNED = 2.5  # times its size, up to which a heading begins where the text does
_LEADING = 1.5  # times its size, up to which the next line belongs to the same heading
_SENTENCE = re.compile(r"[.,;，。；]$")
_NOT_IN_WORDS = re.compile(r"[\W_]+")


class Heading(NamedTuple):
    """A heading of level 1 to 5."""

    level: int
    text: str


Item = Line | Heading


def with_headings(pages: Sequence[Sequence[Line]], outline: Sequence[Entry]) -> list[list[Item]]:
    """The lines of each page, headings among them in the place of theirs."""
    return _by_outline(pages, outline) if outline else _by_type(pages)


def pdf_title(pdf: Pdf, heading: str) -> str:
    """The title that the file states, unless it is the name of a file; else the largest short text of the first page.

    `heading` is the first one found, taken where neither is there.
    """
    stated = " ".join(pdf.title.split())
    if stated and not _NO_TITLE.search(stated):
        return stated
    page = next((lines for lines in pdf.pages if lines), [])
    text = _text_type(pdf.pages)
    groups = [group for group in _groups(page) if _is_short(group) and group[0].size >= _LARGER * text.size]
    largest: Sequence[Line] = max(groups, key=lambda group: group[0].size, default=())
    return _joined(largest) or heading


def _by_outline(pages: Sequence[Sequence[Line]], outline: Sequence[Entry]) -> list[list[Item]]:
    """Each entry replaces the lines that it names; where there are none, it stands before what is below it."""
    items: list[list[Item]] = [list(page) for page in pages]
    for entry in outline:
        if entry.page < len(items):
            page = items[entry.page]
            start, end = _lines_named(entry.title, page) or _place_of(entry.top, page)
            text = _joined(page[start:end]) or entry.title
            page[start:end] = [Heading(min(entry.level, MAX_LEVEL), text)]
    return items


def _lines_named(title: str, page: Sequence[Item]) -> tuple[int, int] | None:
    """The one to three lines in a row that hold the title, with its number before it perhaps, and nothing else."""
    wanted = _letters(title)
    for start in range(len(page)):
        found = ""
        for end in range(start, min(start + _HEADING_LINES, len(page))):
            item = page[end]
            if isinstance(item, Heading):
                break
            found += _letters(item.text)
            if wanted and found.endswith(wanted) and _NUMBERING.fullmatch(found.removesuffix(wanted)):
                return start, end + 1
    return None


def _place_of(top: float | None, page: Sequence[Item]) -> tuple[int, int]:
    for index, item in enumerate(page):
        if isinstance(item, Line) and (top is None or item.baseline < top):
            return index, index
    return len(page), len(page)


def _by_type(pages: Sequence[Sequence[Line]]) -> list[list[Item]]:
    """Short lines that are larger or bolder than the text, the largest at the first level."""
    text = _text_type(pages)
    grouped = [list(_groups(page)) for page in pages]
    found = {id(group) for page in grouped for group in page if _is_short(group) and _stands_out(group, page, text)}
    levels = _levels({group[0].size for page in grouped for group in page if id(group) in found})
    return [
        [
            item
            for group in page
            for item in ([Heading(levels[group[0].size], _joined(group))] if id(group) in found else group)
        ]
        for page in grouped
    ]


class _Type(NamedTuple):
    size: float
    bold: bool


def _text_type(pages: Sequence[Sequence[Line]]) -> _Type:
    """That of most letters."""
    letters = Counter[_Type]()
    for line in (line for page in pages for line in page):
        letters[_Type(line.size, line.bold)] += len(line.text)
    return letters.most_common(1)[0][0] if letters else _Type(0.0, False)


def _stands_out(group: Sequence[Line], page: Sequence[Sequence[Line]], text: _Type) -> bool:
    """Whether the group is larger than the text, or bold and where the text begins; nothing stands beside it."""
    line = group[0]
    at = next(index for index, one in enumerate(page) if one is group)
    before, after = page[at - 1] if at else [], page[at + 1] if at + 1 < len(page) else []
    if any(abs(other.baseline - line.baseline) < line.size / 2 for other in (*before[-1:], *after[:1])):
        return False  # a cell of a table
    if line.size >= _LARGER * text.size:
        return True
    if not line.bold or text.bold or line.size < (1 - SAME_SIZE) * text.size:
        return False
    others = [other for one in page if one is not group for other in one]
    return 2 * sum(1 for other in others if abs(other.left - line.left) < _ALIGNED * line.size) >= len(others)


def _groups(page: Sequence[Line]) -> Iterator[list[Line]]:
    """Lines in a row of one size and weight, close to each other."""
    group: list[Line] = []
    for line in page:
        if group and not _goes_on(group[-1], line):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _goes_on(above: Line, line: Line) -> bool:
    near = 0 <= above.baseline - line.baseline <= _LEADING * line.size
    return near and above.size == line.size and above.bold == line.bold


def _is_short(group: Sequence[Line]) -> bool:
    text = _joined(group)
    letters = len(_letters(text))
    return (
        CELL_SEPARATOR not in text
        and len(group) <= _HEADING_LINES
        and 1 < letters <= _LETTERS
        and not _SENTENCE.search(text)
    )


def _levels(sizes: set[float]) -> dict[float, int]:
    levels: dict[float, int] = {}
    level, last = 0, float("inf")
    for size in sorted(sizes, reverse=True):
        if size < (1 - SAME_SIZE) * last:
            level, last = level + 1, size
        levels[size] = min(level, MAX_LEVEL)
    return levels


def _joined(items: Sequence[Item]) -> str:
    return " ".join(item.text for item in items).rstrip(" ¶")


def _letters(text: str) -> str:
    return _NOT_IN_WORDS.sub("", text).lower()
