"""The searcher: one snapshot, one encoder, requests in and replies out, with no transport.

A batch costs one encoder pass, a dense search per distinct filter and parallel lexical searches, however many requests
and queries it holds; with a reranker, one pass of it more. It has two halves, so that one batch can be ranked while the
next is encoded: `begin` ends when its queries are encoded, `finish` searches by vector, ranks and replies.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from authority_search.models import (
    Arm,
    Degraded,
    OpenReply,
    OpenRequest,
    QueryResult,
    SearchReply,
    SearchRequest,
    SourceRow,
    SourcesReply,
)  # fmt: skip
from domain_lists.errors import InvalidUrl, UnknownProfile, UnknownSource
from index.encoders import Encoder
from index.filters import DateRange, Filter, Survivors
from index.places import Domain, parse_domain
from index.rerankers import Reranker
from index.snapshot import Snapshot
from ranking.candidates import Floats, Ranking
from ranking.rank import rank
from ranking.settings import RankingSettings
from service.arms import Arms, Asked, BothFound, Encoded, Found, guarded, select
from service.candidates import CandidateMaker
from service.errors import Internal, InvalidRequest, ServiceError, UnknownName
from service.opening import open_targets
from service.replies import fill_hits, source_info
from service.reranking import ToRank, reranker_scores
from service.stages import Observe, ignore, timed

# Masks of one byte a passage; callers of one kind ask with one filter again and again.
_FILTERS_KEPT = 16


class Begun(NamedTuple):
    """A batch whose queries are encoded. Of a request that is wrong, the error stands in the place of its filter."""

    requests: Sequence[SearchRequest]
    filters: list[Filter | ServiceError]
    search: Encoded


class Gathered(NamedTuple):
    """What the arms found for one request: by distinct query, in their order."""

    request: SearchRequest
    survivors: Survivors
    found: dict[str, BothFound]
    degraded: list[Degraded]


class Searcher:
    """Searches one snapshot. Thread-safe. Raises EncoderMismatch when the encoder is not the snapshot's.

    `arm_seconds` is how long an arm may take for one batch before the other answers alone; None is as long as it takes.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        encoder: Encoder,
        settings: RankingSettings,
        reranker: Reranker | None = None,
        threads: int = 4,
        arm_seconds: float | None = None,
    ) -> None:
        snapshot.manifest.encoder.require(encoder.description)
        self.snapshot = snapshot
        self.reranker = reranker
        self._arms = Arms(snapshot, encoder, settings.depth, threads, arm_seconds)
        self._candidates = CandidateMaker(snapshot, settings)
        # Not of a method of ours: what refers to itself outlives its last request.
        self._selection = lru_cache(_FILTERS_KEPT)(partial(select, snapshot))

    def search(self, request: SearchRequest) -> SearchReply:
        """Answer every query of the batch. Raises UnknownName; a part that failed is named in the reply instead."""
        (reply,) = self.search_many([request])
        if isinstance(reply, ServiceError):
            raise reply
        return reply

    def search_many(
        self, requests: Sequence[SearchRequest], observe: Observe = ignore
    ) -> list[SearchReply | ServiceError]:
        """Answer several requests as one batch; what is wrong with one of them is its own answer."""
        return self.finish(self.begin(requests, observe), observe)

    def begin(self, requests: Sequence[SearchRequest], observe: Observe = ignore) -> Begun:
        """The first half: each distinct query is encoded once, while words are looked up."""
        filters = [self._wanted(request) for request in requests]
        queries: dict[Filter, dict[str, None]] = {}
        for wanted, request in zip(filters, requests, strict=True):
            if isinstance(wanted, Filter):
                queries.setdefault(wanted, {}).update(dict.fromkeys(request.queries))
        asked = [Asked(list(distinct), self._selection(wanted)) for wanted, distinct in queries.items()]
        return Begun(requests, filters, self._arms.begin(asked, observe))

    def finish(self, begun: Begun, observe: Observe = ignore) -> list[SearchReply | ServiceError]:
        """The second half: candidates are found, ranked and told. One pass of the reranker for all requests together.

        An error in the place of a request that met one.
        """
        gathered = self._gathered(begun, observe)
        wholes = [one for one in gathered if isinstance(one, Gathered)]
        failed: list[Degraded] = []
        to_rank = (one for whole in wholes for one in self._candidates.make(whole.request, whole.found))
        ranked = self._reranked(to_rank, failed, observe)
        return [one if isinstance(one, ServiceError) else self._reply(one, ranked, failed, observe) for one in gathered]

    def candidates(self, request: SearchRequest) -> list[ToRank]:
        """What ranking is given for each query of the batch: for measuring it apart. Raises UnknownName, and Internal
        where an arm failed.
        """
        (gathered,) = self._gathered(self.begin([request]), ignore)
        if isinstance(gathered, ServiceError):
            raise gathered
        if gathered.degraded:
            failed = gathered.degraded[0]
            raise Internal(f"the {failed.arm} arm failed: {failed.reason}")
        return list(self._candidates.make(gathered.request, gathered.found))

    def search_arm(self, arm: Arm, queries: Sequence[str]) -> list[Found]:
        """What one arm alone returns for each query, unfiltered: for measuring the arms apart."""
        return self._arms.one(arm, queries)

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

    def _gathered(self, begun: Begun, observe: Observe) -> list[Gathered | ServiceError]:
        """What both arms found for each request, or its error."""
        try:
            found, degraded = self._arms.finish(begun.search, observe)
        except Internal as error:
            return [wanted if isinstance(wanted, ServiceError) else error for wanted in begun.filters]
        filters = dict.fromkeys(wanted for wanted in begun.filters if isinstance(wanted, Filter))
        by_filter = {
            wanted: (one.selection.survivors, dict(zip(one.queries, both, strict=True)))
            for wanted, one, both in zip(filters, begun.search.asked, found, strict=True)
        }
        return [
            wanted if isinstance(wanted, ServiceError) else _own_share(request, *by_filter[wanted], degraded)
            for wanted, request in zip(begun.filters, begun.requests, strict=True)
        ]

    def _wanted(self, request: SearchRequest) -> Filter | ServiceError:
        try:
            return self._filter(request)
        except ServiceError as error:
            return error

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

    def _reranked(
        self, to_rank: Iterable[ToRank], degraded: list[Degraded], observe: Observe
    ) -> Iterator[tuple[ToRank, Floats | None]]:
        """Each query with its reranker scores: None where there is no reranker, or where it failed."""
        reranker = self.reranker
        if reranker is None:
            # One by one: the candidates of a large batch need not be in memory together.
            return ((one, None) for one in to_rank)
        batch = list(to_rank)
        with timed("rerank", observe):
            scores = guarded("reranker", lambda: reranker_scores(self.snapshot, reranker, batch), degraded)
        return zip(batch, scores, strict=True) if scores else ((one, None) for one in batch)

    def _reply(
        self,
        asked: Gathered,
        ranked: Iterator[tuple[ToRank, Floats | None]],
        failed: list[Degraded],
        observe: Observe,
    ) -> SearchReply:
        results = {}
        for _ in asked.found:
            with timed("rank", observe):
                one, scores = next(ranked)
                ranking = rank(one.candidates, one.policy, scores, asked.request.top_k)
            with timed("reply", observe):
                results[one.query] = self._result(one, ranking, asked.request)
        return SearchReply(
            snapshot=self.snapshot.manifest.id,
            results=[results[query] for query in asked.request.queries],
            excluded_passages=asked.survivors.excluded,
            undated_kept=asked.survivors.undated_kept,
            degraded=[*asked.degraded, *failed],
        )

    def _result(self, one: ToRank, ranking: Ranking, request: SearchRequest) -> QueryResult:
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


def _domains(field: str, names: Iterable[str]) -> tuple[Domain, ...]:
    try:
        return tuple(parse_domain(name) for name in dict.fromkeys(names))
    except InvalidUrl as error:
        raise InvalidRequest(f"sources.{field}: {error}; write a domain such as who.int or who.int/data") from error


def _own_share(
    request: SearchRequest, survivors: Survivors, found: Mapping[str, BothFound], degraded: list[Degraded]
) -> Gathered:
    return Gathered(request, survivors, {query: found[query] for query in request.queries}, degraded)
