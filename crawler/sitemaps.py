"""Sitemaps (sitemaps.org, with index files) and feeds (RSS, RDF, Atom): what a site says it has, and since when."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import lxml.etree

from crawler.archive import Response
from crawler.encodings import decoded
from crawler.errors import UndecodableBody
from crawler.links import absolute_url

MAX_ENTRIES = 50_000
_GZIP = b"\x1f\x8b"
_ROOTS = {"urlset": "url", "sitemapindex": "sitemap", "rss": "item", "RDF": "item", "feed": "entry"}
_ADDRESS_TAGS = ("loc", "link")
_DATE_TAGS = ("lastmod", "updated", "pubDate", "date", "published")


class Entry(NamedTuple):
    """One URL of a map, absolute; `modified` is an ISO 8601 UTC second, "" where the map says nothing usable."""

    url: str
    modified: str


class SiteMap(NamedTuple):
    """The entries, newest first, then as they stood; `nested` tells that they are maps themselves."""

    entries: list[Entry]
    nested: bool


def site_map(response: Response, max_bytes: int) -> SiteMap | None:
    """The sitemap or feed in a response, None where it is neither. Damaged XML gives what can be read of it.

    `.xml.gz` files are unfolded up to `max_bytes`.
    """
    body = response.body
    if body[:2] == _GZIP:
        try:
            body = decoded(body, "gzip", max_bytes)
        except UndecodableBody:
            return None
    if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return None
    root = _root(body)
    item = _ROOTS.get(_name(root)) if root is not None else None
    if root is None or item is None:
        return None
    entries = []
    for element in root.iter(f"{{*}}{item}"):
        if url := absolute_url(response.url, _address(element)):
            entries.append(Entry(url, _modified(element)))
        if len(entries) == MAX_ENTRIES:
            break
    return SiteMap(sorted(entries, key=lambda entry: entry.modified, reverse=True), nested=item == "sitemap")


def _root(body: bytes) -> lxml.etree._Element | None:
    # No entities and no network: a map is as little trusted as any page.
    parser = lxml.etree.XMLParser(resolve_entities=False, no_network=True, recover=True, remove_comments=True)
    try:
        return lxml.etree.fromstring(body, parser)
    except (lxml.etree.XMLSyntaxError, ValueError):
        return None


def _name(element: lxml.etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _address(element: lxml.etree._Element) -> str:
    for child in element:
        if _name(child) in _ADDRESS_TAGS and child.get("rel", "alternate") == "alternate":
            return (child.get("href") or child.text or "").strip()
    return ""


def _modified(element: lxml.etree._Element) -> str:
    by_tag = {_name(child): (child.text or "").strip() for child in element}
    return max((_utc_second(by_tag[tag]) for tag in _DATE_TAGS if tag in by_tag), default="")


def _utc_second(text: str) -> str:
    """A W3C date and time, or a date as in mail, as a UTC second; a day alone counts to its end."""
    try:
        moment = datetime.fromisoformat(text)
        if len(text) <= len("2026-01-01"):
            moment = moment.replace(hour=23, minute=59, second=59)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return ""
    try:
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:
        return ""
