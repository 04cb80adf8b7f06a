"""Both arms of one snapshot: a single encoder pass, a dense search per filter, lexical searches in threads meanwhile.

An arm that fails, or is not done in time, is named; the other one's hits stand alone.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from authority_search.models import Arm, Degraded, Part
from index.encoders import Encoder, Vectors
from index.filters import Filter, Survivors, apply_filter
from index.restriction import Restriction
from index.snapshot import Snapshot
from service.errors import Internal
from service.stages import Observe, timed

_log = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")


class Found(NamedTuple):
    """What one arm returned for a query: rows and scores of shape [n], best first. `ceiling` is the lexical arm's."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    ceiling: float = 0.0


NOTHING = Found(np.empty(0, np.int64), np.empty(0, np.float32))


class Selection(NamedTuple):
    """The passages that a filter leaves, in the form each arm takes."""

    survivors: Survivors
    restriction: Restriction | None


class Asked(NamedTuple):
    """Distinct queries under one selection."""

    queries: Sequence[str]
    selection: Selection


class BothFound(NamedTuple):
    """What the arms found for a query. `vector` has shape [dimensions] and is None where the dense arm failed."""

    lexical: Found
    dense: Found
    vector: NDArray[np.float32] | None


def select(snapshot: Snapshot, wanted: Filter) -> Selection:
    """Evaluate a filter for both arms."""
    survivors = apply_filter(wanted, snapshot.columns.filterable)
    return Selection(survivors, snapshot.lexical.restriction(survivors.mask))


class Arms:
    """Runs both arms. Thread-safe. `limit` is in seconds for one call; None waits for as long as it takes."""

    def __init__(self, snapshot: Snapshot, encoder: Encoder, depth: int, threads: int, limit: float | None) -> None:
        self._snapshot = snapshot
        self._encoder = encoder
        self._depth = depth
        self._limit = limit
        self._lexical_slices = threads
        # They end with this object: a request that still holds it after a swap finishes undisturbed.
        self._lexical_threads = ThreadPoolExecutor(threads, thread_name_prefix="lexical")
        self._dense_thread = ThreadPoolExecutor(1, thread_name_prefix="dense")
        self._late: Future[list[list[tuple[Found, Vectors]]]] | None = None

    def search(self, asked: Sequence[Asked], observe: Observe) -> tuple[list[list[BothFound]], list[Degraded]]:
        """For each of `asked` what was found for its queries, and what failed. Raises Internal when both arms did."""
        degraded: list[Degraded] = []
        end = None if self._limit is None else time.monotonic() + self._limit
        slices = [self._start_lexical(one, observe) for one in asked]
        dense = guarded("dense", lambda: self._await_dense(asked, end, observe), degraded)
        lexical = guarded("lexical", lambda: [_joined(one, end) for one in slices], degraded)
        if len(degraded) == 2:
            raise Internal("both arms failed: " + "; ".join(one.reason for one in degraded))
        found = []
        for number, one in enumerate(asked):
            by_words = lexical[number] if lexical else [NOTHING] * len(one.queries)
            by_vector = dense[number] if dense else [(NOTHING, None)] * len(one.queries)
            found.append([BothFound(words, *vector) for words, vector in zip(by_words, by_vector, strict=True)])
        return found, degraded

    def one(self, arm: Arm, queries: Sequence[str]) -> list[Found]:
        """What one arm alone returns for each query, unfiltered."""
        if arm == "dense":
            found = self._snapshot.dense.search(self._encoder.encode_queries(queries), self._depth)
            return [Found(*hits) for hits in found]
        return list(self._lexical_threads.map(self._search_lexical, queries))

    def _start_lexical(self, asked: Asked, observe: Observe) -> list[Future[list[Found]]]:
        """Begin the lexical searches: slices, since a future for each query costs as much as half a search."""

        def search(part: Sequence[str]) -> list[Found]:
            with timed("lexical", observe):
                return [self._search_lexical(query, asked.selection.restriction) for query in part]

        count = min(self._lexical_slices, len(asked.queries))
        return [self._lexical_threads.submit(search, asked.queries[first::count]) for first in range(count)]

    def _search_lexical(self, query: str, restriction: Restriction | None = None) -> Found:
        return Found(*self._snapshot.lexical.search_with_ceiling(query, self._depth, restriction))

    def _await_dense(
        self, asked: Sequence[Asked], end: float | None, observe: Observe
    ) -> list[list[tuple[Found, Vectors]]]:
        """Raises TimeoutError. An encoder that hangs is waited for once, and not again by every batch that follows."""
        if self._late is not None and not self._late.done():
            raise TimeoutError("the encoder is still busy with an earlier batch that it was late with")
        running = self._dense_thread.submit(self._search_dense, asked, observe)
        if not wait([running], _left(end)).done:
            self._late = running
            raise TimeoutError(f"not done after {self._limit:g} seconds")
        return running.result()

    def _search_dense(self, asked: Sequence[Asked], observe: Observe) -> list[list[tuple[Found, Vectors]]]:
        numbers = {query: i for i, query in enumerate(dict.fromkeys(query for one in asked for query in one.queries))}
        with timed("encode", observe):
            vectors = self._encoder.encode_queries(list(numbers))
        result = []
        with timed("dense", observe):
            for one in asked:
                own = vectors[[numbers[query] for query in one.queries]]
                hits = self._snapshot.dense.search(own, self._depth, one.selection.survivors.mask)
                result.append([(Found(*found), vector) for found, vector in zip(hits, own, strict=True)])
        return result


def guarded(part: Part, work: Callable[[], ResultT], degraded: list[Degraded]) -> ResultT | None:
    """The result of `work`, or None: whatever ails a part, it is named and the others answer."""
    try:
        return work()
    except Exception as error:
        _log.exception("%s failed", part)
        degraded.append(Degraded(arm=part, reason=f"{type(error).__name__}: {error}"))
        return None


def _joined(slices: Sequence[Future[list[Found]]], end: float | None) -> list[Found]:
    """The slices' results in the order of the queries. Raises TimeoutError."""
    if wait(slices, _left(end)).not_done:
        for one in slices:
            one.cancel()
        raise TimeoutError("not done in time")
    parts = [one.result() for one in slices]
    return [parts[i % len(parts)][i // len(parts)] for i in range(sum(map(len, parts)))]


def _left(end: float | None) -> float | None:
    return None if end is None else max(0.0, end - time.monotonic())
