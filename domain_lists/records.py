"""The records of the domain list: source, profile, match, problem."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from domain_lists.vocabulary import HINDRANCES

Rule = Literal["listed", "inherited", "suffix", "user-generated"]


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of the list.

    `id` is the listed domain, host, or host and path prefix exactly as it is matched (`nature.com`,
    `docs.oracle.com/javase`). `country` is ISO 3166 alpha-2, or EU or INT; `language` ISO 639-1, or "multi".
    `tier` runs from 1 (the body itself is the primary source) to 4 (general, user-generated); `authority`
    is in [0, 1]. `evidence` holds `token` or `token:value` parted by ";": who else names this source. `access`
    holds words parted by ";": what a crawler meets or finds there.
    """

    id: str
    name: str
    sector: str
    country: str
    language: str
    kind: str
    tier: int
    authority: float
    evidence: str
    notes: str
    access: str = ""

    @property
    def hindrances(self) -> list[str]:
        """The words of `access` that tell why little may be found there."""
        return [word for word in self.access.split(";") if word in HINDRANCES]

    @property
    def host(self) -> str:
        """The listed host, without the path prefix."""
        return self.id.partition("/")[0]

    @property
    def path_prefix(self) -> str:
        """The listed path, "" when the whole host is listed; otherwise it begins with "/"."""
        return self.id[len(self.host) :]


@dataclass(frozen=True, slots=True)
class Profile:
    """A named selection of sources.

    A source belongs to it when it meets every facet that is set (an empty tuple and None are not set), or when
    `sources` names it. A profile that sets no facet holds just the sources it names. `suffixes` are the restricted
    suffixes whose unlisted hosts it admits besides, with the suffix's score.
    """

    name: str
    description: str
    sectors: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    max_tier: int | None = None
    sources: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()

    def selects(self, source: Source) -> bool:
        """Whether `source` belongs to this profile."""
        return source.id in self.sources or (self._has_facet() and self._meets_facets(source))

    def _has_facet(self) -> bool:
        return bool(self.sectors or self.countries or self.languages or self.kinds or self.max_tier)

    def _meets_facets(self, source: Source) -> bool:
        return (
            (not self.sectors or source.sector in self.sectors)
            and (not self.countries or source.country in self.countries)
            and (not self.languages or source.language in self.languages)
            and (not self.kinds or source.kind in self.kinds)
            and (self.max_tier is None or source.tier <= self.max_tier)
        )


@dataclass(frozen=True, slots=True)
class Match:
    """Why a URL counts.

    `rule` is "listed" for the row's own host (with or without www.) and path prefix, "inherited" for a subdomain
    of a listed host, "suffix" when no row but a restricted suffix covers the host; the source is then made
    up from the suffix (`suffix:gov.cn`) and only rates, unless the suffix is allowed. "user-generated" is a page that
    anyone may write below a listed host or restricted suffix; `caps` names the terms that tier and authority were
    brought under, and it cannot be searched either.
    """

    source: Source
    rule: Rule
    caps: tuple[str, ...] = ()


def fields_of(record: Source | Profile) -> dict[str, object]:
    """The fields by name. They hold nothing that can change, so nothing is copied as `dataclasses.asdict` would."""
    return {field: getattr(record, field) for field in type(record).__slots__}


class Problem(NamedTuple):
    """One fault of a data file; `line` counts from 1 and is 0 when the whole file is meant."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}"
