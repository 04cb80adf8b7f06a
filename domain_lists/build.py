"""Turns rows into records. The rows have passed the validator."""

from typing import Any, cast

from domain_lists.records import Profile, Source
from domain_lists.tables import ProfileTable, Row

SUFFIX_AUTHORITY = {1: 0.85, 2: 0.78, 3: 0.60, 4: 0.35}
"""Authority of a host that only a restricted suffix vouches for: the base of its tier, at most 0.85 as for any
source that no independent list names."""


def to_source(row: Row) -> Source:
    """The source of a row of sources.csv or an extra file."""
    cells: dict[str, Any] = {**row.cells, "tier": int(row.cells["tier"]), "authority": float(row.cells["authority"])}
    return Source(**cells)


def to_suffix_source(row: Row) -> Source:
    """The source that stands for all unlisted hosts under a restricted suffix."""
    cells = row.cells
    tier = int(cells["tier"])
    return Source(
        id=f"suffix:{cells['suffix']}",
        name=cells["name"],
        sector="universities-research" if tier == 2 else "government",
        country=cells["country"],
        language="multi",
        kind="academic" if tier == 2 else "government",
        tier=tier,
        authority=SUFFIX_AUTHORITY[tier],
        evidence=f"suffix:{cells['suffix']}",
        notes=cells["notes"],
    )


def to_profile(table: ProfileTable) -> Profile:
    """The profile of a table of profiles.toml."""
    body = {key: tuple(value) if isinstance(value, list) else value for key, value in table.body.items()}
    return Profile(name=table.name, **cast(dict[str, Any], body))
