"""The text of an HTML body, whatever its bytes are in: declarations are believed as far as the bytes bear them out.

In this order: a byte order mark; UTF-8 where the bytes can hardly be anything else; what the header declares, then
what the page declares (browsers' order), under the names that the Encoding Standard gives them, so that "gb2312" is
read as GB18030 and "iso-8859-1" as windows-1252; what the bytes look like.
"""

import re

from trafilatura.utils import detect_encoding
from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom, to_unicode

_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_TWO_NOT_ASCII = re.compile(rb"[\x80-\xff]{2}")
_DAMAGED = 0.05  # of the characters beyond ASCII; from there on the encoding is another
_TELLING = 12  # bytes beyond ASCII that are no UTF-8 by chance
_ANY_BYTES = frozenset(("cp1252", "latin-1", "iso8859-1"))  # which no byte contradicts


def text_of(body: bytes, content_type: str | None) -> str:
    """`body` decoded; `content_type` is its header. Bytes that are damaged become U+FFFD."""
    marked, mark = read_bom(body)
    if marked and mark:
        return str(to_unicode(body[len(mark) :], marked))
    beyond = len(_NOT_ASCII.findall(body))
    if not beyond:
        return body.decode("ascii")
    for encoding in _candidates(body, content_type, beyond):
        text = str(to_unicode(body, encoding))
        if text.count("\ufffd") <= _DAMAGED * sum(1 for char in text if char > "\x7f"):
            return text
    return str(to_unicode(body, _looks_like(body, beyond)))


def _candidates(body: bytes, content_type: str | None, beyond: int) -> list[str]:
    declared = [http_content_type_encoding(content_type), html_body_declared_encoding(body)]
    known = [encoding for encoding in declared if encoding]
    if beyond >= _TELLING and _is_utf_8(body):
        return ["utf-8", *known]
    # "iso-8859-1" is the default of servers for all they serve, and never fails.
    doubtful = [encoding for encoding in known if encoding in _ANY_BYTES and not _is_alphabetic(body, beyond)]
    return [encoding for encoding in known if encoding not in doubtful]


def _is_utf_8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_alphabetic(body: bytes, beyond: int) -> bool:
    """Whether bytes beyond ASCII mostly stand alone, as accented letters do; those of other scripts come in a row."""
    return 4 * len(_TWO_NOT_ASCII.findall(body)) <= beyond


def _looks_like(body: bytes, beyond: int) -> str:
    guesses = detect_encoding(body)
    if "utf-8" in guesses:
        return "utf-8"
    return guesses[0] if guesses and not _is_alphabetic(body, beyond) else "cp1252"
