"""What a page says of itself in its head: its title and its canonical URL."""

import re
from collections.abc import Sequence
from urllib.parse import urljoin, urlsplit

from lxml.html import HtmlElement

_OG_TITLE = ".//meta[@property='og:title']"
_SITE_NAME = re.compile(r"(.+)\s[|–—·•»«✩_-]+\s(.+)")
_LINK = re.compile(r"<(?P<href>[^>]*)>[^,<]*;\s*rel=\"?(?P<rel>[^\";,]+)")
_WORD = re.compile(r"[^\W_]+")
_NOT_IN_WORDS = re.compile(r"[\W_]+")


def page_title(tree: HtmlElement, heading: str) -> str:
    """The title without the name of the site; `heading` is the first one of the main text, or "".

    That heading or og:title, if the title element holds it; else the part of the title element, before or after
    its last separator, that has more of its words in the heading, or is longer. "" where there is nothing.
    """
    element = tree.find(".//title")
    full = " ".join(element.text_content().split()) if element is not None else ""
    og_title = " ".join(next((meta.get("content", "") for meta in tree.iterfind(_OG_TITLE)), "").split())
    if not full:
        return og_title or heading
    for shorter in (heading, og_title):
        if _letters(shorter) and _letters(shorter) in _letters(full):
            return shorter
    parts = _SITE_NAME.fullmatch(full)
    if not parts:
        return full
    return max(parts.groups(), key=lambda part: (_share_of_words(part, heading), len(part)))


def _share_of_words(part: str, heading: str) -> float:
    words, known = (set(_WORD.findall(text.lower())) for text in (part, heading))
    return len(words & known) / max(1, len(words))


def _letters(text: str) -> str:
    return _NOT_IN_WORDS.sub("", text).lower()


def canonical_link(tree: HtmlElement | None, url: str, headers: Sequence[str] = ()) -> str | None:
    """The absolute http(s) URL of `<link rel=canonical>` or of a Link header, None where there is none to go by.

    `tree` is None for what is not HTML, `headers` are the values of all Link headers (RFC 8288). A link from a page
    below to the root of its host is a mistake of the site's, not a statement; one to what hreflang says is this page
    in another language would lose this one.
    """
    links = [(link.get("rel") or "", link.get("href") or "") for link in tree.iter("link")] if tree is not None else []
    links += [(found["rel"], found["href"]) for header in headers for found in _LINK.finditer(header)]
    for rel, href in links:
        if "canonical" in rel.lower().split() and href:
            target = _absolute(url, href)
            path = urlsplit(target or "").path
            to_root = path in ("", "/") and not urlsplit(target or "").query and urlsplit(url).path not in ("", "/")
            return target if target and not to_root and not _is_translation(tree, url, target) else None
    return None


def _is_translation(tree: HtmlElement | None, url: str, target: str) -> bool:
    """Whether hreflang links name both URLs and give them unlike languages."""
    languages: dict[str, set[str]] = {}
    for link in tree.iter("link") if tree is not None else ():
        language = (link.get("hreflang") or "").strip().lower()
        if language not in ("", "x-default") and (named := _absolute(url, link.get("href") or "")):
            languages.setdefault(_page(named), set()).add(language)
    own, other = languages.get(_page(url), set()), languages.get(_page(target), set())
    return bool(own and other) and own.isdisjoint(other)


def _page(url: str) -> str:
    """The URL as far as it tells pages apart."""
    parts = urlsplit(url)
    return f"{parts.netloc.lower()}{parts.path or '/'}?{parts.query}"


def _absolute(base: str, href: str) -> str | None:
    try:
        target = urljoin(base, href.strip())
        return target if urlsplit(target).scheme in ("http", "https") else None
    except ValueError:
        return None
