"""What the load bench found, as plain records: terminal, JSON and page are made of these alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

Loop = Literal["closed", "open"]


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure that was taken several times: its median, lowest and highest value."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of one value or more."""
        return cls(median(values), min(values), max(values), len(values))


@dataclass(frozen=True, slots=True)
class Cell:
    """One load and how it was borne.

    `qps` counts answered queries (not requests) a second; p50, p95 and p99 are milliseconds of answered requests, None
    where none was. `failed` counts others by kind. `lag` is the 99th percentile of how late the generator sent (ms).
    `generator_cores` and `service_cores` say how many processor cores each kept busy; the latter is None for a service
    that the bench did not start.
    """

    loop: Loop
    batch: int
    callers: int
    rate: float
    requests: int
    qps: float
    p50: float | None
    p95: float | None
    p99: float | None
    failed: dict[str, int]
    lag: float
    generator_cores: float
    service_cores: float | None


@dataclass(frozen=True, slots=True)
class Overhead:
    """A batch answered over HTTP against the same work called directly: ms per batch, and their ratio, round by round.

    `parts` are ms per batch of each part taken alone (see `bench.load.parts`).
    """

    batch: int
    service: Spread
    floor: Spread
    ratio: Spread
    parts: dict[str, float]


@dataclass(frozen=True, slots=True)
class Against:
    """Answered queries a second of two that took turns, and the first's as a multiple of the second's, round by round.

    `failed` counts our requests that were not answered, by kind.
    """

    name: str
    ours: Spread
    theirs: Spread
    ratio: Spread
    failed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure that was promised. `at_most` says on which side of `limit` it must lie."""

    name: str
    value: float
    limit: float
    at_most: bool
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether it is as promised."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit


@dataclass(frozen=True, slots=True)
class LoadReport:
    """All that `bench load` found."""

    title: str
    created: str
    machine: str
    settings: dict[str, str]
    cells: tuple[Cell, ...]
    overheads: tuple[Overhead, ...]
    against: tuple[Against, ...]
    aims: tuple[Aim, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Latency (ms) of the requests under way in one kind of time."""

    name: str
    requests: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Event:
    """What the writer did, `at` seconds after the load began."""

    at: float
    what: str


@dataclass(frozen=True, slots=True)
class SoakReport:
    """All that `bench soak` found.

    Replies are `identical` to a direct call's byte by byte, or `rounded`: the same but for numbers in the last digits.
    `wrong` and `differences` hold a sentence for each distinct wrong and rounded reply; `wrong_answers` counts how
    often the former came. `memory` is (seconds, MB resident) of the service.
    """

    title: str
    created: str
    machine: str
    settings: dict[str, str]
    requests: int
    identical: int
    rounded: int
    wrong_answers: int
    wrong: tuple[str, ...]
    differences: tuple[str, ...]
    failed: dict[str, int]
    windows: tuple[Window, ...]
    memory: tuple[tuple[float, float], ...]
    events: tuple[Event, ...]
    aims: tuple[Aim, ...]
