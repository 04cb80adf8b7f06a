"""From what the arms found to what ranking is given: the union of their rows, each with both scores."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from authority_search.models import SearchRequest
from index.snapshot import Snapshot
from ranking.candidates import ArmScores, Candidates, Policy
from ranking.settings import RankingSettings
from ranking.weights import dense_weight
from service.arms import BothFound, Found
from service.reranking import ToRank


class CandidateMaker:
    """Makes the candidates of queries over one snapshot. Thread-safe."""

    def __init__(self, snapshot: Snapshot, settings: RankingSettings) -> None:
        self._snapshot = snapshot
        self._settings = settings
        authority = [snapshot.sources.get(source_id).authority for source_id in snapshot.columns.source_ids]
        self._authority = np.array(authority, np.float64)

    def make(self, request: SearchRequest, found: dict[str, BothFound]) -> Iterator[ToRank]:
        """What ranking is given for each query, one by one: those of a large batch need not be in memory together."""
        for query, both in found.items():
            rows = np.union1d(both.lexical.rows, both.dense.rows)
            yield ToRank(query, rows, self._candidates(rows, both), self._policy(query, request))

    def _policy(self, query: str, request: SearchRequest) -> Policy:
        return Policy(
            authority=request.authority,
            fusion=self._settings.fusion,
            dense_weight=dense_weight(query, self._settings),
            cosine_span=self._settings.cosine_span,
            band_width=self._settings.band_width,
            boost_weight=self._settings.boost_weight,
            max_per_page=request.max_per_page,
            max_per_source=request.max_per_source,
        )

    def _candidates(self, rows: NDArray[np.int64], both: BothFound) -> Candidates:
        columns = self._snapshot.columns
        dense = _arm_scores(rows, both.dense)
        unscored = np.isnan(dense.raw)
        if both.vector is not None and unscored.any():
            # A dot product is cheap and exact, so no candidate goes without its cosine.
            dense.raw[unscored] = self._snapshot.dense.scores(both.vector, rows[unscored])
        source = columns.source[rows].astype(np.int64)
        return Candidates(
            ids=np.array(columns.passage_ids(rows), np.bytes_),
            lexical=_arm_scores(rows, both.lexical),
            dense=dense,
            authority=self._authority[source],
            page=columns.page_numbers(rows),
            source=source,
            text_hash=columns.text_hash[rows],
            tokens=columns.tokens(rows),
            lexical_floor=self._lowest(both.lexical),
            lexical_ceiling=both.lexical.ceiling,
        )

    def _lowest(self, lexical: Found) -> float:
        """The score of what the lexical arm did not return: without any term of the query 0, else at most its last."""
        return float(lexical.scores[-1]) if len(lexical.rows) == self._settings.depth else 0.0


def _arm_scores(rows: NDArray[np.int64], found: Found) -> ArmScores:
    """An arm's scores and ranks for sorted `rows`, which contain all rows it found."""
    raw, rank_of = np.full(len(rows), np.nan), np.zeros(len(rows), np.int64)
    at = np.searchsorted(rows, found.rows)
    raw[at], rank_of[at] = found.scores, np.arange(1, len(found.rows) + 1)
    return ArmScores(raw, rank_of)
