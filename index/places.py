"""Where the pages of a domain lie: URLs are sorted, so the pages of one host, or of one path on it, are neighbours.

A domain is found by bisection and by its labels, whole and from the right. Nothing is stored for it.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlsplit

from domain_lists.urls import parse_url
from domain_lists.user_pages import parents


class Domain(NamedTuple):
    """A host with all hosts below it; with `path`, what lies under that path on the host itself, www. or not.

    `port` None means any, `path` "" the whole host. A host that begins with www. stands for the site with and
    without it, not for what else lies below.
    """

    host: str
    port: int | None
    path: str


class _Origin(NamedTuple):
    """The pages from `first` to `last`, exclusive, whose URLs begin with `prefix`: scheme, host, port, no slash."""

    prefix: str
    host: str
    port: int | None
    first: int
    last: int


def parse_domain(text: str) -> Domain:
    """A domain from `who.int`, `*.who.int`, `who.int/data` or a URL without a query. Raises InvalidUrl."""
    name = text.strip()
    parts = parse_url(name if "://" in name else f"https://{name.removeprefix('*').removeprefix('.')}")
    return Domain(parts.host, parts.port, parts.path.rstrip("/"))


class Places:
    """Finds the pages of a domain among sorted canonical `urls`."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls

    def pages(self, domain: Domain) -> Iterator[tuple[int, int]]:
        """Ranges of page numbers, each end exclusive; none where no page lies there."""
        for origin in self._origins_of(domain):
            if domain.port not in (None, origin.port):
                continue
            if domain.path:
                yield from self._under(origin.prefix + domain.path)
            else:
                yield origin.first, origin.last

    def _origins_of(self, domain: Domain) -> Iterator[_Origin]:
        site = domain.host.removeprefix("www.")
        if domain.path or site != domain.host:
            yield from self._by_host.get(site, ())
            yield from self._by_host.get(f"www.{site}", ())
        else:
            yield from self._below.get(domain.host, ())

    def _under(self, prefix: str) -> Iterator[tuple[int, int]]:
        """The page at `prefix` itself, with any query, and what lies below it; `/data` does not cover `/database`."""
        at = self._at(prefix)
        if at < len(self._urls) and self._urls[at] == prefix:
            yield at, at + 1
        for mark in "/?":
            yield self._at(prefix + mark), self._at(prefix + chr(ord(mark) + 1))

    @cached_property
    def _by_host(self) -> dict[str, list[_Origin]]:
        return _grouped((origin.host, origin) for origin in self._origins)

    @cached_property
    def _below(self) -> dict[str, list[_Origin]]:
        """The origins of a host and of all hosts below it."""
        return _grouped((parent, origin) for origin in self._origins for parent in parents(origin.host))

    @cached_property
    def _origins(self) -> list[_Origin]:
        """All origins, found when the first domain is asked for: some twenty URLs are read for each."""
        return list(self._found_origins())

    def _found_origins(self) -> Iterator[_Origin]:
        first = 0
        while first < len(self._urls):
            parts = urlsplit(self._urls[first])
            prefix = f"{parts.scheme}://{parts.netloc}"
            last = self._at(f"{prefix}{chr(ord('/') + 1)}")
            host = parts.netloc if parts.port is None else parts.netloc.rpartition(":")[0]
            yield _Origin(prefix, host, parts.port, first, last)
            first = last

    def _at(self, url: str) -> int:
        return bisect_left(self._urls, url)


def _grouped(named: Iterable[tuple[str, _Origin]]) -> dict[str, list[_Origin]]:
    groups: dict[str, list[_Origin]] = defaultdict(list)
    for name, origin in named:
        groups[name].append(origin)
    return groups
