"""Checks the data files: each row by itself (see `row_checks`), then all of them against each other."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path

from domain_lists.build import to_profile, to_source
from domain_lists.matcher import parents
from domain_lists.records import Problem, Source
from domain_lists.row_checks import check_denied, check_profile, check_source, check_suffix
from domain_lists.tables import ProfileTable, Row, Tables, read_tables


def check(extra_files: Sequence[Path] = (), folder: Traversable | None = None) -> list[Problem]:
    """All faults of the data in `folder` (default: the bundled data) and of extra source files, in file order.

    An empty list means that `SourceList.load(extra_files)` succeeds.
    """
    return check_tables(read_tables(extra_files, folder))


def check_tables(tables: Tables) -> list[Problem]:
    """The faults found in reading, then those of each row, then those between files."""
    # The longest first, so that a look-alike of gov.cn is named as that and not as one of gov.
    restricted = sorted({row.cells["suffix"] for row in tables.suffixes}, key=lambda suffix: (-len(suffix), suffix))
    source_rows = [row for rows in tables.sources for row in rows]
    problems = [
        *tables.problems,
        *_each(source_rows, lambda cells: check_source(cells, restricted)),
        *_each(tables.suffixes, lambda cells: check_suffix(cells, restricted)),
        *_each(tables.denied, check_denied),
        *(Problem(table.file, table.line, text) for table in tables.profiles for text in _profile_faults(table)),
    ]
    for rows in tables.sources:
        problems += _duplicates(rows, "id")
    problems += _duplicates(tables.suffixes, "suffix")
    problems += _duplicates(tables.denied, "host")
    problems += _shadowed(source_rows, tables.denied)
    if not problems:
        problems += _profile_selections(tables.profiles, [to_source(row) for row in source_rows])
    return problems


def _each(rows: Iterable[Row], faults: Callable[[Mapping[str, str]], Iterator[str]]) -> Iterator[Problem]:
    for row in rows:
        for message in faults(row.cells):
            yield Problem(row.file, row.line, message)


def _profile_faults(table: ProfileTable) -> Iterator[str]:
    for message in check_profile(table.name, table.body):
        yield f"profile {table.name!r}: {message}"


def _duplicates(rows: Iterable[Row], column: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for row in rows:
        key = row.cells[column]
        if key in first:
            yield Problem(row.file, row.line, f"{column} {key!r} stands on line {first[key]} already")
        first.setdefault(key, row.line)


def _shadowed(rows: Iterable[Row], denied: Iterable[Row]) -> Iterator[Problem]:
    lines = {row.cells["host"]: row.line for row in denied}
    for row in rows:
        for parent in parents(row.cells["id"].partition("/")[0]):
            if parent in lines:
                message = f"{row.cells['id']!r} can never match: denied.csv:{lines[parent]} denies {parent!r}"
                yield Problem(row.file, row.line, message)


def _profile_selections(tables: Iterable[ProfileTable], sources: Sequence[Source]) -> Iterator[Problem]:
    known = {source.id for source in sources}
    for table in tables:
        profile = to_profile(table)
        for source_id in profile.sources:
            if source_id not in known:
                yield Problem(
                    table.file, table.line, f"profile {profile.name!r} names {source_id!r}, which is not listed"
                )
        if not any(profile.selects(source) for source in sources):
            yield Problem(table.file, table.line, f"profile {profile.name!r} selects nothing")
