"""The lines of a PDF page, with where they stand and how large they are set."""

import re
import unicodedata
from ctypes import byref, c_double, c_int, create_string_buffer
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium
from pypdfium2 import PdfPage

# PDFium puts this in the place of a hyphen that breaks a word, and no line break after it.
_BROKEN_WORD = "\x02"
_LINE_ENDS = frozenset(("\r", "\n", _BROKEN_WORD))
_CELL_GAP = 2.0  # times the size
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
# Shapes of fonts that stand for ordinary letters: ligatures, radicals, compatibility ideographs.
_SHAPES = re.compile(r"[\u2e80-\u2fdf\uf900-\ufaff\ufb00-\ufb06]+")
_BOLD = re.compile(rb"bold|black|heavy|hei(?:ti|-|$)|medi(?:um)?$", re.IGNORECASE)


CELL_SEPARATOR = " | "
"""What stands between two cells of a row, as in tables of pages."""


class Line(NamedTuple):
    """One line, in points from the lower left corner; `broken` says that its last word goes on in the next."""

    text: str
    left: float
    right: float
    baseline: float
    size: float
    bold: bool
    broken: bool = False


def lines_of(page: PdfPage) -> list[Line]:
    """The lines of a page in the order of its content; PDFium says where they end."""
    text_page = page.get_textpage()
    try:
        count = max(0, pdfium.FPDFText_CountChars(text_page))
        codes = [pdfium.FPDFText_GetUnicode(text_page, index) for index in range(count)]
        characters = [chr(code) if 0 < code < 0x110000 else " " for code in codes]
        return [line for start, end in _spans(characters) if (line := _line(text_page, characters, start, end))]
    finally:
        text_page.close()


def _spans(characters: list[str]) -> list[tuple[int, int]]:
    """What lies between the ends of lines, without the spaces around it."""
    spans, start = [], 0
    for index in [*(index for index, char in enumerate(characters) if char in _LINE_ENDS), len(characters)]:
        first, last = start, index
        while first < last and characters[first].isspace():
            first += 1
        while first < last and characters[last - 1].isspace():
            last -= 1
        if first < last:
            spans.append((first, last))
        start = index + 1
    return spans


def _line(text_page: Any, characters: list[str], start: int, end: int) -> Line | None:
    size = _size(text_page, start)
    cells = [_clean("".join(characters[first:last])) for first, last in _cells(text_page, characters, start, end, size)]
    text = CELL_SEPARATOR.join(cell for cell in cells if cell)
    broken = characters[end : end + 1] == [_BROKEN_WORD]
    if not text:
        return None
    left, baseline = _origin(text_page, start)
    # A bold beginning alone is a label before plain text.
    bold = _bold(text_page, start) and _bold(text_page, end - 1)
    return Line(text, left, _right(text_page, end - 1), baseline, size, bold, broken)


def _cells(text_page: Any, characters: list[str], start: int, end: int, size: float) -> list[tuple[int, int]]:
    """The line cut where the space between two words is as wide as between the cells of a table only."""
    cells, first = [], start
    for index in range(start + 1, end - 1):
        if characters[index] == " " and characters[index + 1] != " ":
            before = next(at for at in range(index - 1, start - 1, -1) if characters[at] != " ")
            if _origin(text_page, index + 1)[0] - _right(text_page, before) > _CELL_GAP * size:
                cells.append((first, index))
                first = index + 1
    return [*cells, (first, end)]


def _origin(text_page: Any, index: int) -> tuple[float, float]:
    x, y = c_double(), c_double()
    pdfium.FPDFText_GetCharOrigin(text_page, index, byref(x), byref(y))
    return x.value, y.value


def _right(text_page: Any, index: int) -> float:
    left, right, bottom, top = c_double(), c_double(), c_double(), c_double()
    pdfium.FPDFText_GetCharBox(text_page, index, byref(left), byref(right), byref(bottom), byref(top))
    return right.value


def _clean(text: str) -> str:
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = _SHAPES.sub(lambda found: unicodedata.normalize("NFKC", found.group()), _CONTROLS.sub("", text))
    return " ".join(text.split())


def _size(text_page: Any, index: int) -> float:
    """The size as seen: the font's, times the scale that the page sets it in."""
    matrix = pdfium.FS_MATRIX()
    size = float(pdfium.FPDFText_GetFontSize(text_page, index))
    if pdfium.FPDFText_GetMatrix(text_page, index, byref(matrix)):
        size *= (matrix.c**2 + matrix.d**2) ** 0.5
    return round(size, 1)


def _bold(text_page: Any, index: int) -> bool:
    name, flags = create_string_buffer(128), c_int()
    pdfium.FPDFText_GetFontInfo(text_page, index, name, len(name), byref(flags))
    return bool(_BOLD.search(name.value))
