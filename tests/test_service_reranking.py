"""The searcher with a real cross-encoder: what is read, what it decides, what a batch costs, and when it fails."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from records import LetterEncoder, build_and_publish, small_pages, small_sources

from authority_search.models import Explanation, Hit, SearchReply, SearchRequest
from index.rerankers import Reranker, load_reranker
from index.settings import EncoderSettings, RerankerSettings
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.live import LiveSearcher
from service.searcher import Searcher

DEPTH = 8
QUERIES = ["policy rate of the central bank", "measles vaccine doses", "地震震级", "why are leaves green?"]
EVERYTHING: dict[str, Any] = {"top_k": 100, "max_tokens": None, "max_per_page": None}


class Counted:
    """A reranker whose passes are kept; or which fails, or gives what it should not."""

    def __init__(self, reranker: Reranker, gives: NDArray[np.float32] | None = None, fails: bool = False) -> None:
        self._reranker, self._gives, self._fails = reranker, gives, fails
        self.model, self.depth = reranker.model, reranker.depth
        self.passes: list[list[tuple[str, str]]] = []

    def scores(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        self.passes.append(list(pairs))
        if self._fails:
            raise RuntimeError("the GPU is gone")
        return self._reranker.scores(pairs) if self._gives is None else self._gives


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("letters")
    build_and_publish(root, small_pages(), small_sources(), LetterEncoder())
    return root


@pytest.fixture(scope="module")
def snapshot(data: Path) -> Snapshot:
    return SnapshotStore(DataFolder(data)).open()


@pytest.fixture(scope="module")
def reranker(cross_encoder_folder: Path) -> Reranker:
    encoder = EncoderSettings(hub=False, device="cpu", precision="fp32")
    loaded = load_reranker(RerankerSettings(model=str(cross_encoder_folder), depth=DEPTH, max_tokens=64), encoder)
    assert loaded is not None
    return loaded


@pytest.fixture(scope="module")
def plain(snapshot: Snapshot) -> Searcher:
    return Searcher(snapshot, LetterEncoder(), RankingSettings())


@pytest.fixture(scope="module")
def reranked(snapshot: Snapshot, reranker: Reranker) -> Searcher:
    return Searcher(snapshot, LetterEncoder(), RankingSettings(), reranker)


def ask(searcher: Searcher, *queries: str, **options: Any) -> SearchReply:
    return searcher.search(SearchRequest(queries=list(queries or QUERIES), **options))


def said(hit: Hit) -> Explanation:
    assert hit.explanation
    return hit.explanation


def test_within_the_depth_the_reranker_decides_and_all_else_stays_below_in_its_order(
    plain: Searcher, reranked: Searcher
) -> None:
    changed = 0
    results = (ask(searcher, authority="off", **EVERYTHING).results for searcher in (plain, reranked))
    for before, after in zip(*results, strict=True):
        given = [said(hit).reranker for hit in after.hits]
        read = [score for score in given if score is not None]
        assert given == [*sorted(read, reverse=True), *[None] * (len(given) - DEPTH)]
        was, now = ([hit.passage_id for hit in result.hits] for result in (before, after))
        assert set(now[:DEPTH]) == set(was[:DEPTH])
        assert now[DEPTH:] == was[DEPTH:]
        assert all(said(hit).reranker is None for hit in before.hits)
        assert (after.candidates, after.folded) == (before.candidates, before.folded)
        changed += now != was
    assert changed == len(QUERIES)


def test_it_reads_the_query_with_title_headings_and_passage(snapshot: Snapshot, reranker: Reranker) -> None:
    counted = Counted(reranker)
    reply = ask(Searcher(snapshot, LetterEncoder(), RankingSettings(), counted), authority="off", **EVERYTHING)
    texts = {}
    for result in reply.results:
        for hit in result.hits[:DEPTH]:
            context = [hit.title, *(heading for heading in hit.heading_path if heading != hit.title)]
            texts[result.query, f"{' > '.join(context)}\n{hit.text}"] = said(hit).reranker
    (pairs,) = counted.passes
    assert set(texts) == set(pairs)
    for pair, score in zip(pairs, reranker.scores(pairs).tolist(), strict=True):
        assert texts[pair] == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize("queries", [1, 4, 12])
def test_a_batch_is_one_pass_of_the_depth_for_each_query(snapshot: Snapshot, reranker: Reranker, queries: int) -> None:
    counted = Counted(reranker)
    searcher = Searcher(snapshot, LetterEncoder(), RankingSettings(), counted)
    asked = [f"policy rate {number}" for number in range(queries)]
    # A repeated query is read once.
    ask(searcher, *asked, *asked, top_k=1, explain=False)
    assert [len(pairs) for pairs in counted.passes] == [queries * DEPTH]
    assert len(set(counted.passes[0])) == queries * DEPTH


def test_a_batch_gives_what_its_queries_give_one_by_one(reranked: Searcher) -> None:
    for result in ask(reranked).results:
        (alone,) = ask(reranked, result.query).results
        assert [hit.passage_id for hit in result.hits] == [hit.passage_id for hit in alone.hits]
        assert [hit.score for hit in result.hits] == pytest.approx([hit.score for hit in alone.hits], abs=1e-3)


def test_what_is_read_does_not_depend_on_how_much_is_asked_for(snapshot: Snapshot, reranker: Reranker) -> None:
    counted = Counted(reranker)
    searcher = Searcher(snapshot, LetterEncoder(), RankingSettings(), counted)
    few, many = (ask(searcher, top_k=top_k, max_tokens=None).results for top_k in (3, 10))
    assert counted.passes[0] == counted.passes[1]
    assert [short.hits for short in few] == [long.hits[:3] for long in many]


def test_the_same_request_gets_the_same_bytes_after_a_restart_too(
    reranked: Searcher, data: Path, reranker: Reranker
) -> None:
    again = Searcher(SnapshotStore(DataFolder(data)).open(), LetterEncoder(), RankingSettings(), reranker)
    assert len({ask(searcher).model_dump_json() for searcher in (reranked, reranked, again)}) == 1


def test_authority_moves_hits_only_inside_their_band(snapshot: Snapshot, reranker: Reranker) -> None:
    searcher = Searcher(snapshot, LetterEncoder(), RankingSettings(band_width=0.5), reranker)
    moved = 0
    for result in ask(searcher, **EVERYTHING).results:
        bands = [said(hit).band for hit in result.hits]
        assert bands == sorted(bands)
        assert bands[DEPTH - 1] < bands[DEPTH]
        for hit in result.hits:
            assert bands[said(hit).rank_without_authority - 1] == said(hit).band
        moved += sum(said(hit).authority_moved != 0 for hit in result.hits[:DEPTH])
    assert moved > 0


def test_what_a_filter_leaves_out_is_not_read(snapshot: Snapshot, reranker: Reranker) -> None:
    counted = Counted(reranker)
    searcher = Searcher(snapshot, LetterEncoder(), RankingSettings(), counted)
    assert ask(searcher, languages=["xx"]).results[0].status == "empty"
    chinese = ask(searcher, "policy rate", languages=["zh"], **EVERYTHING).results[0]
    assert [len(pairs) for pairs in counted.passes] == [0, DEPTH]
    assert {hit.language for hit in chinese.hits} == {"zh"}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"fails": True}, "RuntimeError: the GPU is gone"),
        ({"gives": np.full(DEPTH * 4, np.nan, np.float32)}, "gave no finite number for each of 32 pairs"),
        ({"gives": np.zeros(3, np.float32)}, "gave no finite number for each of 32 pairs"),
        ({"gives": np.zeros((DEPTH * 4, 2), np.float32)}, "gave no finite number for each of 32 pairs"),
    ],
)
def test_a_failing_reranker_is_named_and_the_order_is_as_without(
    plain: Searcher, snapshot: Snapshot, reranker: Reranker, broken: Any, reason: str
) -> None:
    reply = ask(Searcher(snapshot, LetterEncoder(), RankingSettings(), Counted(reranker, **broken)))
    (failed,) = reply.degraded
    assert (failed.arm, failed.part) == ("reranker", "reranker")
    assert failed.reason.endswith(reason)
    assert reply.model_copy(update={"degraded": []}) == ask(plain)


def live(data: Path, reranker: Reranker | None) -> LiveSearcher:
    store = SnapshotStore(DataFolder(data))
    following = LiveSearcher(store, LetterEncoder, RankingSettings(), load_reranker=lambda: reranker)
    following.refresh()
    return following


def test_a_live_searcher_reranks_and_says_with_what(data: Path, reranker: Reranker, reranked: Searcher) -> None:
    following = live(data, reranker)
    assert following.readiness().reranker == reranker.model
    assert ask(following.current()) == ask(reranked)
    assert live(data, None).readiness().reranker is None


def test_a_reranker_that_fails_when_tried_is_not_served(data: Path, reranker: Reranker) -> None:
    readiness = live(data, Counted(reranker, fails=True)).readiness()
    assert readiness.status == "starting"
    assert "the reranker failed when tried: RuntimeError: the GPU is gone" in (readiness.reason or "")
