"""The list of sources: what a URL matches, and which sources a request may search."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Self

from domain_lists.build import to_profile, to_source, to_suffix_source, to_user_pages
from domain_lists.errors import InvalidSourceList, InvalidUrl, UnknownProfile, UnknownSource
from domain_lists.matcher import Matcher
from domain_lists.records import Match, Profile, Source, fields_of
from domain_lists.tables import Tables, read_tables
from domain_lists.urls import parse_url
from domain_lists.user_pages import UserPages
from domain_lists.validator import check_tables

VERSION_HEX_DIGITS = 12
# Texts that nothing is decided by: to mend one must not make every snapshot look out of date.
_COMMENTARY = frozenset({"name", "description", "evidence", "notes"})


class SourceList:
    """All sources and profiles, ready to match. Immutable.

    `sources` is sorted by id; `version` is a short digest of everything that affects matches, scores and selections.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        profiles: Iterable[Profile],
        suffixes: Mapping[str, Source],
        denied: Collection[str],
        user_pages: UserPages | None = None,
    ) -> None:
        """Take checked records; `load` is the way in."""
        self.suffixes: Mapping[str, Source] = MappingProxyType(dict(suffixes))
        self.denied: frozenset[str] = frozenset(denied)
        self.user_pages: UserPages = user_pages or UserPages.none()
        self._by_id = {source.id: source for source in sorted(sources, key=lambda source: source.id)}
        self.sources: tuple[Source, ...] = tuple(self._by_id.values())
        self.profiles: Mapping[str, Profile] = MappingProxyType({profile.name: profile for profile in profiles})
        self.version: str = _digest(self)
        self._matcher = Matcher(self.sources, self.suffixes, self.denied, self.user_pages)

    @classmethod
    def load(cls, extra_files: Sequence[Path] = ()) -> Self:
        """The bundled list and extra files of the same columns as sources.csv; a later row replaces one of equal id.

        Raises InvalidSourceList naming every fault, when there is one.
        """
        tables = read_tables(extra_files)
        problems = check_tables(tables)
        if problems:
            raise InvalidSourceList(problems)
        return cls(
            sources=_merged(tables),
            profiles=map(to_profile, tables.profiles),
            suffixes={row.cells["suffix"]: to_suffix_source(row) for row in tables.suffixes},
            denied=frozenset(row.cells["host"] for row in tables.denied),
            user_pages=to_user_pages(tables),
        )

    def match(self, url: str) -> Match | None:
        """The source `url` belongs to, by the order of `Matcher`; None for anything else, invalid URLs included."""
        try:
            parts = parse_url(url)
        except InvalidUrl:
            return None
        return self._matcher.match(parts.host, parts.path)

    def listed(self, url: str) -> Source | None:
        """The listed source of `url`, also for subdomains.

        None where only a restricted suffix or nothing matches, and for pages that anyone may write.
        """
        match = self.match(url)
        return match.source if match is not None and match.rule in ("listed", "inherited") else None

    def admitted(self, url: str, profile: str) -> Source | None:
        """The source as which `url` counts under a profile, None where it does not.

        That is a listed source which the profile selects; or, for a host that no row covers, the stand-in of a
        restricted suffix (`suffix:gov.cn`) which the profile allows. Raises UnknownProfile.
        """
        chosen = self.profile(profile)
        match = self.match(url)
        if match is None or match.rule == "user-generated":
            return None
        if match.rule == "suffix":
            return match.source if match.source.id.removeprefix("suffix:") in chosen.suffixes else None
        return match.source if chosen.selects(match.source) else None

    def profile(self, name: str) -> Profile:
        """The profile with this name. Raises UnknownProfile."""
        try:
            return self.profiles[name]
        except KeyError:
            raise UnknownProfile(name, self.profiles.keys()) from None

    def get(self, source_id: str) -> Source:
        """The source with this id. Raises UnknownSource."""
        try:
            return self._by_id[source_id]
        except KeyError:
            raise UnknownSource(source_id, self._by_id.keys()) from None

    def select(
        self, profile: str | None = None, include: Iterable[str] = (), exclude: Iterable[str] = ()
    ) -> frozenset[str] | None:
        """Ids of the sources that may answer; None means all.

        Each argument only narrows: a source must be in the profile, if one is named, and in `include`, if that is not
        empty, and not in `exclude`. So the result may be empty. Ids stand for themselves: `worldbank.org` covers
        what is listed as that, not `blogs.worldbank.org`. Raises UnknownProfile and UnknownSource.
        """
        included = {self.get(source_id).id for source_id in include}
        excluded = {self.get(source_id).id for source_id in exclude}
        if profile is None and not included and not excluded:
            return None
        chosen = set(self._by_id) if profile is None else self._in_profile(profile)
        return frozenset((chosen & included if included else chosen) - excluded)

    def _in_profile(self, name: str) -> set[str]:
        profile = self.profile(name)
        return {source.id for source in self.sources if profile.selects(source)}


def _merged(tables: Tables) -> list[Source]:
    by_id = {row.cells["id"]: to_source(row) for rows in tables.sources for row in rows}
    return list(by_id.values())


def _digest(sources: SourceList) -> str:
    content = {
        "sources": [_decisive(source) for source in sources.sources],
        "profiles": {name: _decisive(profile) for name, profile in sources.profiles.items()},
        "suffixes": {suffix: _decisive(source) for suffix, source in sources.suffixes.items()},
        "denied": sorted(sources.denied),
        "user_pages": {pattern: [term.value, term.tier] for pattern, term in sources.user_pages.terms.items()},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:VERSION_HEX_DIGITS]


def _decisive(record: Source | Profile) -> dict[str, object]:
    return {key: value for key, value in fields_of(record).items() if key not in _COMMENTARY}
