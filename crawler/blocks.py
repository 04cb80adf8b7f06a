"""Turns an HTML tree into blocks: headings, paragraphs, lists, tables, code, quotes, in document order.

The walk is over the page's own markup, not over an extractor's output, so that definition lists, nesting,
line breaks in code and the order of the text stay as they were. Which blocks are the main text is for
`crawler.extract` to say; it gets what it needs for that with each block.
"""

from collections.abc import Iterator
from typing import NamedTuple

from lxml.html import HtmlElement

from crawler.inline import BLOCK_TAGS, InlineText, is_seen, raw_text
from index.records import Block, BlockKind

_ASIDE = frozenset(("nav", "aside", "footer", "form", "menu"))
_ASIDE_ROLES = frozenset(("navigation", "search", "contentinfo", "complementary"))
_ADMONITIONS = frozenset((
    "admonition", "note", "warning", "tip", "caution", "important", "hint", "danger", "attention", "notecard",
    "callout", "alert", "example",
))  # fmt: skip
_FRAMED_SHARE = 0.8
_FRAMED_CHARACTERS = 400
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = frozenset(("ul", "ol", "menu", "dir"))
_STRUCTURES = frozenset(("pre", "table", "dl", "blockquote", *_HEADINGS))


class FoundBlock(NamedTuple):
    """A block of a page, main text or not. `linked` counts the characters that are link text."""

    block: Block
    linked: int
    aside: bool


class _Context(NamedTuple):
    kind: BlockKind = "paragraph"
    aside: bool = False


def find_blocks(root: HtmlElement) -> list[FoundBlock]:
    """All visible blocks below `root`, in document order."""
    body = root.find("body") if root.tag == "html" else root
    return list(_walk(body if body is not None else root, _Context()))


def _walk(element: HtmlElement, context: _Context) -> Iterator[FoundBlock]:
    """The blocks of a container. Runs of inline content between its block children are paragraphs."""
    if element.tag in _ASIDE or element.get("role") in _ASIDE_ROLES:
        context = context._replace(aside=True)
    inline = InlineText()
    inline.add(element.text)
    for child in element:
        if _is_block(child):
            yield from _flush(inline, context)
            inline = InlineText()
            yield from _block(child, context)
        else:
            inline.add_element(child)
        inline.add(child.tail)
    yield from _flush(inline, context)


def _block(element: HtmlElement, context: _Context) -> Iterator[FoundBlock]:
    """The blocks that one block-level element makes."""
    if not is_seen(element):
        return
    tag = element.tag
    if tag in _HEADINGS:
        yield from _heading(element, context)
    elif tag == "pre":
        yield from _code(element, context)
    elif tag == "dl":
        yield from _definitions(element, context)
    elif tag in _LISTS:
        yield from (_items if _holds(element, _STRUCTURES) else _list)(element, context)
    elif tag == "table" and _is_data(element):
        yield from _table(element, context)
    else:
        yield from _walk(element, context._replace(kind="quote") if tag == "blockquote" else context)


def _heading(element: HtmlElement, context: _Context) -> Iterator[FoundBlock]:
    text = InlineText()
    text.add_children(element)
    parent = element.getparent()
    if parent is not None and not _ADMONITIONS.isdisjoint(parent.get("class", "").lower().split()):
        # It names a box, not a section that would reach to the next heading.
        yield from _flush(text, context)
    elif line := text.one_line():
        yield FoundBlock(Block("heading", line, _HEADINGS[element.tag]), text.linked, context.aside)


def _code(element: HtmlElement, context: _Context) -> Iterator[FoundBlock]:
    lines = [line.rstrip() for line in raw_text(element).expandtabs(8).splitlines()]
    text = "\n".join(lines).strip("\n")
    if text:
        yield FoundBlock(Block("code", text), 0, context.aside)


