"""Systems at work: queries in, rows of the snapshot out. Ours go through `service.searcher` and nothing else."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from authority_search.models import Arm, Authority, SearchRequest
from bench.errors import SystemFailed
from bench.systems import AUTHORITY, RERANKED, System
from bench.view import Place, View
from index.encoders import Encoder
from index.rerankers import Reranker
from service.searcher import Searcher

BATCH = 256


class Ranker(Protocol):
    """What answers queries, up to BATCH at a time: for each the best `top_k` places, best first."""

    def rank(self, queries: Sequence[str], top_k: int) -> list[list[Place]]: ...


class ArmRanker:
    """One arm alone, to the depth that the settings give it."""

    def __init__(self, arm: Arm, searcher: Searcher) -> None:
        self._arm: Arm = arm
        self._searcher = searcher

    def rank(self, queries: Sequence[str], top_k: int) -> list[list[Place]]:
        found = self._searcher.search_arm(self._arm, queries)
        return [[Place(int(row)) for row in one.rows[:top_k]] for one in found]


class HybridRanker:
    """What a search answers: both arms, fused, without caps and without a token budget."""

    def __init__(self, authority: Authority, searcher: Searcher, view: View) -> None:
        self._authority: Authority = authority
        self._searcher = searcher
        self._view = view

    def rank(self, queries: Sequence[str], top_k: int) -> list[list[Place]]:
        request = SearchRequest(
            queries=list(queries),
            top_k=top_k,
            authority=self._authority,
            max_tokens=None,
            max_per_page=None,
            explain=False,
        )
        reply = self._searcher.search(request)
        if reply.degraded:
            failed = "; ".join(f"the {one.arm} arm failed ({one.reason})" for one in reply.degraded)
            raise SystemFailed(f"half a search cannot be judged: {failed}")
        return [[place for hit in result.hits for place in self._view.rows_of(hit)][:top_k] for result in reply.results]


def require_installed(systems: Iterable[System]) -> None:
    """Raise PeerMissing at once rather than when a peer's turn comes."""
    if any(system.way == "bm25s" for system in systems):
        import bench.peers.bm25s_peer  # noqa: F401 - the import itself tells


def make_ranker(system: System, view: View, encoder: Encoder, reranker: Reranker | None = None) -> Ranker:
    """The ranker of a system; `reranker` is that of hybrid+rerank alone. Raises EncoderMismatch, and PeerMissing for a
    peer that is not installed.
    """
    if system.way == "bm25s":
        # Peers are an extra: what is not asked for need not be installed.
        from bench.peers.bm25s_peer import Bm25sRanker

        return Bm25sRanker(view.snapshot)
    if system.way == "flat-dense":
        from bench.peers.flat_dense import FlatDenseRanker

        return FlatDenseRanker(view.snapshot, encoder)
    searcher = Searcher(view.snapshot, encoder, system.settings, reranker if system.way == RERANKED else None)
    if system.way in ("lexical", "dense"):
        return ArmRanker(system.way, searcher)
    return HybridRanker(AUTHORITY[system.way], searcher, view)
