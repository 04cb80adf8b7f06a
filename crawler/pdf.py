"""Reads a PDF within limits: its lines page by page, its outline and what it says of itself. PDFium does the work.

Of the libraries with a permissive licence it reads Chinese best and is ten times faster than the others; what it
does to a process that reads a hostile file is for `crawler.extraction_pool` to bear.
"""

from typing import NamedTuple

from pypdfium2 import PdfBookmark, PdfDocument, PdfiumError

from crawler.errors import UnreadablePdf
from crawler.pdf_lines import Line, lines_of

MAX_PAGES = 3000
MAX_CHARACTERS = 10_000_000
_MAX_OUTLINE = 5000
_MAX_OUTLINE_DEPTH = 6
_BEGINNING = 1024  # bytes within which the mark must stand (ISO 32000-1, annex H)
_LETTERS_PER_PAGE = 10  # on average; below, the pages are pictures
_READABLE_SHARE = 0.7  # of the characters; below, the fonts do not say which letters they draw


class Entry(NamedTuple):
    """A line of the outline. `level` counts from 1, `page` from 0; `top` is where on the page, None if unknown."""

    level: int
    title: str
    page: int
    top: float | None


class Pdf(NamedTuple):
    """What a PDF holds: the lines of each page, the outline, and its own words on title and last change."""

    pages: list[list[Line]]
    outline: list[Entry]
    title: str
    modified: str


def is_pdf(content_type: str, body: bytes) -> bool:
    """Whether the bytes are a PDF, whatever the server calls them; or the server says so, whatever they are."""
    return content_type in ("application/pdf", "application/x-pdf") or b"%PDF-" in body[:_BEGINNING]


def read_pdf(body: bytes) -> Pdf:
    """The content of a PDF. Raises UnreadablePdf, whose text is a reason to be counted."""
    if b"%PDF-" not in body[:_BEGINNING]:
        raise UnreadablePdf("pdf: something else")
    try:
        document = PdfDocument(body)
    except PdfiumError as error:
        # PDFium may name the cause of an earlier failure, so the file must speak of encryption too.
        encrypted = "password" in str(error).lower() and b"/Encrypt" in body
        raise UnreadablePdf("pdf: encrypted" if encrypted else "pdf: damaged") from error
    try:
        pages = _pages(document)
        about = document.get_metadata_dict()
        return Pdf(pages, _outline(document), about.get("Title", ""), about.get("ModDate", ""))
    finally:
        document.close()


def _pages(document: PdfDocument) -> list[list[Line]]:
    count = len(document)
    if count > MAX_PAGES:
        raise UnreadablePdf("pdf: too many pages")
    pages, characters, damaged = [], 0, 0
    for number in range(count):
        try:
            page = document[number]
            lines = lines_of(page)
            page.close()
        except PdfiumError:
            lines, damaged = [], damaged + 1
        pages.append(lines)
        characters += sum(len(line.text) for line in lines)
        if characters > MAX_CHARACTERS:
            raise UnreadablePdf("pdf: too much text")
    if damaged == count:
        raise UnreadablePdf("pdf: damaged")
    _require_text("".join(line.text for lines in pages for line in lines), count)
    return pages


def _require_text(text: str, pages: int) -> None:
    letters = sum(map(str.isalnum, text))
    if letters < _LETTERS_PER_PAGE * pages:
        raise UnreadablePdf("pdf: no text layer")
    unknown = sum(1 for char in text if char == "\ufffd" or "\ue000" <= char <= "\uf8ff")
    if unknown > (1 - _READABLE_SHARE) * len(text):
        raise UnreadablePdf("pdf: unreadable fonts")


def _outline(document: PdfDocument) -> list[Entry]:
    entries = []
    try:
        for number, bookmark in enumerate(document.get_toc(max_depth=_MAX_OUTLINE_DEPTH)):
            if number == _MAX_OUTLINE:
                break
            if entry := _entry(bookmark):
                entries.append(entry)
    except PdfiumError:
        pass  # the text stands without its outline
    return entries


def _entry(bookmark: PdfBookmark) -> Entry | None:
    title = " ".join(bookmark.get_title().replace("¶", "").split())
    destination = bookmark.get_dest()
    page = destination.get_index() if destination else None
    if not title or page is None or page < 0:
        return None
    _mode, view = destination.get_view()
    # /XYZ left top zoom; the other modes have the top first, or none.
    top = view[1] if len(view) == 3 else view[0] if len(view) == 1 else None
    return Entry(bookmark.level + 1, title, page, top)
