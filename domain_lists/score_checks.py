"""What can be wrong with the score of a row that is sound otherwise. Every function yields messages."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from domain_lists.scores import RATING, Score, ScoreRules, Term, Use, evidence_terms, score
from domain_lists.user_pages import UserPages

_GRADES = re.compile(r"[a-z][a-z0-9-]*:[a-z-]+(;[a-z][a-z0-9-]*:[a-z-]+)*")


def check_evidence(evidence: str, uses: Mapping[str, Use]) -> Iterator[str]:
    """Faults of an evidence cell: lists nobody documented, or whose licence keeps them out of the file."""
    for item in filter(None, evidence.split(";")):
        token, _, value = item.partition(":")
        if token not in uses:
            yield f"evidence {token!r} is not in evidence.csv"
        elif uses[token] == "denied":
            yield f"evidence {token!r} may stand in denied.csv alone"
        elif uses[token] == "rating" and not RATING.fullmatch(value):
            yield f"evidence {item!r}: a rating is written {token}:0.812/n3, value and families of raters"


def check_grades(reason: str, uses: Mapping[str, Use]) -> Iterator[str]:
    """Faults of a reason in denied.csv that names lists; plain words pass."""
    if _GRADES.fullmatch(reason):
        for token in (grade.partition(":")[0] for grade in reason.split(";")):
            if token not in uses:
                yield f"{token!r} is not in evidence.csv"


def check_terms(cells: Mapping[str, str], rules: ScoreRules) -> Iterator[str]:
    """Faults of the terms of a source or suffix row: which they are, what supports them, whether the score follows."""
    names = cells["terms"].split(";")
    unknown = [name for name in names if name not in rules.terms]
    if unknown:
        yield f"terms: {', '.join(map(repr, unknown))} not in terms.csv"
        return
    terms = rules.named(cells["terms"])
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        yield f"terms: {', '.join(twice)} named twice"
    yield from _check_support(cells, terms, rules)
    bases = [term.name for term in terms if term.effect == "base"]
    if len(bases) != 1:
        yield f"terms: there must be one base, and there are {len(bases)}"
    else:
        yield from _check_follows(cells, score(terms), rules)


def check_user_pages(cells: Mapping[str, str], rules: ScoreRules, user_pages: UserPages) -> Iterator[str]:
    """Whether a row of pages that anyone may write is under the cap for them, or was lifted by an override."""
    host, slash, path = cells["id"].partition("/")
    if cells["id"] in rules.overrides:
        return
    for cap in (*user_pages.of_host(host), *user_pages.of_path(slash + path)):
        if float(cells["authority"]) > cap.value or int(cells["tier"]) < (cap.tier or 1):
            yield f"{cells['id']!r} is {cap.name} by user_generated.csv: give it that term, or an override"


def _check_support(cells: Mapping[str, str], terms: Collection[Term], rules: ScoreRules) -> Iterator[str]:
    stated = {term.name for term in terms if term.support == "evidence"}
    due = evidence_terms(cells["evidence"], rules.uses)
    changes = [f"add {name}" for name in sorted(due - stated)] + [f"drop {name}" for name in sorted(stated - due)]
    if changes:
        yield f"terms do not follow from the evidence: {', '.join(changes)}"
    for term in terms:
        if term.support == "note" and not cells["notes"]:
            yield f"term {term.name!r} needs its reason in notes"


def _check_follows(cells: Mapping[str, str], by_terms: Score, rules: ScoreRules) -> Iterator[str]:
    override = rules.overrides.get(cells["id"])
    if override and override.score == by_terms:
        yield "overrides.csv gives the score that the terms give; leave the override out"
    wanted, origin = (override.score, "overrides.csv gives") if override else (by_terms, "the terms give")
    if Score(int(cells["tier"]), float(cells["authority"])) != wanted:
        yield (
            f"tier {cells['tier']} and authority {cells['authority']} do not follow: "
            f"{origin} tier {wanted.tier} and authority {wanted.authority:.2f}"
        )
