"""The floor under a search: the same engines called directly, with nothing around them.

What no service can avoid is to encode the queries and to search both indexes. The floor does that in one process:
one encoder pass for a batch, one dense search, and lexical searches in threads beside the encoding.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from authority_search.models import SearchRequest
from index.encoders import Encoder, Vectors
from index.snapshot import Snapshot
from ranking.rank import rank
from service.searcher import Searcher

THREADS = 4
"""Threads of lexical searches, as many as the product's searcher has."""

PARTS = ("encode", "lexical", "dense", "rank", "reply", "HTTP")


class Floor:
    """The engines of a snapshot, called directly."""

    def __init__(self, snapshot: Snapshot, encoder: Encoder, depth: int) -> None:
        self._snapshot = snapshot
        self._encoder = encoder
        self._depth = depth
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="floor")

    def answer(self, queries: Sequence[str]) -> None:
        """All that a search of these queries needs of the engines."""
        lexical = [self._threads.submit(self._snapshot.lexical.search, query, self._depth) for query in queries]
        self.dense(self.encode(queries))
        for one in lexical:
            one.result()

    def encode(self, queries: Sequence[str]) -> Vectors:
        """Only the encoder's pass; shape [n, dimensions]."""
        return self._encoder.encode_queries(queries)

    def dense(self, vectors: Vectors) -> None:
        """Only the dense search."""
        self._snapshot.dense.search(vectors, self._depth)

    def lexical(self, queries: Sequence[str]) -> None:
        """Only the lexical searches, in their threads."""
        list(self._threads.map(lambda query: self._snapshot.lexical.search(query, self._depth), queries))


def parts(floor: Floor, searcher: Searcher, request: SearchRequest, over_http: float) -> dict[str, float]:
    """Seconds that each of PARTS takes alone for one batch; `over_http` is what the service took for a like batch.

    Encode, lexical and dense are the engines alone, though lexical searches in truth run beside the encoding. Rank is
    what the searcher does from the engines' answers to ordered hits, reply the rest up to JSON, HTTP the rest of
    `over_http`. The last three are differences, and 0 where noise makes them negative. A reranker counts as reply.
    """
    queries = list(request.queries)
    vectors = floor.encode(queries)
    encode, lexical = seconds(lambda: floor.encode(queries)), seconds(lambda: floor.lexical(queries))
    dense, engines = seconds(lambda: floor.dense(vectors)), seconds(lambda: floor.answer(queries))
    began = perf_counter()
    candidates = searcher.candidates(request)
    for one in candidates:
        rank(one.candidates, one.policy, None, request.top_k)
    ranked = perf_counter() - began
    whole = seconds(lambda: searcher.search(request).model_dump_json())
    rest = (ranked - engines, whole - ranked, over_http - whole)
    return dict(zip(PARTS, (encode, lexical, dense, *(max(0.0, one) for one in rest)), strict=True))


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    began = perf_counter()
    work()
    return perf_counter() - began
