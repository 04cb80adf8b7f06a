"""The text of inline markup: what of it is seen, with white space collapsed and links counted."""

import re

from lxml.html import HtmlElement

BLOCK_TAGS = frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
    "html", "legend", "li", "main", "menu", "dir", "nav", "ol", "p", "pre", "section", "summary", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "ul", "caption",
))  # fmt: skip
_UNSEEN = frozenset((
    "script", "style", "noscript", "template", "head", "link", "meta", "svg", "canvas", "iframe", "object",
    "embed", "audio", "video", "map", "button", "input", "select", "textarea", "datalist", "dialog",
))  # fmt: skip
_PERMALINKS = frozenset(("¶", "§", "#", "🔗", "\uf0c1"))
_LINE_NUMBERS = frozenset(("linenos", "linenodiv", "lineno", "gutter"))
_CJK = "\u3001-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff5e"
_BREAK_IN_CJK = re.compile(rf"(?<=[{_CJK}])[ \t]*\n[ \t]*(?=[{_CJK}])")
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)


def is_seen(element: HtmlElement) -> bool:
    """Whether a reader sees the element: no comment, script, widget, line number or permalink, and not hidden."""
    if not isinstance(element.tag, str) or element.tag in _UNSEEN or "hidden" in element.attrib:
        return False
    if element.tag == "a" and "".join(element.itertext()).strip() in _PERMALINKS:
        return False
    if not _LINE_NUMBERS.isdisjoint(element.get("class", "").split()):
        return False
    return not _HIDDEN.search(element.get("style", ""))


def raw_text(element: HtmlElement) -> str:
    """The text as it stands, for code."""
    parts = [element.text or ""]
    for child in element:
        if child.tag == "br":
            parts.append("\n")
        elif is_seen(child):
            parts.append(raw_text(child))
        parts.append(child.tail or "")
    return "".join(parts)


class InlineText:
    """Collects text in lines. `linked` counts the characters that are link text."""

    def __init__(self) -> None:
        self.linked = 0
        self._lines: list[str] = []
        self._parts: list[str] = []

    def __bool__(self) -> bool:
        self._end_line()
        return bool(self._lines)

    def text(self) -> str:
        """The lines that are not empty."""
        self._end_line()
        return "\n".join(self._lines)

    def one_line(self) -> str:
        """The same in one line."""
        return self.text().replace("\n", " ")

    def add(self, text: str | None, linked: bool = False) -> None:
        """Text as it stands in the markup."""
        if text:
            self._parts.append(text)
            self.linked += len(text.strip()) if linked else 0

    def add_element(self, element: HtmlElement, leave_out: frozenset[str] = frozenset(), linked: bool = False) -> None:
        """An element with all that is in it but the tags to leave out; its tail is the caller's."""
        if not is_seen(element) or element.tag in leave_out:
            return
        if element.tag == "br":
            self._end_line()
        elif element.tag == "math" and element.get("alttext"):
            self.add(element.get("alttext"))
        elif element.tag in BLOCK_TAGS:
            self.add(" ")
            self.add_children(element, leave_out, linked)
            self.add(" ")
        else:
            self.add_children(element, leave_out, linked or element.tag == "a")

    def add_children(self, element: HtmlElement, leave_out: frozenset[str] = frozenset(), linked: bool = False) -> None:
        """What is in an element, without asking whether the element itself is seen."""
        self.add(element.text, linked)
        for child in element:
            self.add_element(child, leave_out, linked)
            self.add(child.tail, linked)

    def add_line(self, element: HtmlElement, prefix: str = "", leave_out: frozenset[str] = frozenset()) -> None:
        """A line of its own, unless there is no text."""
        if not is_seen(element):
            return
        inner = InlineText()
        inner.add_children(element, leave_out)
        self._add_finished(prefix, [inner.one_line()], inner.linked)

    def add_row(self, cells: list[HtmlElement]) -> None:
        """A line of cells, parted by " | "; a lone cell stands alone."""
        inner = InlineText()
        texts = []
        for cell in cells:
            inner.add_element(cell)
            texts.append(inner.one_line())
            inner._lines = []
        filled = [text for text in texts if text]
        self._add_finished("", texts if len(filled) > 1 else filled, inner.linked)

    def _add_finished(self, prefix: str, texts: list[str], linked: int) -> None:
        self._end_line()
        if any(texts):
            self._lines.append(prefix + " | ".join(texts))
            self.linked += linked

    def _end_line(self) -> None:
        # Chinese and Japanese are written without spaces: a line break in the markup is none in the text.
        text = _BREAK_IN_CJK.sub("", "".join(self._parts))
        if line := " ".join(text.split()):
            self._lines.append(line)
        self._parts = []
