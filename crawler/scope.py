"""Which URLs a run may fetch: pure decisions, each refusal with a short reason that is counted in the report."""

from collections import Counter
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

from crawler.addresses import is_public, literal_address
from domain_lists.errors import InvalidUrl
from domain_lists.records import Source
from domain_lists.source_list import SourceList
from domain_lists.urls import canonical_url, host_of

MAX_URL_CHARACTERS = 2000
MAX_SAME_SEGMENT = 3

UNREADABLE = frozenset(
    """
    .7z .aac .apk .avi .avif .bin .bmp .bz2 .css .csv .deb .dmg .doc .docx .eot .eps .epub .exe .flac .flv .gif .gz
    .ico .ics .iso .jar .jpeg .jpg .js .json .m4a .m4v .mid .mjs .mkv .mobi .mov .mp3 .mp4 .mpeg .mpg .msi .odp .ods
    .odt .ogg .ogv .otf .pkg .png .ppt .pptx .ps .psd .rar .rdf .rpm .rss .rtf .svg .swf .tar .tbz2 .tgz .tif
    .tiff .ttf .wasm .wav .webm .webp .whl .wma .wmv .woff .woff2 .xls .xlsx .xml .xz .zip .zst
    """.split()  # noqa: SIM905  # nobody reads a list of 84 strings
)


class Decision(NamedTuple):
    """Whether a URL may be fetched. `url` is canonical; `reason` is "" and `source` set where it may."""

    allowed: bool
    reason: str
    url: str = ""
    source: str = ""


class Scope:
    """The URLs of the chosen sources. Decides by the URL alone; robots.txt and DNS are judged when it is fetched."""

    def __init__(self, source_list: SourceList, sources: Collection[str], allow_private_addresses: bool) -> None:
        self._source_list = source_list
        self._sources = frozenset(sources)
        self._allow_private = allow_private_addresses

    def decide(self, url: str, any_type: bool = False) -> Decision:
        """Whether `url`, absolute and in any spelling, may be fetched; `any_type` for what need not be a page."""
        try:
            canonical = canonical_url(url)
        except InvalidUrl:
            return Decision(False, "not a web address")
        if len(canonical) > MAX_URL_CHARACTERS:
            return Decision(False, "too long")
        source = self._source_list.listed(canonical)
        if source is None:
            return Decision(False, "not listed")
        if source.id not in self._sources:
            return Decision(False, "other source")
        if not self._allow_private and _is_private(host_of(canonical)):
            return Decision(False, "private address")
        path = urlsplit(canonical).path
        if not any_type and PurePosixPath(path).suffix.lower() in UNREADABLE:
            return Decision(False, "file type")
        if _repeats(path):
            return Decision(False, "repeated path")
        return Decision(True, "", canonical, source.id)


def default_start(source_id: str) -> str:
    """Where the crawl of a source begins: the root of its host, or its path prefix."""
    return f"https://{source_id}" if "/" in source_id else f"https://{source_id}/"


def starts_of(source: Source) -> list[str]:
    """Where the crawl of a source begins: its default start, and its sitemap where the list knows that it has one."""
    sitemap = [f"https://{source.host}/sitemap.xml"] if "sitemap" in source.access.split(";") else []
    return [default_start(source.id), *sitemap]


def _is_private(host: str) -> bool:
    address = literal_address(host)
    return address is not None and not is_public(address)


def _repeats(path: str) -> bool:
    """Whether the path looks like relative links that pile up: /a/b/a/b/a/b/a/b."""
    segments = [segment for segment in path.split("/") if segment]
    return any(count > MAX_SAME_SEGMENT for count in Counter(segments).values())
