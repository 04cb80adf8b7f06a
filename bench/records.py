"""The plain records of the bench: a judged collection in, results, comparisons and curves out.

Readers make a `Collection`, systems make a `Run` of it, judging makes a `Result`, and what people look at (table,
JSON, plots, HTML) is made of a `Report` alone.
"""

from dataclasses import dataclass, field

Run = dict[str, dict[str, float]]
"""Scores by query and document, higher is better."""

Qrels = dict[str, dict[str, int]]
"""Relevance by query and document, 0 or more."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents, queries and judgments by id.

    `documents` holds (title, text) and is empty for a collection whose documents lie in a snapshot; ids are then
    URLs or passage ids. `answers` holds strings of which one must stand in the reply, for the queries that have any.
    `digest` is the SHA-256 (hex) of everything that was read.
    """

    name: str
    split: str
    documents: dict[str, tuple[str, str]]
    queries: dict[str, str]
    qrels: Qrels
    answers: dict[str, tuple[str, ...]]
    digest: str


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds: median and 95th percentile of one query at a time, and per query in one large batch."""

    p50: float
    p95: float
    batched: float


@dataclass(frozen=True, slots=True)
class Result:
    """One system on one collection. `per_query[query][measure]`; `means` are over all judged queries.

    A query without results counts 0. `latency` is None where nothing was timed, such as for a run read from a file.
    """

    collection: str
    split: str
    digest: str
    system: str
    queries: int
    means: dict[str, float]
    per_query: dict[str, dict[str, float]]
    latency: Latency | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired randomisation test of `system` against `baseline` on one collection and measure.

    `p` is two-sided, `p_corrected` corrects for all comparisons of the report; `helped` and `hurt` list query ids
    with the difference, the largest first.
    """

    collection: str
    measure: str
    baseline: str
    system: str
    difference: float
    p: float
    p_corrected: float
    helped: tuple[tuple[str, float], ...]
    hurt: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """A plot: named lines of (x, y) points, with the words that explain it. `marks` are x values worth a rule."""

    title: str
    x_label: str
    y_label: str
    lines: dict[str, tuple[tuple[float, float], ...]]
    note: str = ""
    log_x: bool = False
    marks: dict[str, float] = field(default_factory=dict)
    log_y: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run of the bench found. `queries[collection][query]` is the text, for the per-query lists."""

    title: str
    created: str
    machine: str
    settings: dict[str, str]
    results: tuple[Result, ...]
    comparisons: tuple[Comparison, ...] = ()
    curves: tuple[Curve, ...] = ()
    queries: dict[str, dict[str, str]] = field(default_factory=dict)
