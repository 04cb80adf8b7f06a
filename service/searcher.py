"""The searcher: one snapshot, one encoder, requests in and replies out, with no transport.

A batch costs one encoder pass, one dense search and parallel lexical searches, whatever its size; with a
reranker, one pass of it more.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
import tantivy
from numpy.typing import NDArray

from authority_search.models import (
    Arm,
    Degraded,
    OpenReply,
    OpenRequest,
    Part,
    QueryResult,
    SearchReply,
    SearchRequest,
    SourceRow,
    SourcesReply,
)  # fmt: skip
from domain_lists.errors import InvalidUrl, UnknownProfile, UnknownSource
from index.encoders import Encoder
from index.filters import DateRange, Filter, Survivors, apply_filter
from index.places import Domain, parse_domain
from index.rerankers import Reranker
from index.snapshot import Snapshot
from ranking.candidates import ArmScores, Candidates, Floats, Policy
from ranking.rank import rank
from ranking.settings import RankingSettings
from ranking.weights import dense_weight
from service.errors import Internal, InvalidRequest, UnknownName
from service.opening import open_targets
from service.replies import fill_hits, source_info
from service.reranking import ToRank, reranker_scores

_log = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")


class Found(NamedTuple):
    """What one arm returned for a query: rows and scores of shape [n], best first. `ceiling` is the lexical arm's."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    ceiling: float = 0.0


NOTHING = Found(np.empty(0, np.int64), np.empty(0, np.float32))


