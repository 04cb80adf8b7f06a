"""`results.json`: a report as a file, so that it can be drawn again, gated and compared without measuring again."""

import dataclasses
from collections.abc import Iterator, Mapping
from functools import cache
from math import isfinite
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bench.errors import BenchError
from bench.records import Report, Result
from index.files import write_atomically

_SHOWN_PROBLEMS = 5


def dump_report(report: Report, path: Path) -> None:
    """Write all of a report as indented JSON. Raises BenchError for what JSON cannot hold."""
    if problem := _inconsistency(report):
        raise BenchError(f"the report cannot be written: {problem}")
    try:
        content = _adapter().dump_json(report, indent=1, warnings="error")
    except ValueError as error:
        raise BenchError(f"the report cannot be written: {error}") from error
    write_atomically(path, content + b"\n")


def load_report(path: Path) -> Report:
    """What `dump_report` wrote. Raises BenchError that names the file and each field that is not as agreed."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BenchError(f"{path} cannot be read: {error.strerror}") from error
    try:
        report = _adapter().validate_json(content, strict=True, extra="forbid")
    except ValidationError as error:
        raise BenchError(f"{path} is not a report of the bench: {_problems(error)}") from error
    if problem := _inconsistency(report):
        raise BenchError(f"{path} is not a report of the bench: {problem}")
    return report


def by_system(results: tuple[Result, ...]) -> dict[tuple[str, str, str], Result]:
    """Results by (collection, split, system). Raises BenchError where two claim the same place."""
    found: dict[tuple[str, str, str], Result] = {}
    for one in results:
        if found.setdefault((one.collection, one.split, one.system), one) is not one:
            raise BenchError(f"two results for {one.system} on {one.collection}/{one.split}")
    return found


@cache
def _adapter() -> TypeAdapter[Report]:
    return TypeAdapter(Report)


def _problems(error: ValidationError) -> str:
    said = []
    for one in error.errors(include_url=False, include_context=False, include_input=False)[:_SHOWN_PROBLEMS]:
        place = ".".join(map(str, one["loc"]))
        message = "no such field" if one["type"] == "unexpected_keyword_argument" else one["msg"]
        said.append(f"{place}: {message}" if place else message)
    left = error.error_count() - len(said)
    return "; ".join(said) + (f"; and {left} more" if left > 0 else "")


def _inconsistency(report: Report) -> str:
    """What types alone do not catch, or an empty string."""
    try:
        by_system(report.results)
    except BenchError as error:
        return str(error)
    for place, number in _numbers(report, ""):
        if not isfinite(number):
            return f"{place} is {number}"
    return ""


def _numbers(value: object, place: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        yield place.removeprefix("."), value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _numbers(one, f"{place}.{key}")
    elif isinstance(value, tuple):
        for number, one in enumerate(value):
            yield from _numbers(one, f"{place}.{number}")
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _numbers(getattr(value, field.name), f"{place}.{field.name}")
