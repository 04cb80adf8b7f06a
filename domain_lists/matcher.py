"""Which source a canonical host and path belong to. Labels are compared whole and from the right."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from domain_lists.public_suffix import host_parts
from domain_lists.records import Match, Source
from domain_lists.scores import Score, Term, capped
from domain_lists.user_pages import UserPages, parents

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
    Pages that anyone may write get the rule "user-generated" and the cap for them, unless a row spells them out.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        suffixes: Mapping[str, Source],
        denied: Collection[str],
        user_pages: UserPages,
    ) -> None:
        """`suffixes` maps a restricted suffix to the source that stands for it."""
        self._by_host: dict[str, list[Source]] = defaultdict(list)
        for source in sources:
            self._by_host[source.host].append(source)
        for rows in self._by_host.values():
            rows.sort(key=lambda source: len(source.path_prefix), reverse=True)
        self._suffixes = suffixes
        self._denied = denied
        self._user_pages = user_pages
        # Pages link to the same few hosts over and over.
        self._candidates = lru_cache(maxsize=HOST_CACHE_SIZE)(self._find_candidates)

    def match(self, host: str, path: str) -> Match | None:
        """The match of a canonical host and path (see `urls.parse_url`), None when nothing covers them."""
        for candidate in self._candidates(host):
            if candidate.covers(path):
                return _under(candidate.match, self._user_pages.of_path(path, candidate.path_prefix))
        return None

    def _find_candidates(self, host: str) -> tuple[_Candidate, ...]:
        name = host.removeprefix("www.")
        if any(parent in self._denied for parent in parents(name)):
            return ()
        own = [_Candidate(source.path_prefix, Match(source, "listed")) for source in self._by_host.get(name, ())]
        return (*own, *self._inherited(name), *self._by_suffix(name))

    def _judged(self, match: Match, name: str, spelt: str) -> _Candidate:
        return _Candidate("", _under(match, self._user_pages.of_host(name, spelt)))

    def _inherited(self, name: str) -> Iterator[_Candidate]:
        registrable = host_parts(name).registrable
        for parent in parents(name):
            if not registrable or len(parent) < len(registrable):
                return
            if parent != name:
                for source in self._by_host.get(parent, ()):
                    if not source.path_prefix:
                        yield self._judged(Match(source, "inherited"), name, parent)

    def _by_suffix(self, name: str) -> Iterator[_Candidate]:
        for parent in parents(name):
            if parent in self._suffixes:
                yield self._judged(Match(self._suffixes[parent], "suffix"), name, parent)
                return


def _under(match: Match, caps: tuple[Term, ...]) -> Match:
    if not caps:
        return match
    tier, authority = capped(Score(match.source.tier, match.source.authority), caps)
    source = replace(match.source, tier=tier, authority=authority)
    return Match(source, "user-generated", (*match.caps, *(cap.name for cap in caps)))
