"""Which source a canonical host and path belong to. Labels are compared whole and from the right."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from domain_lists.public_suffix import host_parts
from domain_lists.records import PERSONAL_PAGE_CAP, Match, Source

HOST_CACHE_SIZE = 65_536


class _Candidate(NamedTuple):
    path_prefix: str
    match: Match

    def covers(self, path: str) -> bool:
        return path == self.path_prefix or path.startswith(f"{self.path_prefix}/")


class Matcher:
    """Finds the source of a host and path.

    Order: a denied host, or one below it, matches nothing; then the longest listed host wins, on it the longest path
    prefix; then the longest restricted suffix. A row with a path prefix covers its own host only, not subdomains.
    Trust is inherited within one registrable domain, so a listed public suffix covers its apex and www. alone.
    """

    def __init__(self, sources: Iterable[Source], suffixes: Mapping[str, Source], denied: Collection[str]) -> None:
        """`suffixes` maps a restricted suffix to the source that stands for it."""
        self._by_host: dict[str, list[Source]] = defaultdict(list)
        for source in sources:
            self._by_host[source.host].append(source)
        for rows in self._by_host.values():
            rows.sort(key=lambda source: len(source.path_prefix), reverse=True)
        self._suffixes = suffixes
        self._denied = denied
        # Pages link to the same few hosts over and over.
        self._candidates = lru_cache(maxsize=HOST_CACHE_SIZE)(self._find_candidates)

    def match(self, host: str, path: str) -> Match | None:
        """The match of a canonical host and path (see `urls.parse_url`), None when nothing covers them."""
        for candidate in self._candidates(host):
            if candidate.covers(path):
                return _personal(candidate.match) if "/~" in path else candidate.match
        return None

    def _find_candidates(self, host: str) -> tuple[_Candidate, ...]:
        name = host.removeprefix("www.")
        if any(parent in self._denied for parent in parents(name)):
            return ()
        own = [_Candidate(source.path_prefix, Match(source, "listed")) for source in self._by_host.get(name, ())]
        return (*own, *self._inherited(name), *self._by_suffix(name))

    def _inherited(self, name: str) -> Iterator[_Candidate]:
        registrable = host_parts(name).registrable
        for parent in parents(name):
            if not registrable or len(parent) < len(registrable):
                return
            if parent != name:
                for source in self._by_host.get(parent, ()):
                    if not source.path_prefix:
                        yield _Candidate("", Match(source, "inherited"))

    def _by_suffix(self, name: str) -> Iterator[_Candidate]:
        for parent in parents(name):
            if parent in self._suffixes:
                yield _Candidate("", Match(self._suffixes[parent], "suffix"))
                return


def parents(host: str) -> Iterator[str]:
    """The host itself, then what remains as labels are taken from the left: a.b.c, b.c, c."""
    while host:
        yield host
        host = host.partition(".")[2]


def _personal(match: Match) -> Match:
    # People write these pages, not the institution whose suffix they stand under.
    if match.rule != "suffix":
        return match
    return Match(replace(match.source, authority=min(match.source.authority, PERSONAL_PAGE_CAP)), "suffix")
