"""What can be wrong with the files that scores are made of. Every function yields messages about one row."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import get_args

from domain_lists.row_checks import check_choice, check_date, check_host, check_score_cells, to_number
from domain_lists.scores import EVIDENCE_TERMS, Effect, Support, Use
from domain_lists.vocabulary import TIERS

SHIPPABLE = frozenset(
    {"Apache-2.0", "CC0", "MIT", "PDDL", "US government work", "facts", "free reuse with citation"}
)  # fmt: skip
SHARE_ALIKE = frozenset({"CC BY-SA 4.0"})
"""Licences that bind the file the facts stand in; only denied.csv is under one."""

_FACETS = ("country", "kind", "language", "list", "sector", "tier")
_LABEL = re.compile(r"[a-z0-9-]+\.\*")
_WORD = re.compile(r"[a-z][a-z0-9-]*")


def check_term(cells: Mapping[str, str]) -> Iterator[str]:
    """Faults of a row of terms.csv."""
    name, effect, tier = cells["term"], cells["effect"], cells["tier"]
    lowest = -1 if effect == "add" else 0
    yield from _check_name("term", name)
    yield from check_choice("effect", effect, get_args(Effect))
    yield from check_choice("support", cells["support"], get_args(Support))
    if not lowest <= to_number(cells["value"]) <= 1:
        yield f"value {cells['value']!r} is not a number from {lowest} to 1"
    if effect == "add" and tier:
        yield f"tier {tier!r}: an addition leaves the tier alone"
    elif effect != "add" and tier not in (TIERS if effect == "base" else {*TIERS, ""}):
        yield f"tier {tier!r} is not a number from 1 to 4"
    if (cells["support"] == "evidence") != (name in EVIDENCE_TERMS):
        yield f"support {cells['support']!r}: the evidence gives {', '.join(sorted(EVIDENCE_TERMS))}, and no other term"
    yield from _check_filled("meaning", cells)


def check_evidence_list(cells: Mapping[str, str]) -> Iterator[str]:
    """Faults of a row of evidence.csv: above all, whether its licence lets the facts ship."""
    yield from _check_name("token", cells["token"])
    yield from _check_filled("list", cells)
    yield from check_choice("use", cells["use"], get_args(Use))
    yield from check_choice("licence", cells["licence"], SHIPPABLE | SHARE_ALIKE)
    if cells["licence"] in SHARE_ALIKE and cells["use"] != "denied":
        yield f"licence {cells['licence']!r} binds the whole file: only denied.csv may hold such facts (use 'denied')"
    if cells["address"] and not cells["address"].startswith("https://"):
        yield f"address {cells['address']!r} does not begin with https://"


def check_override(cells: Mapping[str, str]) -> Iterator[str]:
    """Faults of a row of overrides.csv."""
    yield from check_score_cells(cells)
    yield from check_date("reviewed", cells["reviewed"])
    yield from _check_filled("reason", cells)


def check_pattern(cells: Mapping[str, str], caps: Collection[str]) -> Iterator[str]:
    """Faults of a row of user_generated.csv; `caps` are the names of the caps."""
    pattern = cells["pattern"]
    if "*" in pattern:
        if not _LABEL.fullmatch(pattern):
            yield f"pattern {pattern!r}: a label is written as in 'blogs.*'"
    elif not pattern.startswith("/"):
        yield from check_host(pattern)
    if cells["term"] not in caps:
        yield f"term {cells['term']!r} is not a cap of terms.csv"
    yield from _check_filled("reason", cells)


def check_quota(cells: Mapping[str, str]) -> Iterator[str]:
    """Faults of a row of quotas.csv."""
    yield from check_choice("facet", cells["facet"], _FACETS)
    if cells["least"] and not cells["least"].isdecimal():
        yield f"least {cells['least']!r} is not a whole number"
    if cells["most_percent"] and not 0 <= to_number(cells["most_percent"]) <= 100:
        yield f"most_percent {cells['most_percent']!r} is not a number from 0 to 100"
    if not cells["least"] and not cells["most_percent"]:
        yield "neither least nor most_percent is set"


def _check_name(column: str, name: str) -> Iterator[str]:
    if not _WORD.fullmatch(name):
        yield f"{column} {name!r} is not lower case letters, digits and hyphens"


def _check_filled(column: str, cells: Mapping[str, str]) -> Iterator[str]:
    if not cells[column]:
        yield f"{column} is empty"
