"""When a page was published and modified, from explicit evidence only.

Nothing is guessed from the text, the URL or a copyright line. Evidence that contradicts itself (two articles
with different dates on one page) and dates that cannot be are no evidence. A day without a time zone stays a day.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from lxml.html import HtmlElement

from index.records import Dated

_PUBLISHED_METAS = (
    "article:published_time", "citation_publication_date", "citation_online_date", "citation_date", "dcterms.issued",
    "dc.date.issued", "dcterms.created", "dc.date.created", "dc.date", "dcterms.date", "datepublished", "pubdate",
    "publishdate", "parsely-pub-date",
)  # fmt: skip
_MODIFIED_METAS = (
    "article:modified_time", "og:updated_time", "dcterms.modified", "dc.date.modified", "datemodified",
    "last-modified",
)  # fmt: skip

_DAY = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?=$|[T\s])|(\d{4})(\d{2})(\d{2})$")
_PDF_DATE = re.compile(r"(?:D:)?(\d{4})(\d{2})(\d{2})")
_FIRST_PUBLISHED = date(1600, 1, 1)
_FIRST_MODIFIED = date(1990, 1, 1)
_EMPTY_FIELDS = frozenset(("1970-01-01", "1900-01-01"))  # what unset fields of databases say
_NOW = timedelta(minutes=1)
_ARTICLE_TYPES = re.compile(r"(?:Article|Posting|Report|Legislation|Dataset|Book|Guideline|Review|Thesis)$")


def published_date(tree: HtmlElement, crawled: str) -> Dated | None:
    """The publication date a page states, or None. `crawled` is ISO 8601; nothing is published later."""
    evidence = [*_metas(tree, _PUBLISHED_METAS), *_json_ld(tree, "datePublished"), *_marked_up(tree, "datePublished")]
    evidence += _one_value("time:pubdate", [_value(time) for time in tree.iterfind(".//time[@pubdate]")])
    return _first_plausible(evidence, _FIRST_PUBLISHED, crawled)


def modified_date(tree: HtmlElement, last_modified: str | None, served: str | None, crawled: str) -> Dated | None:
    """When a page says it was last modified, else its Last-Modified header; None where neither says so.

    `last_modified` and `served` are the headers Last-Modified and Date. Many servers stamp a page that they have
    just made with the present time: a Last-Modified within a minute of the response says nothing.
    """
    evidence = [*_metas(tree, _MODIFIED_METAS), *_json_ld(tree, "dateModified"), *_marked_up(tree, "dateModified")]
    return _first_plausible(evidence, _FIRST_MODIFIED, crawled) or _served_date(last_modified, served, crawled)


def modified_date_of_pdf(stated: str, last_modified: str | None, served: str | None, crawled: str) -> Dated | None:
    """The ModDate of a PDF (ISO 32000-1, 7.9.4), else its Last-Modified header as with pages."""
    found = _PDF_DATE.match(stated.strip())
    evidence = [("pdf:moddate", "-".join(found.groups()))] if found else []
    return _first_plausible(evidence, _FIRST_MODIFIED, crawled) or _served_date(last_modified, served, crawled)


def _served_date(last_modified: str | None, served: str | None, crawled: str) -> Dated | None:
    moment = _http_moment(last_modified)
    if moment is None:
        return None
    answered = _http_moment(served) or datetime.fromisoformat(crawled)
    if abs(answered - moment) <= _NOW:
        return None
    return _first_plausible([("http:last-modified", moment.isoformat())], _FIRST_MODIFIED, crawled)


def iso_date(text: str) -> str | None:
    """`text` as a day or, if it has a time with its zone, a UTC second. None for months, years and free text."""
    text = text.strip()
    found = _DAY.match(text)
    if not found:
        return None
    try:
        day = date(int(found[1] or found[5]), int(found[3] or found[6]), int(found[4] or found[7])).isoformat()
    except ValueError:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment.tzinfo else day
    except (ValueError, OverflowError):
        return day


def _first_plausible(evidence: Iterable[tuple[str, str]], first: date, crawled: str) -> Dated | None:
    last = (datetime.fromisoformat(crawled) + timedelta(days=1)).date().isoformat()
    for origin, text in evidence:
        value = iso_date(text)
        if value and first.isoformat() <= value[:10] <= last and value[:10] not in _EMPTY_FIELDS:
            return Dated(value, origin)
    return None


def _http_moment(header: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _metas(tree: HtmlElement, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    found: dict[str, str] = {}
    for meta in tree.iter("meta"):
        name = meta.get("property") or meta.get("name") or meta.get("itemprop") or meta.get("http-equiv") or ""
        found.setdefault(name.strip().lower(), meta.get("content") or "")
    return ((f"meta:{name}", found[name]) for name in names if name in found)


def _marked_up(tree: HtmlElement, name: str) -> list[tuple[str, str]]:
    return _one_value(f"microdata:{name}", [_value(element) for element in tree.iterfind(f".//*[@itemprop='{name}']")])


def _value(element: HtmlElement) -> str:
    return str(element.get("datetime") or element.get("content") or element.text or "").strip()


def _json_ld(tree: HtmlElement, key: str) -> list[tuple[str, str]]:
    """The values of articles, or else of whatever the page describes at the top level."""
    nodes = [node for script in tree.iterfind(".//script[@type='application/ld+json']") for node in _nodes(script.text)]
    articles = [node for node in nodes if any(_ARTICLE_TYPES.search(kind) for kind in _types(node))]
    evidence = []
    for group in (articles, nodes):
        evidence += _one_value(f"json-ld:{key}", [node[key] for node in group if isinstance(node.get(key), str)])
    return evidence


def _nodes(text: str | None) -> list[dict[str, Any]]:
    try:
        content = json.loads(text or "", strict=False)
    except (ValueError, RecursionError):
        return []
    nodes = []
    for node in content if isinstance(content, list) else [content]:
        if isinstance(node, dict):
            graph = node.get("@graph")
            nodes += [node, *(graph if isinstance(graph, list) else [])]
    return [node for node in nodes if isinstance(node, dict)]


def _types(node: dict[str, Any]) -> list[str]:
    types = node.get("@type")
    return [kind for kind in (types if isinstance(types, list) else [types]) if isinstance(kind, str)]


def _one_value(origin: str, values: Iterable[str]) -> list[tuple[str, str]]:
    """The value, if all elements agree on the day: a page that lists articles has no date of its own."""
    by_day = {(iso_date(value) or "")[:10]: value for value in values}
    by_day.pop("", None)
    return [(origin, value) for value in by_day.values()] if len(by_day) == 1 else []
