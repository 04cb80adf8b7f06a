"""Turns rows into records. The rows have passed the validator."""

from typing import Any, cast

from domain_lists.records import Profile, Source
from domain_lists.scores import Override, Score, ScoreRules, Term
from domain_lists.tables import REVIEW_COLUMNS, ProfileTable, Row, Tables
from domain_lists.user_pages import UserPages


def to_source(row: Row) -> Source:
    """The source of a row of sources.csv or an extra file. What hinders access stands before the other notes."""
    cells: dict[str, Any] = {key: cell for key, cell in row.cells.items() if key not in REVIEW_COLUMNS}
    access = row.cells["access"].replace(";", ", ")
    notes = "; ".join(filter(None, (access, cells["notes"])))
    return Source(
        **{
            **cells,
            "tier": int(cells["tier"]),
            "authority": float(cells["authority"]),
            "notes": notes,
            "access": row.cells["access"],
        }
    )


def to_suffix_source(row: Row) -> Source:
    """The source that stands for all unlisted hosts under a restricted suffix."""
    cells = row.cells
    academic = cells["tier"] == "2"
    return Source(
        id=f"suffix:{cells['suffix']}",
        name=cells["name"],
        sector="universities-research" if academic else "government",
        country=cells["country"],
        language="multi",
        kind="academic" if academic else "government",
        tier=int(cells["tier"]),
        authority=float(cells["authority"]),
        evidence=f"suffix:{cells['suffix']}",
        notes=cells["notes"],
    )


def to_profile(table: ProfileTable) -> Profile:
    """The profile of a table of profiles.toml."""
    body = {key: tuple(value) if isinstance(value, list) else value for key, value in table.body.items()}
    return Profile(name=table.name, **cast(dict[str, Any], body))


def to_term(row: Row) -> Term:
    """The term of a row of terms.csv."""
    cells: dict[str, Any] = row.cells
    tier = int(cells["tier"]) if cells["tier"] else None
    return Term(cells["term"], cells["effect"], float(cells["value"]), tier, cells["support"], cells["meaning"])


def to_score_rules(tables: Tables) -> ScoreRules:
    """What scores are made of: the terms, what the evidence is good for, and the overrides by source id."""
    return ScoreRules(
        terms={row.cells["term"]: to_term(row) for row in tables.terms},
        uses={row.cells["token"]: cast(Any, row.cells["use"]) for row in tables.evidence},
        overrides={row.cells["id"]: to_override(row) for row in tables.overrides},
    )


def to_override(row: Row) -> Override:
    """The override of a row of overrides.csv."""
    cells = row.cells
    return Override(Score(int(cells["tier"]), float(cells["authority"])), cells["reason"], cells["reviewed"])


def to_user_pages(tables: Tables) -> UserPages:
    """The patterns of user_generated.csv with their terms."""
    terms = {row.cells["term"]: to_term(row) for row in tables.terms}
    return UserPages({row.cells["pattern"]: terms[row.cells["term"]] for row in tables.user_generated})
