"""A response becomes a page: decode, find the blocks, keep the main text, note language and dates. Pure."""

import re
from typing import NamedTuple

from lxml.etree import ParserError
from lxml.html import HtmlElement, HTMLParser, document_fromstring
from trafilatura.utils import detect_encoding
from w3lib.encoding import html_to_unicode

from crawler.archive import Response
from crawler.blocks import find_blocks
from crawler.dates import modified_date, published_date
from crawler.head import canonical_link, page_title, wants_no_index
from crawler.language import declared_language, language_of
from crawler.main_text import main_text
from domain_lists.records import Source
from index.records import Block, Dated, Page

EXTRACTOR_VERSION = 1
"""To be raised whenever `extract` makes another page of the same response: archives are then read again."""

_HTML_TYPES = ("text/html", "application/xhtml+xml")
_LANGUAGE_SAMPLE_BLOCKS = 40
_PARSER = HTMLParser(encoding="utf-8")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_TWO_NOT_ASCII = re.compile(rb"[\x80-\xff]{2}")
# Characters that XML does not have, as such and as references: a single one would cost the page its text.
_FORBIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
    r"|&#0*(?:[0-8]|1[124-9]|2\d|3[01]|6553[45])(?!\d);?"
    r"|&#[xX]0*(?:[0-8bcefBCEF]|1[\da-fA-F]|[fF]{3}[efEF])(?![\da-fA-F]);?"
)


class Extracted(NamedTuple):
    """A page under the URL it was fetched from, and the URL that it names as its canonical one, if any."""

    page: Page
    canonical: str | None


class Skipped(NamedTuple):
    """Why a response makes no page. `detail` is for the log."""

    reason: str
    detail: str = ""


def extract(response: Response, source: Source, url: str) -> Extracted | Skipped:
    """The page in an HTML response. `url` is the canonical form of `response.url`, `source` lists it."""
    tree = _tree(response)
    if tree is None:
        return Skipped("no text")
    if wants_no_index(tree, response.header("X-Robots-Tag")):
        return Skipped("noindex")
    blocks = main_text(tree, find_blocks(tree))
    if all(block.kind == "heading" for block in blocks):
        return Skipped("no text")
    page = Page(
        url=url,
        source=source.id,
        title=page_title(tree, next((block.text for block in blocks if block.kind == "heading"), "")),
        language=_language(tree, response, source, blocks),
        blocks=tuple(blocks),
        crawled=Dated(response.fetched_at, "archive"),
        published=published_date(tree, response.fetched_at),
        modified=modified_date(tree, response.header("Last-Modified"), response.header("Date"), response.fetched_at),
    )
    return Extracted(page, canonical_link(tree, url))


def is_html(response: Response) -> bool:
    """Whether the response says that it is HTML, or says nothing and looks like it."""
    content_type = (response.header("Content-Type") or "").split(";")[0].strip().lower()
    return content_type in _HTML_TYPES or (not content_type and b"<html" in response.body[:1024].lower())


def _tree(response: Response) -> HtmlElement | None:
    """The parsed page. Its encoding is that of the byte order mark, the header, the page itself, or what fits."""
    _, text = html_to_unicode(response.header("Content-Type"), response.body, auto_detect_fun=_fitting_encoding)
    try:
        return document_fromstring(_FORBIDDEN.sub(" ", text).encode(errors="replace"), parser=_PARSER)
    except ParserError:
        return None


def _fitting_encoding(body: bytes) -> str | None:
    guesses = detect_encoding(body)
    if "utf-8" in guesses:
        return "utf-8"
    # Accented letters stand alone, letters of other alphabets in a row; for the former browsers take cp1252.
    others = len(_NOT_ASCII.findall(body))
    return guesses[0] if guesses and 4 * len(_TWO_NOT_ASCII.findall(body)) > others else "cp1252"


def _language(tree: HtmlElement, response: Response, source: Source, blocks: list[Block]) -> str:
    """That of the text where it tells, else the one declared by the page or the server, else the source's."""
    declared = tree.get("lang") or tree.get("xml:lang") or response.header("Content-Language")
    prose = [block.text for block in blocks if block.kind != "code"][:_LANGUAGE_SAMPLE_BLOCKS]
    of_source = source.language if len(source.language) == 2 else ""
    return language_of("\n".join(prose), declared_language(declared) or of_source)