class Searcher:
    """Searches one snapshot. Thread-safe. Raises EncoderMismatch when the encoder is not the snapshot's."""

    def __init__(
        self,
        snapshot: Snapshot,
        encoder: Encoder,
        settings: RankingSettings,
        reranker: Reranker | None = None,
        threads: int = 4,
    ) -> None:
        snapshot.manifest.encoder.require(encoder.description)
        self.snapshot = snapshot
        self.reranker = reranker
        self._encoder = encoder
        self._settings = settings
        # Ends with the searcher: a request that still holds it after a swap finishes undisturbed.
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="lexical")
        authority = [snapshot.sources.get(source_id).authority for source_id in snapshot.columns.source_ids]
        self._authority = np.array(authority, np.float64)

    def search(self, request: SearchRequest) -> SearchReply:
        """Answer every query of the batch. Raises UnknownName, and InvalidRequest for a domain that is none.

        A part that failed is named in the reply instead.
        """
        survivors = self._survivors(request)
        to_rank, degraded = self._gather(request, survivors)
        results = {one.query: self._result(one, scores, request) for one, scores in self._reranked(to_rank, degraded)}
        return SearchReply(
            snapshot=self.snapshot.manifest.id,
            results=[results[query] for query in request.queries],
            excluded_passages=survivors.excluded,
            undated_kept=survivors.undated_kept,
            degraded=degraded,
        )

    def candidates(self, request: SearchRequest) -> list[ToRank]:
        """What ranking is given for each query of the batch: for measuring it apart. Raises UnknownName, and Internal
        where an arm failed.
        """
        to_rank, degraded = self._gather(request, self._survivors(request))
        if degraded:
            raise Internal(f"the {degraded[0].arm} arm failed: {degraded[0].reason}")
        return list(to_rank)

    def search_arm(self, arm: Arm, queries: Sequence[str]) -> list[Found]:
        """What one arm alone returns for each query, unfiltered: for measuring the arms apart."""
        depth = self._settings.depth
        if arm == "dense":
            vectors = self._encoder.encode_queries(queries)
            return [Found(*one) for one in self.snapshot.dense.search(vectors, depth)]
        return list(self._threads.map(self._search_lexical, queries))

    def open(self, request: OpenRequest) -> OpenReply:
        """Open pages and passages that the snapshot holds; nothing is fetched."""
        return open_targets(self.snapshot, request)

    def sources(self) -> SourcesReply:
        """All sources of the list, with what the snapshot holds of each, and the profiles."""
        columns, listed = self.snapshot.columns, self.snapshot.sources
        passages = dict(zip(columns.source_ids, columns.passages_by_source().tolist(), strict=True))
        pages = dict(zip(columns.source_ids, columns.pages_by_source().tolist(), strict=True))
        rows = [
            SourceRow(
                **source_info(source).model_dump(),
                pages=pages.get(source.id, 0),
                passages=passages.get(source.id, 0),
            )
            for source in listed.sources
        ]
        profiles = {name: profile.description for name, profile in sorted(listed.profiles.items())}
        return SourcesReply(snapshot=self.snapshot.manifest.id, sources=rows, profiles=profiles)

    def _survivors(self, request: SearchRequest) -> Survivors:
        """The passages that the filters of a request leave."""
        return apply_filter(self._filter(request), self.snapshot.columns.filterable)

    def _filter(self, request: SearchRequest) -> Filter:
        chosen = request.sources
        try:
            sources = self.snapshot.sources.select(
                request.profile, chosen.include, chosen.exclude, self.snapshot.columns.source_ids
            )
        except (UnknownSource, UnknownProfile) as error:
            raise UnknownName(str(error)) from error
        dates = None
        if request.dates is not None:
            wanted = request.dates
            dates = DateRange(wanted.field, wanted.from_, wanted.to, wanted.undated == "keep")
        domains = _domains("include_domains", chosen.include_domains)
        excluded = _domains("exclude_domains", chosen.exclude_domains)
        return Filter(sources, frozenset(request.languages), dates, domains, excluded)

    def _gather(self, request: SearchRequest, survivors: Survivors) -> tuple[Iterator[ToRank], list[Degraded]]:
        """The candidates of each distinct query, and what failed."""
        queries = list(dict.fromkeys(request.queries))
        arms, vectors, degraded = self._both_arms(queries, survivors)
        to_rank = (
            self._to_rank(query, lexical, dense, None if vectors is None else vectors[number], request)
            for number, (query, lexical, dense) in enumerate(zip(queries, *arms, strict=True))
        )
        return to_rank, degraded

    def _both_arms(
        self, queries: Sequence[str], survivors: Survivors
    ) -> tuple[tuple[list[Found], list[Found]], NDArray[np.float32] | None, list[Degraded]]:
        """Lexical searches run in threads while this thread encodes and searches the vectors."""
        degraded: list[Degraded] = []
        nothing = [NOTHING] * len(queries)
        running = _guarded("lexical", lambda: self._start_lexical(queries, survivors), degraded)
        dense = _guarded("dense", lambda: self._search_dense(queries, survivors), degraded)
        lexical = None
        if running is not None:
            lexical = _guarded("lexical", lambda: [one.result() for one in running], degraded)
        if len(degraded) == 2:
            raise Internal("both arms failed: " + "; ".join(one.reason for one in degraded))
        vectors, found = dense or (None, nothing)
        return (lexical or nothing, found), vectors, degraded

    def _start_lexical(self, queries: Sequence[str], survivors: Survivors) -> list[Future[Found]]:
        restriction = self.snapshot.lexical.restriction(survivors.mask)
        return [self._threads.submit(self._search_lexical, query, restriction) for query in queries]

    def _search_lexical(self, query: str, restriction: tantivy.Query | None = None) -> Found:
        lexical = self.snapshot.lexical
        return Found(*lexical.search(query, self._settings.depth, restriction), lexical.ceiling(query))

    def _search_dense(self, queries: Sequence[str], survivors: Survivors) -> tuple[NDArray[np.float32], list[Found]]:
        vectors = self._encoder.encode_queries(queries)
        found = self.snapshot.dense.search(vectors, self._settings.depth, survivors.mask)
        return vectors, [Found(*one) for one in found]

    def _to_rank(
        self, query: str, lexical: Found, dense: Found, vector: NDArray[np.float32] | None, request: SearchRequest
    ) -> ToRank:
        rows = np.union1d(lexical.rows, dense.rows)
        policy = Policy(
            authority=request.authority,
            fusion=self._settings.fusion,
            dense_weight=dense_weight(query, self._settings),
            cosine_span=self._settings.cosine_span,
            band_width=self._settings.band_width,
            boost_weight=self._settings.boost_weight,
            max_per_page=request.max_per_page,
            max_per_source=request.max_per_source,
        )
        return ToRank(query, rows, self._candidates(rows, lexical, dense, vector), policy)

    def _reranked(self, to_rank: Iterable[ToRank], degraded: list[Degraded]) -> Iterable[tuple[ToRank, Floats | None]]:
        """Each query with its reranker scores: None where there is no reranker, or where it failed."""
        reranker = self.reranker
        if reranker is None:
            # One by one: the candidates of a large batch need not be in memory together.
            return ((one, None) for one in to_rank)
        batch = list(to_rank)
        scores = _guarded("reranker", lambda: reranker_scores(self.snapshot, reranker, batch), degraded)
        return zip(batch, scores, strict=True) if scores else ((one, None) for one in batch)

    def _result(self, one: ToRank, reranker: Floats | None, request: SearchRequest) -> QueryResult:
        ranking = rank(one.candidates, one.policy, reranker, request.top_k)
        hits, omitted = fill_hits(self.snapshot, one.rows, one.candidates, ranking.hits, request)
        return QueryResult(
            query=one.query,
            status="ok" if hits else "empty",
            hits=hits,
            candidates=len(one.rows),
            folded=ranking.folded,
            capped=ranking.capped,
            omitted=omitted,
        )

    def _candidates(
        self, rows: NDArray[np.int64], lexical: Found, dense: Found, vector: NDArray[np.float32] | None
    ) -> Candidates:
        columns = self.snapshot.columns
        dense_scores = _arm_scores(rows, dense)
        unscored = np.isnan(dense_scores.raw)
        if vector is not None and unscored.any():
            # A dot product is cheap and exact, so no candidate goes without its cosine.
            dense_scores.raw[unscored] = self.snapshot.dense.scores(vector, rows[unscored])
        source = columns.source[rows].astype(np.int64)
        return Candidates(
            ids=tuple(columns.passage_ids(rows)),
            lexical=_arm_scores(rows, lexical),
            dense=dense_scores,
            authority=self._authority[source],
            page=columns.page_numbers(rows),
            source=source,
            text_hash=columns.text_hash[rows],
            tokens=columns.tokens(rows),
            lexical_floor=self._lowest(lexical),
            lexical_ceiling=lexical.ceiling,
        )

    def _lowest(self, lexical: Found) -> float:
        """The score of what the lexical arm did not return: without any term of the query 0, else at most its last."""
        return float(lexical.scores[-1]) if len(lexical.rows) == self._settings.depth else 0.0


def _domains(field: str, names: Iterable[str]) -> tuple[Domain, ...]:
    try:
        return tuple(parse_domain(name) for name in dict.fromkeys(names))
    except InvalidUrl as error:
        raise InvalidRequest(f"sources.{field}: {error}; write a domain such as who.int or who.int/data") from error


def _arm_scores(rows: NDArray[np.int64], found: Found) -> ArmScores:
    """An arm's scores and ranks for sorted `rows`, which contain all rows it found."""
    raw, rank_of = np.full(len(rows), np.nan), np.zeros(len(rows), np.int64)
    at = np.searchsorted(rows, found.rows)
    raw[at], rank_of[at] = found.scores, np.arange(1, len(found.rows) + 1)
    return ArmScores(raw, rank_of)


def _guarded(part: Part, work: Callable[[], ResultT], degraded: list[Degraded]) -> ResultT | None:
    """The result of `work`, or None: whatever ails a part, it is named and the others answer."""
    try:
        return work()
    except Exception as error:
        _log.exception("%s failed", part)
        degraded.append(Degraded(arm=part, reason=f"{type(error).__name__}: {error}"))
        return None
