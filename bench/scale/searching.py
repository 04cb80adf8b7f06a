"""How fast and how exact an open snapshot answers: dense, lexical, hybrid, filtered, and always the same."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from authority_search.models import SearchRequest
from bench.scale.building import LoadEncoder
from bench.scale.exact import Best, exact_search, recall
from bench.scale.filtering import DEPTH, filter_masks, measure_filter
from bench.scale.opening import TOP_K, KnownQueries, answer_digests
from bench.scale.queries import Queries
from bench.scale.records import Filtered, Hybrid, Lexical, Timing
from bench.scale.timing import timed, timed_batches
from index.analysis import index_terms
from index.encoders import Encoder
from index.progress import Progress
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.searcher import Searcher

BATCHES = (1, 32, 512, 2560)
HYBRID_QUERIES = 32
NEIGHBOURS = (1, 10, 100)
_JUDGED = 64
_COMPARED = 32


@dataclass(frozen=True, slots=True)
class Searched:
    """What was measured of one open snapshot; see `records.Size`."""

    dense: dict[int, Timing]
    lexical: tuple[Lexical, ...]
    hybrid: Hybrid
    recall10: float
    recall100: float
    nearest: dict[int, float]
    filters: tuple[Filtered, ...]
    differing: tuple[str, ...]


def search(
    folder: DataFolder,
    queries: Queries,
    answers: Sequence[str],
    load_encoder: LoadEncoder,
    ranking: RankingSettings,
    rounds: int,
    progress: Progress,
) -> Searched:
    """Measure the live snapshot. `answers` are digests of answers that another process got (see `opening`)."""
    snapshot = SnapshotStore(folder).open(device="auto")
    known = KnownQueries(snapshot.manifest.encoder, queries.texts, queries.vectors)
    dense, many = {}, queries.many(max(BATCHES))
    for done, batch in enumerate(BATCHES):
        progress("dense", done, len(BATCHES))
        dense[batch] = timed_batches(lambda some: snapshot.dense.search(some, DEPTH), many, batch)
    progress("lexical", 0, None)
    lexical = [_lexical(snapshot, kind, texts) for kind, texts in queries.lexical.items()]
    lexical.append(_in_threads(Searcher(snapshot, known, ranking), queries))
    progress("recall", 0, None)
    judged = queries.vectors[:_JUDGED]
    masks = list(filter_masks(snapshot))
    stored = snapshot.dense.vectors
    exact, *under_masks = exact_search(stored, len(snapshot.dense), judged, DEPTH, [None, *(one.mask for one in masks)])
    found = [rows for rows, _ in snapshot.dense.search(judged, DEPTH)]
    at_10, at_100 = (recall(found, exact, judged, stored, depth) for depth in (10, DEPTH))
    filters = list[Filtered]()
    for mask, best in zip(masks, under_masks, strict=True):
        progress("filters", len(filters), len(masks))
        filters.append(measure_filter(snapshot, judged, mask, best))
    progress("same", 0, None)
    differing = tuple(_differing(folder, snapshot, known, answers, ranking))
    progress("hybrid", 0, None)
    encoder = load_encoder()
    hybrid = _hybrid(Searcher(snapshot, encoder, ranking), encoder, queries.texts, rounds)
    return Searched(dense, tuple(lexical), hybrid, at_10, at_100, _nearest(exact), tuple(filters), differing)


def _lexical(snapshot: Snapshot, kind: str, texts: Sequence[str]) -> Lexical:
    snapshot.lexical.search(texts[0], DEPTH)
    timing = timed((partial(snapshot.lexical.search, text, DEPTH) for text in texts), 1)
    return Lexical(kind, float(np.mean([len(index_terms(text)) for text in texts])), timing)


def _in_threads(searcher: Searcher, queries: Queries) -> Lexical:
    """All kinds together in one batch, as the searcher spreads it over its threads."""
    texts = [text for some in queries.lexical.values() for text in some]
    timing = timed([partial(searcher.search_arm, "lexical", texts)] * 3, len(texts))
    return Lexical("all in threads", float(np.mean([len(index_terms(text)) for text in texts])), timing)


def _hybrid(searcher: Searcher, encoder: Encoder, texts: Sequence[str], rounds: int) -> Hybrid:
    """Whole searches and encoding alone by turns; other queries each round, and whoever begins alternates."""
    taken = {"search": list[float](), "encode": list[float]()}
    for number in range(rounds + 1):
        batch = [texts[(number * HYBRID_QUERIES + at) % len(texts)] for at in range(HYBRID_QUERIES)]
        request = SearchRequest(queries=batch, top_k=TOP_K)
        works = [("search", lambda asked=request: searcher.search(asked)),
                 ("encode", lambda asked=batch: encoder.encode_queries(asked))]  # fmt: skip
        for name, work in works if number % 2 else reversed(works):
            began = time.perf_counter()
            work()
            # The first round warms up.
            if number:
                taken[name].append((time.perf_counter() - began) * 1000)
    return Hybrid(HYBRID_QUERIES, median(taken["search"]), median(taken["encode"]), rounds)


def _differing(
    folder: DataFolder, snapshot: Snapshot, known: KnownQueries, answers: Sequence[str], ranking: RankingSettings
) -> Iterator[str]:
    """What is not the same alone, in a batch, in a snapshot opened again, and in the other process."""
    texts, vectors = known.texts[:_COMPARED], known.vectors[:_COMPARED]
    again = SnapshotStore(folder).open(device="auto")
    alone = [snapshot.dense.search(one[None], DEPTH)[0] for one in vectors]
    for name, other in (("in a batch", snapshot), ("after opening again", again)):
        found = other.dense.search(vectors, DEPTH)
        if not all(map(_equal, alone, found)):
            yield f"dense rows and scores {name}"
    searcher = Searcher(snapshot, known, ranking)
    singles = [digest for text in texts for digest in answer_digests(searcher, [text])]
    others = {
        "in a batch": answer_digests(searcher, texts),
        "after opening again": answer_digests(Searcher(again, known, ranking), texts),
        "in another process": list(answers[: len(texts)]),
    }
    yield from (f"hybrid answers {name}" for name, digests in others.items() if digests != singles)


def _equal(one: Sequence[NDArray[Any]], other: Sequence[NDArray[Any]]) -> bool:
    return all(map(np.array_equal, one, other))


def _nearest(exact: Best) -> dict[int, float]:
    """The median cosine of the queries to their neighbour of each rank."""
    ranks = [rank for rank in NEIGHBOURS if rank <= exact.cosines.shape[1]]
    return {rank: float(np.median(exact.cosines[:, rank - 1])) for rank in ranks}
