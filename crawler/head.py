"""What a page says of itself in its head: title, language, canonical URL, whether it wants to be indexed."""

import re
from urllib.parse import urljoin, urlsplit

from lxml.html import HtmlElement

_OG_TITLE = ".//meta[@property='og:title']"
_SITE_NAME = re.compile(r"(.+)\s[|–—·•»«✩_-]+\s(.+)")
_WORD = re.compile(r"\w+")
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


def canonical_link(tree: HtmlElement, url: str) -> str | None:
    """The absolute http(s) URL of `<link rel=canonical>`, None where there is none to go by.

    A link from a page below to the root of its host is a mistake of the site's, not a statement.
    """
    for link in tree.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split() and link.get("href"):
            try:
                target = urljoin(url, link.get("href").strip())
                parts = urlsplit(target)
            except ValueError:
                return None
            to_root = parts.path in ("", "/") and not parts.query and urlsplit(url).path not in ("", "/")
            return target if parts.scheme in ("http", "https") and not to_root else None
    return None


def wants_no_index(tree: HtmlElement, robots_header: str | None) -> bool:
    """Whether a robots meta element or an X-Robots-Tag header says `noindex` or `none`."""
    rules = [meta.get("content") or "" for meta in tree.iter("meta") if (meta.get("name") or "").lower() == "robots"]
    # A header may name a crawler ("otherbot: noindex"); only rules for everyone count.
    rules += [rule for rule in (robots_header or "").split(",") if ":" not in rule]
    return any(word.strip().lower() in ("noindex", "none") for rule in rules for word in rule.split(","))
