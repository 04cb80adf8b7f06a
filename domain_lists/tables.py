"""Reads the data files into rows that remember where they stood. Says what is malformed, judges nothing else."""

import csv
import io
import re
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

from domain_lists.records import Problem

SOURCE_COLUMNS = (
    "id", "name", "sector", "country", "language", "kind", "tier", "authority", "evidence", "notes",
)  # fmt: skip
REVIEW_COLUMNS = ("terms", "access", "reviewed")
"""What the bundled sources.csv has besides, and a file of one's own may have."""
SUFFIX_COLUMNS = ("suffix", "name", "country", "tier", "authority", "terms", "notes")
DENIED_COLUMNS = ("host", "reason")
TERM_COLUMNS = ("term", "effect", "value", "tier", "support", "meaning")
EVIDENCE_COLUMNS = ("token", "list", "licence", "use", "address")
OVERRIDE_COLUMNS = ("id", "tier", "authority", "reason", "reviewed")
USER_GENERATED_COLUMNS = ("pattern", "term", "reason")
QUOTA_COLUMNS = ("facet", "value", "least", "most_percent")


class Row(NamedTuple):
    """A row of a CSV file; `line` is the one it begins on."""

    file: str
    line: int
    cells: dict[str, str]


class ProfileTable(NamedTuple):
    """A table of profiles.toml, as parsed."""

    file: str
    line: int
    name: str
    body: dict[str, object]


class Tables(NamedTuple):
    """All data files. `sources` holds one list of rows per file, the bundled one first."""

    sources: list[list[Row]]
    suffixes: list[Row]
    denied: list[Row]
    terms: list[Row]
    evidence: list[Row]
    overrides: list[Row]
    user_generated: list[Row]
    quotas: list[Row]
    profiles: list[ProfileTable]
    problems: list[Problem]


def read_tables(extra_files: Sequence[Path] = (), folder: Traversable | None = None) -> Tables:
    """Read `folder` (default: the bundled data) and extra source files. Faults are collected, never raised."""
    folder = files("domain_lists") if folder is None else folder
    problems: list[Problem] = []

    def bundled(name: str, columns: Sequence[str]) -> list[Row]:
        return _read_csv(folder / name, name, columns, problems)

    return Tables(
        sources=[
            bundled("sources.csv", (*SOURCE_COLUMNS, *REVIEW_COLUMNS)),
            *(_read_csv(file, str(file), SOURCE_COLUMNS, problems, REVIEW_COLUMNS) for file in extra_files),
        ],
        suffixes=bundled("suffixes.csv", SUFFIX_COLUMNS),
        denied=bundled("denied.csv", DENIED_COLUMNS),
        terms=bundled("terms.csv", TERM_COLUMNS),
        evidence=bundled("evidence.csv", EVIDENCE_COLUMNS),
        overrides=bundled("overrides.csv", OVERRIDE_COLUMNS),
        user_generated=bundled("user_generated.csv", USER_GENERATED_COLUMNS),
        quotas=bundled("quotas.csv", QUOTA_COLUMNS),
        profiles=_read_profiles(folder / "profiles.toml", "profiles.toml", problems),
        problems=problems,
    )


def _read_csv(
    file: Traversable, name: str, columns: Sequence[str], problems: list[Problem], optional: Sequence[str] = ()
) -> list[Row]:
    """The rows of a file. An optional column that is not there is empty in every row."""
    text = _read_text(file, name, problems)
    if text is None:
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    absent = dict.fromkeys(optional, "")
    header: list[str] = []
    start = 1
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not any(cells):
                continue
            if not header:
                header = cells
                if fault := _header_fault(header, columns, optional):
                    problems.append(Problem(name, line, fault))
                    return []
            elif len(cells) != len(header):
                problems.append(Problem(name, line, f"{len(cells)} cells, but there are {len(header)} columns"))
            else:
                given = {key: cell.strip() for key, cell in zip(header, cells, strict=True)}
                rows.append(Row(name, line, absent | given))
    except csv.Error as error:
        problems.append(Problem(name, start, f"not CSV: {error}"))
    if not header:
        problems.append(Problem(name, 0, f"the file is empty; its first line must be {','.join(columns)}"))
    return rows


def _header_fault(header: Sequence[str], columns: Sequence[str], optional: Sequence[str]) -> str:
    missing = ", ".join(column for column in columns if column not in header)
    surplus = ", ".join(repr(column) for column in header if column not in (*columns, *optional))
    twice = ", ".join(sorted({repr(column) for column in header if header.count(column) > 1}))
    faults = [
        f"missing {missing}" * bool(missing),
        f"unknown {surplus}" * bool(surplus),
        f"twice {twice}" * bool(twice),
    ]
    return f"columns: {'; '.join(filter(None, faults))}" if any(faults) else ""


def _read_profiles(file: Traversable, name: str, problems: list[Problem]) -> list[ProfileTable]:
    text = _read_text(file, name, problems)
    if text is None:
        return []
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problems.append(Problem(name, 0, f"not TOML: {error}"))
        return []
    profiles = []
    for key, body in tables.items():
        line = _line_of_table(text, key)
        if isinstance(body, dict):
            profiles.append(ProfileTable(name, line, key, body))
        else:
            problems.append(Problem(name, line, f"{key!r} stands outside a [profile] table"))
    return profiles


def _line_of_table(text: str, name: str) -> int:
    header = re.search(rf"^\s*\[?\s*[\"']?{re.escape(name)}\b", text, re.MULTILINE)
    return text.count("\n", 0, header.end()) + 1 if header else 0


def _read_text(file: Traversable, name: str, problems: list[Problem]) -> str | None:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        problems.append(Problem(name, 0, f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        problems.append(Problem(name, 0, f"not UTF-8: byte {error.start} is {error.object[error.start]:#04x}"))
    return None
