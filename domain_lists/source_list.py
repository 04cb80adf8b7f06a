"""The list of sources: what a URL matches, and which sources a request may search."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Self

from domain_lists.build import to_profile, to_source, to_suffix_source, to_user_pages
from domain_lists.errors import InvalidSourceList, InvalidUrl, UnknownProfile, UnknownSource
from domain_lists.matcher import Matcher
from domain_lists.records import Match, Problem, Profile, Source, fields_of
from domain_lists.tables import Tables, read_tables
from domain_lists.urls import parse_url
from domain_lists.user_pages import UserPages
from domain_lists.validator import check_tables

VERSION_HEX_DIGITS = 12
# Texts that nothing is decided by: to mend one must not make every snapshot look out of date.
_COMMENTARY = frozenset({"name", "description", "evidence", "notes", "access"})


class SourceList:
    """All sources and profiles, ready to match. Immutable.

    `sources` is sorted by id; `version` is a short digest of everything that affects matches, scores and selections.
    Under `allowed_suffixes` a host that no row covers is a source too, with the score of the suffix.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        profiles: Iterable[Profile],
        suffixes: Mapping[str, Source],
        denied: Collection[str],
        user_pages: UserPages | None = None,
        allowed_suffixes: Iterable[str] = (),
    ) -> None:
        """Take checked records; `load` is the way in."""
        self.allowed_suffixes: frozenset[str] = frozenset(allowed_suffixes)
        self.suffixes: Mapping[str, Source] = MappingProxyType(dict(suffixes))
        self.denied: frozenset[str] = frozenset(denied)
        self.user_pages: UserPages = user_pages or UserPages.none()
        self._by_id = {source.id: source for source in sorted(sources, key=lambda source: source.id)}
        self.sources: tuple[Source, ...] = tuple(self._by_id.values())
        self.profiles: Mapping[str, Profile] = MappingProxyType({profile.name: profile for profile in profiles})
        self.version: str = _digest(self)
        self._matcher = Matcher(self.sources, self.suffixes, self.denied, self.user_pages)

    @classmethod
    def load(cls, extra_files: Sequence[Path] = (), allowed_suffixes: Iterable[str] = ()) -> Self:
        """The bundled list and extra files of the same columns as sources.csv; a later row replaces one of equal id.

        Raises InvalidSourceList naming every fault, when there is one.
        """
        tables = read_tables(extra_files)
        allowed = frozenset(allowed_suffixes)
        unknown = sorted(allowed - {row.cells["suffix"] for row in tables.suffixes})
        problems = check_tables(tables) + [
            Problem("source_suffixes", 0, f"{one!r} is not in suffixes.csv") for one in unknown
        ]
        if problems:
            raise InvalidSourceList(problems)
        return cls(
            sources=_merged(tables),
            profiles=map(to_profile, tables.profiles),
            suffixes={row.cells["suffix"]: to_suffix_source(row) for row in tables.suffixes},
            denied=frozenset(row.cells["host"] for row in tables.denied),
            user_pages=to_user_pages(tables),
            allowed_suffixes=allowed,
        )

    def match(self, url: str) -> Match | None:
        """The source `url` belongs to, by the order of `Matcher`; None for anything else, invalid URLs included."""
        try:
            parts = parse_url(url)
        except InvalidUrl:
            return None
        return self._matcher.match(parts.host, parts.path)

    def listed(self, url: str) -> Source | None:
        """The source as which `url` may be fetched and searched: a listed one, also for subdomains.

        A host that only a restricted suffix covers is one where that suffix is allowed: `moa.gov.cn` under `gov.cn`,
        one label below the suffix. None for anything else, and for pages that anyone may write.
        """
        match = self.match(url)
        if match is None or match.rule == "user-generated":
            return None
        if match.rule != "suffix":
            return match.source
        return self._under_suffix(parse_url(url).host, match.source) if self.allowed_suffixes else None

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

    def find(self, source_id: str) -> Source | None:
        """The source with this id, listed or under an allowed suffix; None where there is none."""
        if source := self._by_id.get(source_id):
            return source
        unlisted = self.listed(f"https://{source_id}/") if self.allowed_suffixes else None
        return unlisted if unlisted and unlisted.id == source_id else None

    def get(self, source_id: str) -> Source:
        """The source with this id. Raises UnknownSource."""
        if source := self.find(source_id):
            return source
        raise UnknownSource(source_id, self._by_id.keys())

    def select(
        self,
        profile: str | None = None,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        present: Iterable[str] = (),
    ) -> frozenset[str] | None:
        """Ids of the sources that may answer; None means all.

        Each argument only narrows: a source must be in the profile, if one is named, and in `include`, if that is not
        empty, and not in `exclude`. So the result may be empty. Ids stand for themselves: `worldbank.org` covers
        what is listed as that, not `blogs.worldbank.org`. `present` are ids to choose from besides: those that are not
        listed but under an allowed suffix, which a profile must allow too. Raises UnknownProfile and UnknownSource.
        """
        included = {self.get(source_id).id for source_id in include}
        excluded = {self.get(source_id).id for source_id in exclude}
        if profile is None and not included and not excluded:
            return None
        unlisted = [source for one in present if one not in self._by_id and (source := self.find(one))]
        chosen = self._chosen(None if profile is None else self.profile(profile), unlisted)
        return frozenset((chosen & included if included else chosen) - excluded)

    def _chosen(self, profile: Profile | None, unlisted: Iterable[Source]) -> set[str]:
        if profile is None:
            return {source.id for source in (*self.sources, *unlisted)}
        allowed = {self.suffixes[suffix].evidence for suffix in profile.suffixes if suffix in self.suffixes}
        by_suffix = {source.id for source in unlisted if source.evidence in allowed}
        return by_suffix | {source.id for source in self.sources if profile.selects(source)}

    def _under_suffix(self, host: str, stand_in: Source) -> Source | None:
        """The source that a host is which only a suffix covers; None where the suffix is not allowed."""
        suffix = stand_in.id.removeprefix("suffix:")
        if suffix not in self.allowed_suffixes:
            return None
        name = host.removeprefix("www.")
        owner = ".".join(name.split(".")[-suffix.count(".") - 2 :])
        # A row need not cover all below its host, as one with a path does not.
        source_id = name if owner in self._by_id else owner
        return replace(stand_in, id=source_id, name=f"{source_id} ({stand_in.name})")


def _merged(tables: Tables) -> list[Source]:
    by_id = {row.cells["id"]: to_source(row) for rows in tables.sources for row in rows}
    return list(by_id.values())


def _digest(sources: SourceList) -> str:
    content = {
        "sources": [_decisive(source) for source in sources.sources],
        "profiles": {name: _decisive(profile) for name, profile in sources.profiles.items()},
        "suffixes": {suffix: _decisive(source) for suffix, source in sources.suffixes.items()},
        "denied": sorted(sources.denied),
        "allowed_suffixes": sorted(sources.allowed_suffixes),
        "user_pages": {pattern: [term.value, term.tier] for pattern, term in sources.user_pages.terms.items()},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:VERSION_HEX_DIGITS]


def _decisive(record: Source | Profile) -> dict[str, object]:
    return {key: value for key, value in fields_of(record).items() if key not in _COMMENTARY}
