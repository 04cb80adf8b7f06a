"""What a load generator is asked to send, and what it saw. Plain data that crosses a process boundary as JSON.

Imports nothing heavy: the generator's own cost must stay small.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from random import Random
from typing import Any, NamedTuple

OK = "ok"


class HttpRequest(NamedTuple):
    """One request as it is sent. `number` tells requests of a mix apart."""

    number: int
    method: str
    path: str
    body: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send for `seconds`: a closed loop of `callers`, or an open loop of `rate` requests a second.

    In a closed loop each caller sends its next request when its last is answered. In an open loop requests are due at
    Poisson arrivals, whatever the service does, and latency counts from when they were due.

    The requests are searches of `batch` queries each, of which no two are equal (see `fresh_query`; the first has the
    number `first`), or drawn from `mix`, whose distinct replies are then written to the folder `keep`.
    """

    url: str
    seconds: float
    callers: int = 0
    rate: float = 0.0
    batch: int = 1
    texts: tuple[str, ...] = ()
    first: int = 0
    path: str = "/batch_search"
    options: dict[str, Any] = field(default_factory=dict)
    mix: tuple[HttpRequest, ...] = ()
    keep: str = ""
    seed: int = 1
    timeout: float = 120.0

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> "Plan":
        """What `as_plain` gave, after a way through JSON."""
        mix = tuple(HttpRequest(*one) for one in values["mix"])
        return cls(**values | {"mix": mix, "texts": tuple(values["texts"])})

    def as_plain(self) -> dict[str, Any]:
        """The plan as JSON can hold it."""
        return asdict(self) | {"mix": [tuple(one) for one in self.mix]}

    def requests(self) -> Iterator[HttpRequest]:
        """The requests in the order of sending, without end."""
        if self.mix:
            chance = Random(self.seed)  # noqa: S311 - no secret
            while True:
                yield chance.choice(self.mix)
        for first in count(self.first, self.batch):
            yield search_request(self.path, fresh_queries(self.texts, first, self.batch), self.options)


class Seen(NamedTuple):
    """One request: when it was due, sent and done (seconds of the monotonic clock), and how it ended.

    `kind` is `ok`, `degraded` (an arm failed), `timeout`, `connection`, or another HTTP status such as `429`.
    `digest` names the reply to a request of a mix.
    """

    due: float
    sent: float
    done: float
    kind: str
    request: int
    digest: str


class Observations(NamedTuple):
    """All that a generator saw. `cpu` is the processor time (seconds) it took itself."""

    seen: list[Seen]
    began: float
    ended: float
    cpu: float

    @classmethod
    def from_plain(cls, values: list[Any]) -> "Observations":
        """What JSON made of these observations."""
        seen, *others = values
        return cls([Seen(*one) for one in seen], *others)


def fresh_query(texts: Sequence[str], number: int) -> str:
    """A query for each number, no two equal, so that no cache answers: the texts in order, then with a lap number."""
    lap, at = divmod(number, len(texts))
    return f"{texts[at]} ({lap})" if lap else texts[at]


def fresh_queries(texts: Sequence[str], first: int, size: int) -> list[str]:
    """`size` fresh queries from the number `first` on."""
    return [fresh_query(texts, number) for number in range(first, first + size)]


def search_request(path: str, queries: Sequence[str], options: dict[str, Any]) -> HttpRequest:
    """A search as our service and the plain server both take it: `queries` and the options beside."""
    return HttpRequest(0, "POST", path, json.dumps({"queries": list(queries), **options}, ensure_ascii=False))
