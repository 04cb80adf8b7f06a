"""API keys: made, listed and revoked in one file of the data folder, which a running service follows.

A key is 256 random bits, and only its SHA-256 is kept. A slow hash (bcrypt, Argon2) would protect words that people
choose, which can be guessed; among 2^256 equally likely keys there is nothing to guess, and a fast hash costs
microseconds a request.
"""

import hmac
import logging
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError

from index.files import write_atomically
from index.lock import write_lock
from service.errors import Internal, InvalidRequest, NotFound


class Scope(StrEnum):
    """What a key is for."""

    SEARCH = "search"
    ADMIN = "admin"


_PREFIX = "ask_"  # So that people, and scanners for leaked secrets, see what it is.
_USABLE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept. `queries_per_minute` None means no quota; `created` is ISO 8601 in UTC."""

    name: str
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    scopes: tuple[Scope, ...]
    queries_per_minute: int | None
    created: str


_FILE = TypeAdapter(tuple[ApiKey, ...])


class KeyFile:
    """The keys in `data_dir`. Methods raise Internal where the file is damaged."""

    def __init__(self, data_dir: Path) -> None:
        # A folder of its own has a lock of its own: a key can be revoked while a crawl holds the data folder.
        self.path = data_dir / "access" / "keys.json"

    def exists(self) -> bool:
        """Whether a key was ever created here; the file stays when the last one is revoked."""
        return self.path.exists()

    def keys(self) -> tuple[ApiKey, ...]:
        """All keys, in the order of their creation."""
        try:
            return _FILE.validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return ()
        except ValidationError as error:
            first = error.errors(include_input=False)[0]["msg"]
            raise Internal(
                f"{self.path} is no list of keys ({first}); restore it, or remove it and begin anew"
            ) from error

    def create(
        self, name: str, scopes: Iterable[Scope] = (Scope.SEARCH,), queries_per_minute: int | None = None
    ) -> str:
        """A new key: the only time that it can be seen. Raises InvalidRequest for a name that is taken or unusable."""
        if not _USABLE_NAME.fullmatch(name):
            raise InvalidRequest("a key's name goes into logs: up to 64 letters, digits, dots, dashes and underscores")
        key = _PREFIX + secrets.token_urlsafe(32)
        made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with write_lock(self.path.parent):
            keys = self.keys()
            if any(one.name == name for one in keys):
                raise InvalidRequest(f"there is a key {name} already; revoke it first, or choose another name")
            self._write((*keys, ApiKey(name, _digest(key), tuple(scopes), queries_per_minute, made)))
        return key

    def revoke(self, name: str) -> None:
        """Make the key of this name worthless. Raises NotFound."""
        with write_lock(self.path.parent):
            keys = self.keys()
            left = tuple(one for one in keys if one.name != name)
            if left == keys:
                raise NotFound(f"there is no key {name}; `authority-search keys list` shows all")
            self._write(left)

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        write_atomically(self.path, _FILE.dump_json(keys, indent=1), mode=0o600)


class KeyRing:
    """The keys in force, for a running service: what the file holds at the moment of each request. No file: none."""

    def __init__(self, file: KeyFile | None) -> None:
        self._file = file
        self._seen: tuple[int, int] | None = None
        self._keys: tuple[ApiKey, ...] = ()

    def in_use(self) -> bool:
        """Whether there is a file of keys, be they all revoked."""
        return self._file is not None and self._file.exists()

    def find(self, key: str) -> ApiKey | None:
        """The record of `key`, None where it is not valid. As slow for every key, valid or not."""
        digest, found = _digest(key), None
        for one in self._current():
            if hmac.compare_digest(one.sha256, digest):
                found = one
        return found

    def _current(self) -> tuple[ApiKey, ...]:
        """Read again when the file was replaced. Where that fails nobody comes in, rather than someone revoked."""
        if self._file is None:
            return ()
        try:
            status = self._file.path.stat()
            version = (status.st_ino, status.st_mtime_ns)
            if version != self._seen:
                self._keys, self._seen = self._file.keys(), version
        except (OSError, Internal) as error:
            self._keys, self._seen = (), None
            if not isinstance(error, FileNotFoundError):
                _log.error("no key is valid: %s", error)
        return self._keys


def _digest(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
