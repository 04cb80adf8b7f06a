"""A response becomes a page: decode, find the blocks, keep the main text, note language and dates. Pure."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from lxml.etree import ParserError
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from crawler.archive import Response
from crawler.blocks import find_blocks
from crawler.charsets import text_of
from crawler.dates import modified_date, modified_date_of_pdf, published_date
from crawler.errors import UnreadablePdf
from crawler.head import canonical_link, page_title
from crawler.language import declared_language, language_of
from crawler.main_text import main_text
from crawler.pdf import is_pdf, read_pdf
from crawler.pdf_blocks import PAGE_LEVEL, pdf_blocks
from crawler.pdf_headings import pdf_title
from crawler.robots_rules import kept_out_by, named_metas
from crawler.soft_404 import is_soft_404
from domain_lists.records import Source
from index.records import Block, Dated, Page

EXTRACTOR_VERSION = 2
"""To be raised whenever `extract` makes another page of the same response: archives are then read again."""

_HTML_TYPES = ("text/html", "application/xhtml+xml")
_LANGUAGE_SAMPLE_BLOCKS = 40
_PARSER = HTMLParser(encoding="utf-8")
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
    """The page in a response of HTML or PDF. `url` is the canonical form of `response.url`, `source` lists it."""
    if rule := kept_out_by((), response.all_headers("X-Robots-Tag"), response.fetched_at):
        return Skipped(rule)
    if _is_pdf(response):
        return _extract_pdf(response, source, url)
    tree = _tree(response)
    if tree is None:
        return Skipped("no text")
    if rule := kept_out_by(named_metas(tree), (), response.fetched_at):
        return Skipped(rule)
    blocks = main_text(tree, find_blocks(tree))
    if all(block.kind == "heading" for block in blocks):
        return Skipped("no text")
    title = page_title(tree, _first_heading(blocks))
    if is_soft_404(title, blocks):
        return Skipped("soft 404")
    page = Page(
        url=url,
        source=source.id,
        title=title,
        language=_language(blocks, tree.get("lang") or tree.get("xml:lang"), response, source),
        blocks=tuple(blocks),
        crawled=Dated(response.fetched_at, "archive"),
        published=published_date(tree, response.fetched_at),
        modified=modified_date(tree, response.header("Last-Modified"), response.header("Date"), response.fetched_at),
    )
    return Extracted(page, canonical_link(tree, url, response.all_headers("Link")))


def is_readable(response: Response) -> bool:
    """Whether the response is, as it says or as it begins, of a kind that `extract` reads: HTML or PDF."""
    content_type = _content_type(response)
    is_html = content_type in _HTML_TYPES or (not content_type and b"<html" in response.body[:1024].lower())
    return is_html or _is_pdf(response)


def _is_pdf(response: Response) -> bool:
    return is_pdf(_content_type(response), response.body)


def _content_type(response: Response) -> str:
    return (response.header("Content-Type") or "").split(";")[0].strip().lower()


def _extract_pdf(response: Response, source: Source, url: str) -> Extracted | Skipped:
    try:
        pdf = read_pdf(response.body)
    except UnreadablePdf as error:
        return Skipped(str(error))
    blocks = pdf_blocks(pdf.pages, pdf.outline)
    if all(block.kind == "heading" for block in blocks):
        return Skipped("no text")
    page = Page(
        url=url,
        source=source.id,
        title=pdf_title(pdf, _first_heading([block for block in blocks if block.level != PAGE_LEVEL])),
        language=_language(_longest(blocks), None, response, source),
        blocks=tuple(blocks),
        crawled=Dated(response.fetched_at, "archive"),
        modified=modified_date_of_pdf(
            pdf.modified, response.header("Last-Modified"), response.header("Date"), response.fetched_at
        ),
    )
    return Extracted(page, canonical_link(None, url, response.all_headers("Link")))


def _longest(blocks: Sequence[Block]) -> list[Block]:
    """The longest texts, which tell the language better than a title page does."""
    return sorted((block for block in blocks if block.kind != "heading"), key=lambda block: -len(block.text))[:5]


def _first_heading(blocks: Sequence[Block]) -> str:
    return next((block.text for block in blocks if block.kind == "heading"), "")


def _tree(response: Response) -> HtmlElement | None:
    text = text_of(response.body, response.header("Content-Type"))
    try:
        return document_fromstring(_FORBIDDEN.sub(" ", text).encode(errors="replace"), parser=_PARSER)
    except ParserError:
        return None


def _language(blocks: Sequence[Block], of_page: str | None, response: Response, source: Source) -> str:
    """That of the text where it tells, else the one declared by the page or the server, else the source's."""
    declared = of_page or response.header("Content-Language")
    prose = [block.text for block in blocks if block.kind not in ("code", "heading")][:_LANGUAGE_SAMPLE_BLOCKS]
    of_source = source.language if len(source.language) == 2 else ""
    return language_of("\n".join(prose), declared_language(declared) or of_source)
