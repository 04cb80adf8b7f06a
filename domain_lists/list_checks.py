"""What can be wrong between rows: doubles, rows that can never match, look-alikes, empty profiles, missed quotas."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

from domain_lists.build import to_profile, to_source
from domain_lists.look_alikes import skeleton
from domain_lists.records import Problem
from domain_lists.tables import Row, Tables
from domain_lists.user_pages import parents


def duplicates(rows: Iterable[Row], column: str) -> Iterator[Problem]:
    """Rows of one file with the same key."""
    first: dict[str, int] = {}
    for row in rows:
        key = row.cells[column]
        if key in first:
            yield Problem(row.file, row.line, f"{column} {key!r} stands on line {first[key]} already")
        first.setdefault(key, row.line)


def shadowed(rows: Iterable[Row], denied: Iterable[Row]) -> Iterator[Problem]:
    """Source rows that can never match, because their host or one above it is denied."""
    lines = {row.cells["host"]: row.line for row in denied}
    for row in rows:
        for parent in parents(row.cells["id"].partition("/")[0]):
            if parent in lines:
                message = f"{row.cells['id']!r} can never match: denied.csv:{lines[parent]} denies {parent!r}"
                yield Problem(row.file, row.line, message)


def denied_twice(denied: list[Row]) -> Iterator[Problem]:
    """Denials below another denial."""
    lines = {row.cells["host"]: row.line for row in denied}
    for row in denied:
        for parent in parents(row.cells["host"].partition(".")[2]):
            if parent in lines:
                message = f"{row.cells['host']!r} needs no row: line {lines[parent]} denies {parent!r}"
                yield Problem(row.file, row.line, message)


def look_alikes(rows: Iterable[Row]) -> Iterator[Problem]:
    """Hosts that are drawn like another listed one."""
    first: dict[str, str] = {}
    for row in rows:
        host = row.cells["id"].partition("/")[0]
        known = first.setdefault(skeleton(host), host)
        if known != host:
            yield Problem(row.file, row.line, f"{host!r} looks like {known!r}, which is listed too")


def unlisted(tables: Tables) -> Iterator[Problem]:
    """Overrides of what is not in the list, and suffixes that a profile allows but no row restricts."""
    suffixes = {row.cells["suffix"] for row in tables.suffixes}
    known = {row.cells["id"] for row in tables.sources[0]} | {f"suffix:{suffix}" for suffix in suffixes}
    for row in tables.overrides:
        if row.cells["id"] not in known:
            yield Problem(row.file, row.line, f"id {row.cells['id']!r} is not listed")
    for table in tables.profiles:
        allowed = table.body.get("suffixes")
        for suffix in allowed if isinstance(allowed, list) else []:
            if suffix not in suffixes:
                message = f"profile {table.name!r} allows {suffix!r}, which is not in suffixes.csv"
                yield Problem(table.file, table.line, message)


def selections(tables: Tables) -> Iterator[Problem]:
    """Profiles that name unlisted sources or select nothing. The rows are sound."""
    sources = [to_source(row) for row in chain(*tables.sources)]
    known = {source.id for source in sources}
    for table in tables.profiles:
        profile = to_profile(table)
        for source_id in profile.sources:
            if source_id not in known:
                message = f"profile {profile.name!r} names {source_id!r}, which is not listed"
                yield Problem(table.file, table.line, message)
        if not any(profile.selects(source) for source in sources):
            yield Problem(table.file, table.line, f"profile {profile.name!r} selects nothing")


def quotas(tables: Tables) -> Iterator[Problem]:
    """Quotas that the bundled sources miss. The rows are sound."""
    bundled = tables.sources[0]
    for row in tables.quotas:
        facet, value, least, most = row.cells.values()
        counts = Counter("list" if facet == "list" else source.cells[facet] for source in bundled)
        for word, count in sorted(counts.items()) if value == "*" else [(value, counts[value])]:
            if least and count < int(least):
                yield Problem(row.file, row.line, f"{facet} {word}: {count} sources, the least is {least}")
            if most and 100 * count > float(most) * len(bundled):
                share = f"{100 * count / len(bundled):.1f} %"
                yield Problem(row.file, row.line, f"{facet} {word}: {share} of the sources, the most is {most} %")
