"""The links of an HTML page that a polite crawler may follow."""

from typing import NamedTuple
from urllib.parse import urljoin

import lxml.etree
import lxml.html
from w3lib.encoding import html_to_unicode
from w3lib.url import safe_url_string

FEED_TYPES = frozenset({"application/rss+xml", "application/atom+xml"})
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
# Deeper nesting is no writing of a human; libxml2 gives up there as well.
_PARSER_OPTIONS = {"no_network": True, "remove_comments": True, "remove_pis": True}


class Links(NamedTuple):
    """Absolute URLs in the order of the page, without fragments; `nofollow` counts the links left out.

    `feeds` are the RSS and Atom feeds that the page names in its head.
    """

    urls: list[str]
    nofollow: int
    feeds: tuple[str, ...] = ()


def is_html(content_type: str | None) -> bool:
    """Whether a Content-Type header names HTML. A missing one does not."""
    return (content_type or "").partition(";")[0].strip().lower() in HTML_TYPES


def links_of(url: str, content_type: str, robots_tag: str, body: bytes) -> Links:
    """The links of a page. `robots_tag` is its X-Robots-Tag header, "" where there is none.

    `rel=nofollow`, `<meta name=robots content=nofollow>` and the header are honoured. Markup that cannot be
    read has no links.
    """
    _, text = html_to_unicode(content_type, body)
    # lxml refuses an encoding declaration in text, and NULs end its input.
    document = text.replace("\0", "").encode("utf-8", "replace")
    parser = lxml.html.HTMLParser(encoding="utf-8", **_PARSER_OPTIONS)
    try:
        root = lxml.html.document_fromstring(document, parser=parser)
    except (lxml.etree.LxmlError, ValueError):
        return Links([], 0)
    anchors = [element for element in root.iter("a", "area") if element.get("href")]
    if _forbids(robots_tag) or any(_forbids(content) for content in _meta_robots(root)):
        return Links([], len(anchors))
    followed = [element for element in anchors if "nofollow" not in (element.get("rel") or "").lower().split()]
    base = _base(url, root)
    urls = [absolute for element in followed if (absolute := _absolute(base, element.get("href")))]
    feeds = tuple(absolute for href in _feeds(root) if (absolute := _absolute(base, href)))
    return Links(list(dict.fromkeys(urls)), len(anchors) - len(followed), feeds)


def absolute_url(base: str, reference: str) -> str:
    """`reference` resolved against `base` and percent-encoded, without fragment; "" where it is no web address."""
    return _absolute(base, reference)


def _absolute(base: str, reference: str) -> str:
    try:
        absolute = urljoin(base, reference.strip()).partition("#")[0]
        return safe_url_string(absolute) if absolute.lower().startswith(("http://", "https://")) else ""
    except ValueError:
        return ""


def _base(url: str, root: lxml.html.HtmlElement) -> str:
    for element in root.iter("base"):
        if href := element.get("href"):
            return _absolute(url, href) or url
    return url


def _feeds(root: lxml.html.HtmlElement) -> list[str]:
    return [
        element.get("href") or ""
        for element in root.iter("link")
        if (element.get("type") or "").lower() in FEED_TYPES and "alternate" in (element.get("rel") or "").lower()
    ]


def _meta_robots(root: lxml.html.HtmlElement) -> list[str]:
    return [
        element.get("content") or "" for element in root.iter("meta") if (element.get("name") or "").lower() == "robots"
    ]


def _forbids(directives: str) -> bool:
    words = directives.lower().replace(",", " ").split()
    return "nofollow" in words or "none" in words
