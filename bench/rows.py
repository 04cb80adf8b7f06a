"""Files read line by line: a bad line is named with its file and number, and all that is read is digested."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from bench.errors import InvalidCollection

RowT = TypeVar("RowT")

Note = Callable[[str], None]
"""Called with a sentence that the user should read; the work goes on."""


def unsaid(sentence: str) -> None:
    """The note that nobody reads."""


class Reader:
    """Reads the files of one collection; `digest` is the SHA-256 (hex) of what was read so far."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the bytes read so far, in the order of reading."""
        return self._digest.hexdigest()

    def rows(self, path: Path, read: Callable[[str], RowT | None], kind: str) -> Iterator[RowT]:
        """What `read` makes of each line; None and blank lines are left out.

        `kind` says what a line should be, such as "BEIR row". Raises InvalidCollection with file and line.
        """
        self._digest.update(b"\0file\0")
        number = 0
        try:
            with path.open("rb") as file:
                for number, raw in enumerate(file, 1):
                    self._digest.update(raw)
                    line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                    if line.strip() and (row := read(line)) is not None:
                        yield row
        except OSError as error:
            raise InvalidCollection(f"{path} cannot be read ({error}); check the path") from error
        except UnicodeDecodeError as error:
            raise InvalidCollection(f"{path}:{number} is not UTF-8; convert the file") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidCollection(f"{path}:{number} is not a {kind}: {_what(error)}") from error

    def text(self, path: Path) -> str:
        """The whole file, with line feeds alone at its line ends. Raises InvalidCollection."""
        self._digest.update(b"\0file\0")
        try:
            raw = path.read_bytes()
            self._digest.update(raw)
            return raw.decode("utf-8-sig").replace("\r\n", "\n")
        except OSError as error:
            raise InvalidCollection(f"{path} cannot be read ({error}); check the path") from error
        except UnicodeDecodeError as error:
            number = error.object.count(b"\n", 0, error.start) + 1
            raise InvalidCollection(f"{path}:{number} is not UTF-8; convert the file") from error


def _what(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]!r}"
    return str(error) or type(error).__name__