def _definitions(element: HtmlElement, context: _Context) -> Iterator[FoundBlock]:
    """Each item of a definition list: its terms and the first paragraph as one block, then what follows."""
    terms = InlineText()
    as_list = context._replace(kind="list")
    for child in _definition_parts(element):
        if child.tag == "dt":
            terms.add_line(child)
            continue
        found = list(_block(child, context))
        if terms and found and found[0].block.kind == context.kind:
            first = found.pop(0)
            block = Block("list", f"{terms.text()}\n{first.block.text}")
            yield FoundBlock(block, terms.linked + first.linked, context.aside)
            terms = InlineText()
        yield from _flush(terms, as_list)
        yield from found
        terms = InlineText()
    yield from _flush(terms, as_list)


def _definition_parts(element: HtmlElement) -> Iterator[HtmlElement]:
    for child in element.iterchildren("*"):
        if child.tag == "div" and child.find("dt") is not None:
            yield from child.iterchildren("*")
        else:
            yield child


def _list(element: HtmlElement, context: _Context) -> Iterator[FoundBlock]:
    """A list that holds only text and other such lists: one block, a line for each item."""
    text = InlineText()
    _add_items(text, element, indent=0)
    yield from _flush(text, context._replace(kind="list"))


def _add_items(text: InlineText, element: HtmlElement, indent: int) -> None:
    for mark, item in _marked(element):
        if item.tag in _LISTS:
            _add_items(text, item, indent + 1)
            continue
        text.add_line(item, prefix=f"{'  ' * indent}{mark} ", leave_out=_LISTS)
        for nested in item.iterdescendants(*_LISTS):
            if next(nested.iterancestors("li", *_LISTS)) is item:
                _add_items(text, nested, indent + 1)


def _items(element: HtmlElement, context: _Context) -> Iterator[FoundBlock]:
    """A list with code, tables and the like in it: blocks of their own, the first of each item marked."""
    for mark, item in _marked(element):
        found = list(_block(item, context))
        if found and found[0].block.kind == context.kind:
            found[0] = found[0]._replace(block=Block("list", f"{mark} {found[0].block.text}"))
        yield from found


def _marked(element: HtmlElement) -> Iterator[tuple[str, HtmlElement]]:
    start = element.get("start", "1")
    number = int(start) if start.isdecimal() else 1
    for item in element.iterchildren("*"):
        yield (f"{number}." if element.tag == "ol" else "-"), item
        number += item.tag == "li"


def _table(element: HtmlElement, context: _Context) -> Iterator[FoundBlock]:
    text = InlineText()
    for caption in element.iterchildren("caption"):
        text.add_line(caption)
    for row in element.iter("tr"):
        if is_seen(row):
            text.add_row([cell for cell in row if cell.tag in ("td", "th")])
    yield from _flush(text, context._replace(kind="table"))


def _is_data(table: HtmlElement) -> bool:
    """Whether a table holds data. One with headings, definition lists or tables in it, or with nearly all of its
    text in one cell, is mere layout.
    """
    if table.get("role") in ("presentation", "none") or _holds(table, frozenset(("table", "dl", *_HEADINGS))):
        return False
    rows = [[len(cell.text_content()) for cell in row if cell.tag in ("td", "th")] for row in table.iter("tr")]
    sizes = [size for row in rows for size in row]
    if max(sizes, default=0) > max(_FRAMED_CHARACTERS, _FRAMED_SHARE * sum(sizes)):
        return False
    return len(rows) > 1 or (len(sizes) > 1 and table.find(".//pre") is None)


def _flush(text: InlineText, context: _Context) -> Iterator[FoundBlock]:
    if text:
        yield FoundBlock(Block(context.kind, text.text()), text.linked, context.aside)


def _holds(element: HtmlElement, tags: frozenset[str]) -> bool:
    return next(element.iterdescendants(*tags), None) is not None


def _is_block(element: HtmlElement) -> bool:
    """Whether an element starts a block: by its tag, or because an inline element wraps blocks."""
    if not isinstance(element.tag, str):
        return False
    return element.tag in BLOCK_TAGS or (len(element) > 0 and _holds(element, BLOCK_TAGS))
