"""Pinned floors: the least a system must reach on a judged set. A TOML file, read by people and by the gate.

    [[floor]]
    collection = "scifact"
    split = "test"
    system = "hybrid"
    measure = "nDCG@10"
    digest = "9c1f…"        the SHA-256 of the data it was measured on
    floor = 0.7241
    epsilon = 0.002
    reason = "…"            why epsilon is what it is
    lowered = "…"           why the floor was lowered last; only where it was

Comments above the first `[[floor]]` are kept when the file is written; words about one floor belong into its fields.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path

from bench.errors import BenchError
from index.files import write_atomically

EPSILON = 0.002
EPSILON_REASON = "bf16 and fp32 encoders, and sums in another order (BLAS, threads), swap near-equal hits"

HEADER = """\
# The least each system must reach on each judged set: `authority-search bench gate`, which with --update writes this
# file. Floors only rise; lowering one takes --allow-lower and a reason. Comments are kept up here alone.
"""

_TABLE = "[[floor]]"
_FIRST = re.compile(r"^\s*\[\[", re.MULTILINE)
_NUMBERS = ("floor", "epsilon")
_OPTIONAL = ("lowered",)

Place = tuple[str, str, str, str]
"""(collection, split, system, measure)"""


@dataclass(frozen=True, slots=True)
class Floor:
    """The least value of one measure; `epsilon` below it still passes, for `reason`."""

    collection: str
    split: str
    system: str
    measure: str
    digest: str
    floor: float
    epsilon: float = EPSILON
    reason: str = EPSILON_REASON
    lowered: str = ""

    @property
    def place(self) -> Place:
        """What tells it from other floors, and their order in the file."""
        return self.collection, self.split, self.system, self.measure

    @property
    def name(self) -> str:
        """The same for people."""
        return f"{self.system} on {self.collection}/{self.split}, {self.measure}"


def read_floors(path: Path) -> tuple[Floor, ...]:
    """All floors of a file, which may hold none. Raises BenchError that names the file and the line or the field."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BenchError(f"there is no floors file {path}; --update makes one") from error
    except OSError as error:
        raise BenchError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BenchError(f"{path} is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        # Its message ends with the line and the column.
        raise BenchError(f"{path} is not TOML: {error}") from error
    rows = content.pop("floor", [])
    if content:
        raise BenchError(f"{path}: unknown field {next(iter(content))!r}; all floors are written as {_TABLE} tables")
    if not isinstance(rows, list):
        raise BenchError(f"{path}: floors are written as {_TABLE} tables")
    floors = tuple(_floor(row, f"{path}, {_TABLE} number {number}") for number, row in enumerate(rows, 1))
    places = [one.place for one in floors]
    for number, one in enumerate(floors, 1):
        if one.place in places[: number - 1]:
            raise BenchError(f"{path}, {_TABLE} number {number}: a second floor for {one.name}")
    return floors


def write_floors(floors: Iterable[Floor], path: Path) -> None:
    """Write floors sorted by place, under the comments that the file begins with. Same floors, same bytes."""
    header = _FIRST.split(path.read_text(encoding="utf-8"), maxsplit=1)[0] if path.is_file() else ""
    tables = [_table(one) for one in sorted(floors, key=lambda one: one.place)]
    content = "\n\n".join([header.strip() or HEADER.strip(), *tables]) + "\n"
    # A reason typed in a shell may hold bytes that are not UTF-8.
    write_atomically(path, content.encode("utf-8", "replace"))


def _floor(row: object, where: str) -> Floor:
    if not isinstance(row, dict):
        raise BenchError(f"{where}: not a table")
    names = [field.name for field in fields(Floor)]
    for name in row:
        if name not in names:
            raise BenchError(f"{where}: unknown field {name!r}; there are {', '.join(names)}")
    for name in names:
        if name not in row and name not in _OPTIONAL:
            raise BenchError(f"{where}: {name} is missing")
    for name, value in row.items():
        if name in _NUMBERS:
            _check_number(value, f"{where}: {name}")
        elif not isinstance(value, str) or not value.strip():
            raise BenchError(f"{where}: {name} must be a text, is {value!r}")
    return Floor(**row)


def _check_number(value: object, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or not 0 <= value <= 1:
        raise BenchError(f"{where} must be a number from 0 to 1, is {value!r}")


def _table(one: Floor) -> str:
    values = [(field.name, getattr(one, field.name)) for field in fields(Floor)]
    lines = [f"{name} = {_toml(value)}" for name, value in values if value != "" or name not in _OPTIONAL]
    return "\n".join([_TABLE, *lines])


def _toml(value: str | float) -> str:
    if not isinstance(value, str):
        return repr(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    # TOML forbids control characters in a text of one line.
    return '"' + "".join(c if c.isprintable() or c > "\x9f" else f"\\u{ord(c):04x}" for c in escaped) + '"'
