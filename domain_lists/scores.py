"""How a score is made: a base for what the publisher is, plus and minus what is known of it, under the lowest cap."""

import re
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

Effect = Literal["base", "add", "cap"]
Support = Literal["review", "evidence", "note"]
Use = Literal["registry", "index", "code", "rating", "weak", "denied"]

MANY_LISTS = 3
HIGH_RATING, LOW_RATING = 0.80, 0.50
RATING_FAMILIES = 2
"""Ratings that fewer families of raters agree on are imputed or one outlet's opinion, and count for nothing."""


RATING = re.compile(r"(?P<value>[01]\.\d{3})/n(?P<families>[1-9])")
"""How an evidence token gives a rating: its value, and how many families of raters gave one."""

EVIDENCE_TERMS = frozenset({"registered", "signatory", "one-list", "three-lists", "rated-high", "rated-low"})
"""The terms that `evidence_terms` gives."""


class Term(NamedTuple):
    """A row of terms.csv.

    `tier` is the tier a base gives, or the best tier under a cap; None where the term leaves the tier alone. `support`
    is what a row must show for it: a reviewer's judgement, its evidence column, or a reason in its notes.
    """

    name: str
    effect: Effect
    value: float
    tier: int | None
    support: Support
    meaning: str


class Score(NamedTuple):
    """Tier from 1 to 4, and authority in [0, 1] to two decimals."""

    tier: int
    authority: float


class Override(NamedTuple):
    """A row of overrides.csv: a score that people decided on instead of the terms, and why."""

    score: Score
    reason: str
    reviewed: str


class ScoreRules(NamedTuple):
    """Everything scores are made of. `uses` says what each evidence token is good for; `overrides` is by source id."""

    terms: Mapping[str, Term]
    uses: Mapping[str, Use]
    overrides: Mapping[str, Override]

    def named(self, names: str) -> list[Term]:
        """The terms of a cell, parted by ";". Raises KeyError for one that is not in terms.csv."""
        return [self.terms[name] for name in names.split(";")]


def score(terms: Iterable[Term]) -> Score:
    """Base plus all additions, held in [0, 1] and under the lowest cap; the tier is the worst that a term allows.

    There must be exactly one base. Order does not matter. Raises ValueError.
    """
    terms = list(terms)
    (base,) = (term for term in terms if term.effect == "base")
    total = base.value + sum(term.value for term in terms if term.effect == "add")
    authority = min([max(total, 0.0), 1.0, *(term.value for term in terms if term.effect == "cap")])
    return Score(max(term.tier for term in terms if term.tier is not None), round(authority, 2))


def capped(given: Score, caps: Iterable[Term]) -> Score:
    """A score brought under further caps."""
    caps = list(caps)
    tier = max([given.tier, *(cap.tier for cap in caps if cap.tier is not None)])
    return Score(tier, min([given.authority, *(cap.value for cap in caps)]))


def evidence_terms(evidence: str, uses: Mapping[str, Use]) -> frozenset[str]:
    """The terms that follow from an evidence cell: `token` or `token:value`, parted by ";". Unknown tokens are weak."""
    pairs = [token.partition(":")[::2] for token in evidence.split(";") if token]
    found = {uses.get(token, "weak") for token, _ in pairs}
    lists = len({token for token, _ in pairs if uses.get(token) in ("index", "code", "rating")})
    ratings = _agreed([value for token, value in pairs if uses.get(token) == "rating"])
    chosen = {
        "registered": "registry" in found,
        "signatory": "code" in found,
        "one-list": 0 < lists < MANY_LISTS,
        "three-lists": lists >= MANY_LISTS,
        "rated-high": any(rating >= HIGH_RATING for rating in ratings),
        "rated-low": any(rating < LOW_RATING for rating in ratings),
    }
    return frozenset(name for name, holds in chosen.items() if holds)


def _agreed(values: Iterable[str]) -> list[float]:
    ratings = [found for value in values if (found := RATING.fullmatch(value))]
    return [float(found["value"]) for found in ratings if int(found["families"]) >= RATING_FAMILIES]
