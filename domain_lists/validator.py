"""Checks the data files: each row by itself, then all of them against each other."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.resources.abc import Traversable
from itertools import chain
from pathlib import Path

from domain_lists.build import to_score_rules, to_user_pages
from domain_lists.list_checks import denied_twice, duplicates, look_alikes, quotas, selections, shadowed, unlisted
from domain_lists.records import Problem
from domain_lists.row_checks import check_denied, check_profile, check_source, check_suffix
from domain_lists.score_checks import check_evidence, check_grades, check_terms, check_user_pages
from domain_lists.score_rule_checks import check_evidence_list, check_override, check_pattern, check_quota, check_term
from domain_lists.scores import ScoreRules
from domain_lists.tables import Row, Tables, read_tables
from domain_lists.user_pages import UserPages

_RULE_FILES = {"terms.csv", "evidence.csv", "overrides.csv", "user_generated.csv"}


def check(extra_files: Sequence[Path] = (), folder: Traversable | None = None) -> list[Problem]:
    """All faults of the data in `folder` (default: the bundled data) and of extra source files, in file order.

    An empty list means that `SourceList.load(extra_files)` succeeds.
    """
    return check_tables(read_tables(extra_files, folder))


def check_tables(tables: Tables) -> list[Problem]:
    """The faults found in reading, then those of each row, then those between files.

    Scores are judged of sound rows only, and when what scores are made of is sound; selections and quotas come when
    everything else is.
    """
    problems = [*tables.problems, *_row_faults(tables), *_faults_between_rows(tables)]
    if not any(problem.file in _RULE_FILES for problem in problems):
        problems += _score_faults(_sound(tables, problems), to_score_rules(tables), to_user_pages(tables))
    if not problems:
        problems += [*selections(tables), *quotas(tables)]
    return problems


def _row_faults(tables: Tables) -> Iterator[Problem]:
    # The longest first, so that a look-alike of gov.cn is named as that and not as one of gov.
    suffixes = sorted((row.cells["suffix"] for row in tables.suffixes), key=lambda suffix: (-len(suffix), suffix))
    restricted = dict.fromkeys(suffixes)
    caps = {row.cells["term"] for row in tables.terms if row.cells["effect"] == "cap"}
    yield from _each(chain(*tables.sources), lambda cells: check_source(cells, restricted))
    yield from _each(tables.suffixes, lambda cells: check_suffix(cells, restricted))
    yield from _each(tables.denied, check_denied)
    yield from _each(tables.terms, check_term)
    yield from _each(tables.evidence, check_evidence_list)
    yield from _each(tables.overrides, check_override)
    yield from _each(tables.user_generated, lambda cells: check_pattern(cells, caps))
    yield from _each(tables.quotas, check_quota)
    for table in tables.profiles:
        for message in check_profile(table.name, table.body):
            yield Problem(table.file, table.line, f"profile {table.name!r}: {message}")


def _faults_between_rows(tables: Tables) -> Iterator[Problem]:
    for rows in tables.sources:
        yield from duplicates(rows, "id")
    yield from duplicates(tables.suffixes, "suffix")
    yield from duplicates(tables.denied, "host")
    yield from duplicates(tables.terms, "term")
    yield from duplicates(tables.evidence, "token")
    yield from duplicates(tables.overrides, "id")
    yield from duplicates(tables.user_generated, "pattern")
    yield from denied_twice(tables.denied)
    yield from shadowed(chain(*tables.sources), tables.denied)
    yield from look_alikes(chain(*tables.sources))
    yield from unlisted(tables)


def _sound(tables: Tables, problems: Iterable[Problem]) -> Tables:
    places = {(problem.file, problem.line) for problem in problems}

    def without_faults(rows: Iterable[Row]) -> list[Row]:
        return [row for row in rows if (row.file, row.line) not in places]

    return tables._replace(
        sources=[without_faults(rows) for rows in tables.sources],
        suffixes=without_faults(tables.suffixes),
        denied=without_faults(tables.denied),
    )


def _score_faults(tables: Tables, rules: ScoreRules, user_pages: UserPages) -> Iterator[Problem]:
    bundled, *extra = tables.sources
    yield from _each(bundled, _check_reviewed)
    # A list of one's own may set authority without saying why.
    reasoned = [row for row in chain(bundled, *extra) if row.cells["terms"]]
    yield from _each(reasoned, lambda cells: check_evidence(cells["evidence"], rules.uses))
    yield from _each(reasoned, lambda cells: check_terms(cells, rules))
    yield from _each(reasoned, lambda cells: check_user_pages(cells, rules, user_pages))
    yield from _each(tables.suffixes, lambda cells: check_terms(_as_source(cells), rules))
    yield from _each(tables.denied, lambda cells: check_grades(cells["reason"], rules.uses))


def _check_reviewed(cells: Mapping[str, str]) -> Iterator[str]:
    for column in ("terms", "evidence", "reviewed"):
        if not cells[column]:
            yield f"{column} is empty"


def _as_source(suffix: Mapping[str, str]) -> Mapping[str, str]:
    return {**suffix, "id": f"suffix:{suffix['suffix']}", "evidence": "suffix"}


def _each(rows: Iterable[Row], faults: Callable[[Mapping[str, str]], Iterable[str]]) -> Iterator[Problem]:
    for row in rows:
        for message in faults(row.cells):
            yield Problem(row.file, row.line, message)
