"""Writes small PDF files by hand: lines of text where they are put, Latin or Chinese, an outline, a few defects."""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

FONTS = {"plain": b"Helvetica", "bold": b"Helvetica-Bold"}


class Text(NamedTuple):
    """One line of text, in points from the lower left corner of a sheet of 595 by 842."""

    text: str
    y: float
    x: float = 72
    size: float = 11
    bold: bool = False


class Scan(NamedTuple):
    """A picture that fills the sheet: four grey dots."""


class Mark(NamedTuple):
    """A line of the outline, of the first level; `page` counts from 0."""

    title: str
    page: int
    y: float


def paragraph(lines: Sequence[str], y: float, x: float = 72, size: float = 11, leading: float = 14) -> list[Text]:
    """Lines below each other."""
    return [Text(line, y - leading * number, x, size) for number, line in enumerate(lines)]


def pdf(
    pages: Sequence[Sequence[Text | Scan]], outline: Sequence[Mark] = (), info: str = "", compress: bool = False
) -> bytes:
    """A file of these pages. `info` stands as it is in the information dictionary."""
    objects: list[bytes] = []

    def add(content: bytes) -> int:
        objects.append(content)
        return len(objects)

    def stream(data: bytes) -> bytes:
        extra = b""
        if compress:
            data, extra = zlib.compress(data), b" /Filter /FlateDecode"
        return b"<< /Length %d%s >>\nstream\n%s\nendstream" % (len(data), extra, data)

    latin = [add(b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>" % FONTS[name])
             for name in ("plain", "bold")]  # fmt: skip
    descendant = add(
        b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 0 >> "
        b"/FontDescriptor << /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [0 -200 1000 900] "
        b"/ItalicAngle 0 /Ascent 900 /Descent -200 /CapHeight 900 /StemV 80 >> >>"
    )
    chinese = add(
        b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H "
        b"/DescendantFonts [%d 0 R] >>" % descendant
    )
    fonts = b"<< /F0 %d 0 R /F1 %d 0 R /F2 %d 0 R >>" % (*latin, chinese)
    tree = len(objects) + 2 * len(pages) + 1
    kids = []
    for page in pages:
        content = add(stream(b"\n".join(map(_shown, page))))
        kids.append(add(
            b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font %s >> >>"
            % (tree, content, fonts)
        ))  # fmt: skip
    assert add(b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(map(_ref, kids)))) == tree
    root = b"<< /Type /Catalog /Pages %d 0 R" % tree
    if outline:
        first = len(objects) + 1
        top = first + len(outline)
        for number, mark in enumerate(outline):
            following = b" /Next %d 0 R" % (first + number + 1) if number + 1 < len(outline) else b""
            add(b"<< /Title %s /Parent %d 0 R /Dest [%d 0 R /XYZ 0 %g 0]%s >>"
                % (_hex("\ufeff" + mark.title), top, kids[mark.page], mark.y, following))  # fmt: skip
        add(b"<< /Type /Outlines /First %d 0 R /Last %d 0 R /Count %d >>" % (first, top - 1, len(outline)))
        root += b" /Outlines %d 0 R" % top
    return _file(objects, add(root + b" >>"), add(b"<< %s >>" % info.encode("latin-1")))


def _shown(line: Text | Scan) -> bytes:
    if isinstance(line, Scan):
        return b"q 595 0 0 842 0 0 cm BI /W 2 /H 2 /CS /G /BPC 8 ID \x00\xff\xff\x00 EI Q"
    is_latin = all(ord(char) < 256 for char in line.text)
    font, text = (
        (int(line.bold), line.text.encode("latin-1").hex()) if is_latin else (2, line.text.encode("utf-16-be").hex())
    )
    return b"BT /F%d %g Tf 1 0 0 1 %g %g Tm <%s> Tj ET" % (font, line.size, line.x, line.y, text.encode())


def _file(objects: Sequence[bytes], root: int, info: int) -> bytes:
    out, offsets = b"%PDF-1.5\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n"
        b"<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (count, table, count, root, info, len(out))
    )


def _ref(number: int) -> bytes:
    return b"%d 0 R" % number


def _hex(text: str) -> bytes:
    return b"<%s>" % text.encode("utf-16-be").hex().encode()
