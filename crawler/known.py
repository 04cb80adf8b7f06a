"""What a run knows of its URLs before it begins: which to ask again, with which condition, which to leave in peace.

Written into the run's folder beside `run.json`, so that a run that was killed goes on by the same plan.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from crawler.errors import RunError
from domain_lists.urls import host_of
from index.files import write_atomically

KNOWN_FILE = "known.jsonl"
LEFT_FILE = "left.jsonl"
MIN_DAILY = 100
"""Pages of a host that may always be asked for again within a day, however small the share of them."""

Rest = Literal["due", "early", "rest"]


class Known(NamedTuple):
    """A URL met in an earlier run.

    `rest` is "due" where it is to be asked again, "early" where it may be if its site says that it changed since
    `checked`, else "rest". `etag` and `last_modified` are those of what the archive has of it. `today` tells that it
    was asked for within the last 24 hours.
    """

    url: str
    rest: Rest = "due"
    checked: str = ""
    etag: str = ""
    last_modified: str = ""
    hops: int = 0
    today: bool = False

    def conditions(self) -> tuple[tuple[str, str], ...]:
        """The headers of a conditional request (RFC 9110, 13.1)."""
        pairs = (("If-None-Match", self.etag), ("If-Modified-Since", self.last_modified))
        return tuple((name, value) for name, value in pairs if value)


class Left(NamedTuple):
    """A URL that a run found and had no budget for."""

    url: str
    source: str
    hops: int


class KnownUrls:
    """The known URLs by URL, and how many of each host may be asked for again. Empty in a run that begins anew."""

    def __init__(self, known: Iterable[Known] = (), daily_share: float = 0.0) -> None:
        self._by_url = {one.url: one for one in known}
        by_host, today = Counter[str](), Counter[str]()
        for one in self._by_url.values():
            # What was only found so far is no request again.
            by_host[host_of(one.url)] += bool(one.checked)
            today[host_of(one.url)] += one.today
        self._limited = daily_share > 0
        self._left = {host: max(MIN_DAILY, round(daily_share * count)) - today[host] for host, count in by_host.items()}

    def due(self) -> Iterator[Known]:
        """Those to ask again, in the order of the plan."""
        return (one for one in self._by_url.values() if one.rest == "due")

    def get(self, url: str) -> Known | None:
        """What is known of a URL."""
        return self._by_url.get(url)

    def take(self, known: Known) -> bool:
        """Whether this one may be asked for again within the host's share; counts it then."""
        host = host_of(known.url)
        if not known.checked or not self._limited:
            return True
        self._left[host] -= 1
        return self._left[host] >= 0


def save_known(folder: Path, known: Iterable[Known]) -> None:
    """Write the plan of a run."""
    write_atomically(folder / KNOWN_FILE, _lines(known))


def load_known(folder: Path) -> list[Known]:
    """The plan of the run in `folder`, none where it has none. Raises RunError."""
    path = folder / KNOWN_FILE
    try:
        return [Known(*json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{path} is no plan of a run ({error!r}); remove its folder or restore the file") from error


def save_left(folder: Path, left: Iterable[Left]) -> None:
    """Write what a run found and did not fetch."""
    write_atomically(folder / LEFT_FILE, _lines(left))


def load_left(folder: Path) -> list[Left]:
    """What the run in `folder` left. Raises RunError."""
    path = folder / LEFT_FILE
    try:
        return [Left(*json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{path} cannot be read ({error!r}); remove it: its URLs are found again") from error


def _lines(records: Iterable[NamedTuple]) -> bytes:
    return "".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in records).encode()
