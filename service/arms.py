"""Both arms of one snapshot: a single encoder pass, a dense search per filter, lexical searches in threads meanwhile.

In two halves, so that the encoder can take the next batch while this one is searched. An arm that fails, or is not done
in time, is named; the other one's hits stand alone.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from authority_search.models import Arm, Degraded, Part
from index.encoders import Encoder
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


class Encoded(NamedTuple):
    """A search under way: words are looked up, queries encoded. `vectors` is None where that failed; see `degraded`.

    `end` is when an arm has to be done, None where there is time.
    """

    asked: Sequence[Asked]
    lexical: list[list[Future[list[Found]]]]
    vectors: dict[str, NDArray[np.float32]] | None
    end: float | None
    degraded: list[Degraded]


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
        self._encoder_thread = _Patient("the encoder", limit)
        self._dense_thread = _Patient("the dense search", limit)

    def begin(self, asked: Sequence[Asked], observe: Observe) -> Encoded:
        """Encode every query, each once, while threads search by words."""
        degraded: list[Degraded] = []
        end = None if self._limit is None else time.monotonic() + self._limit
        lexical = [self._start_lexical(one, observe) for one in asked]
        encode = partial(self._encode, asked, observe)
        vectors = guarded("dense", lambda: self._encoder_thread.run(encode, end), degraded)
        return Encoded(asked, lexical, vectors, end, degraded)

    def finish(self, begun: Encoded, observe: Observe) -> tuple[list[list[BothFound]], list[Degraded]]:
        """What was found for the queries of each one asked, and what failed. Raises Internal when both arms did."""
        asked, degraded, end = begun.asked, list(begun.degraded), begun.end
        dense = None
        if (vectors := begun.vectors) is not None:
            search = partial(self._search_dense, asked, vectors, observe)
            dense = guarded("dense", lambda: self._dense_thread.run(search, end), degraded)
        lexical = guarded("lexical", lambda: [_joined(one, end) for one in begun.lexical], degraded)
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

    def _encode(self, asked: Sequence[Asked], observe: Observe) -> dict[str, NDArray[np.float32]]:
        queries = list(dict.fromkeys(query for one in asked for query in one.queries))
        with timed("encode", observe):
            return dict(zip(queries, self._encoder.encode_queries(queries), strict=True))

    def _search_dense(
        self, asked: Sequence[Asked], vectors: Mapping[str, NDArray[np.float32]], observe: Observe
    ) -> list[list[tuple[Found, NDArray[np.float32]]]]:
        result = []
        with timed("dense", observe):
            for one in asked:
                own = np.stack([vectors[query] for query in one.queries])
                hits = self._snapshot.dense.search(own, self._depth, one.selection.survivors.mask)
                result.append([(Found(*found), vector) for found, vector in zip(hits, own, strict=True)])
        return result


class _Patient:
    """A thread for work that may hang: it is waited for once, and not again by every batch that follows."""

    def __init__(self, name: str, limit: float | None) -> None:
        self._name = name
        self._limit = limit
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._late: Future[Any] | None = None

    def run(self, work: Callable[[], ResultT], end: float | None) -> ResultT:
        """The result of `work`. Raises TimeoutError where it is not there at `end`."""
        if self._late is not None and not self._late.done():
            raise TimeoutError(f"{self._name} is still busy with an earlier batch that it was late with")
        running = self._thread.submit(work)
        if not wait([running], _left(end)).done:
            self._late = running
            raise TimeoutError(f"{self._name} was not done after {self._limit:g} seconds")
        return running.result()


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
