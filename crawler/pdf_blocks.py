"""Lines of a PDF become headings, paragraphs and lists. Pure.

Before the first text of a page, and again after each heading, stands a heading of the last level, "Page 12", so
that every passage tells the page that it begins on. Numbers count the sheets of the file from 1, as `#page=12` in a
URL does. A paragraph that runs over the end of a page stays with the page that it begins on.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from crawler.pdf import Entry
from crawler.pdf_headings import MAX_LEVEL, SAME_SIZE, Heading, Item, with_headings
from crawler.pdf_lines import CELL_SEPARATOR, Line
from crawler.pdf_running import without_running_lines
from index.records import Block

PAGE_LEVEL = MAX_LEVEL + 1

_CONTENTS = re.compile(r"(?:[.·…․‥]\s?){4,}\s*(?:\d+|[ivxlc]+)?$")
_BULLET = re.compile(r"(?:[•·▪◦‣●○■□◆►➢✓]\s*|[–—-]\s+)(?=\S)")
_END = re.compile(r"[.!?:;。！？：；…][\"'”’»)\]）】」』]*$")
_CJK = re.compile(r"[\u3000-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff5e]")
_OTHER_SIZE = 0.2  # relative difference, more than between the fonts of one sentence
_GAP = 1.25  # times the usual distance of lines, from which a paragraph ends
_FULL = 0.88  # of the column's width, from which a line is full and runs on into the next
_INDENT = (0.8, 4.0)  # times the size, of a paragraph's first line
_HANGING = 0.3  # times the size, by which the lines of a list item stand further in than its mark
_NEIGHBOURS = 8  # lines before and after that tell how wide the column is


def pdf_blocks(pages: Sequence[Sequence[Line]], outline: Sequence[Entry]) -> list[Block]:
    """The blocks of a document. `pages` holds the lines of each page, `outline` may be empty."""
    kept = [[line for line in page if not _CONTENTS.search(line.text)] for page in without_running_lines(pages)]
    parts = (
        (number, part) for number, page in enumerate(with_headings(kept, outline), 1) for part in _paragraphs(page)
    )
    return list(_with_page_headings(_joined_over_pages(parts)))


class _Paragraph:
    """Lines that belong together, with the text as it grows."""

    def __init__(self, line: Line, full: bool) -> None:
        self.text = line.text
        self.first = self.last = line
        self.full = full

    def add(self, line: Line, full: bool) -> None:
        """One more line: run on where the last one was full, else on a line of its own."""
        if self.last.broken:
            self.text += line.text
        elif not self.full or _BULLET.match(line.text):
            self.text += "\n" + line.text
        elif _CJK.match(self.text[-1]) and _CJK.match(line.text):
            self.text += line.text
        else:
            self.text += " " + line.text
        self.last, self.full = line, full

    def runs_on(self) -> bool:
        """Whether the text goes on after the last line: the line is full, and no sentence ends there."""
        return self.last.broken or (self.full and not _END.search(self.text))

    def append(self, other: "_Paragraph") -> None:
        """The rest of this paragraph, from the next page."""
        full = other.full
        self.add(other.first._replace(text=other.text), full)
        self.last = other.last

    def same_type(self, other: "_Paragraph") -> bool:
        """Whether both are set alike."""
        return self.first.size == other.first.size and self.first.bold == other.first.bold

    def block(self) -> Block:
        """The finished block."""
        return Block("list" if _BULLET.match(self.text) else "paragraph", self.text)


_Part = _Paragraph | Heading


def _paragraphs(page: Sequence[Item]) -> Iterator[_Part]:
    lines = [item for item in page if isinstance(item, Line)]
    full = dict(zip(map(id, lines), _full_lines(lines), strict=True))
    usual = _usual_distances(lines)
    paragraph: _Paragraph | None = None
    for item in page:
        if isinstance(item, Line) and paragraph and not _begins_paragraph(paragraph, item, usual):
            paragraph.add(item, full[id(item)])
            continue
        if paragraph:
            yield paragraph
        paragraph = _Paragraph(item, full[id(item)]) if isinstance(item, Line) else None
        if isinstance(item, Heading):
            yield item
    if paragraph:
        yield paragraph


def _full_lines(lines: Sequence[Line]) -> list[bool]:
    """Of each line, whether it reaches to the right edge of its column, as its neighbours tell."""
    full = []
    for index, line in enumerate(lines):
        near = lines[max(0, index - _NEIGHBOURS) : index + _NEIGHBOURS + 1]
        column = [other for other in near if abs(other.left - line.left) <= 5 * line.size]
        left, right = min(other.left for other in column), max(other.right for other in column)
        full.append(len(column) > 1 and CELL_SEPARATOR not in line.text and line.right - left >= _FULL * (right - left))
    return full


def _usual_distances(lines: Sequence[Line]) -> dict[float, float]:
    """Baseline to baseline by size, in the middle of those that are no jump."""
    distances: dict[float, list[float]] = {}
    for above, line in pairwise(lines):
        distance = above.baseline - line.baseline
        if above.size == line.size and 0 < distance < 3 * line.size:
            distances.setdefault(line.size, []).append(distance)
    return {size: median(found) for size, found in distances.items()}


def _begins_paragraph(paragraph: _Paragraph, line: Line, usual: dict[float, float]) -> bool:
    last = paragraph.last
    difference = abs(last.size - line.size) / max(last.size, line.size, 1.0)
    if difference > _OTHER_SIZE:
        return True
    if difference > SAME_SIZE or last.bold != line.bold:
        return not paragraph.runs_on()
    distance = last.baseline - line.baseline
    if distance < -line.size:  # the next column
        return not paragraph.runs_on()
    if distance > _GAP * usual.get(line.size, 1.5 * line.size):
        return True
    if _BULLET.match(paragraph.text) and line.left <= paragraph.first.left + _HANGING * line.size:
        return True
    ended = bool(_END.search(last.text))
    indent = (line.left - last.left) / max(line.size, 1.0)
    return ended and (_INDENT[0] <= indent <= _INDENT[1] or not paragraph.full)


def _joined_over_pages(parts: Iterator[tuple[int, _Part]]) -> Iterator[tuple[int, Block | Heading]]:
    """The parts with their pages; a paragraph that the end of its page cut off gets its rest from the next."""
    cut_off: tuple[int, _Paragraph] | None = None
    for number, part in parts:
        if cut_off:
            page, paragraph = cut_off
            if isinstance(part, _Paragraph) and number > page and paragraph.runs_on() and part.same_type(paragraph):
                paragraph.append(part)
                continue
            yield page, paragraph.block()
        cut_off = (number, part) if isinstance(part, _Paragraph) else None
        if isinstance(part, Heading):
            yield number, part
    if cut_off:
        yield cut_off[0], cut_off[1].block()


def _with_page_headings(parts: Iterator[tuple[int, Block | Heading]]) -> Iterator[Block]:
    shown = 0
    for number, part in parts:
        if isinstance(part, Heading):
            yield Block("heading", part.text, part.level)
            shown = 0
            continue
        if number != shown:
            yield Block("heading", f"Page {number}", PAGE_LEVEL)
            shown = number
        yield part
