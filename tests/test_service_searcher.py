"""The searcher over a real snapshot with real encoders: what a request means, and what a reply promises."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records import BANK, FORUM, JOURNAL

from authority_search.models import MAX_QUERIES, Hit, QueryResult, SearchReply, SearchRequest
from index.columns import StoredPage
from index.encoders import Encoder, EncoderDescription, Vectors, unit_rows
from index.errors import EncoderMismatch
from index.lexical import LexicalIndex
from index.records import Passage
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.errors import Internal, UnknownName
from service.searcher import Searcher

QUERIES = [
    "what is the policy rate of the central bank",
    "how many doses of measles vaccine",
    "地震震级是什么",
    "counterfeit banknotes",
    "policy rate",
    "央行的政策利率",
    "why are leaves green?",
    "energy",
]
EVERYTHING: dict[str, Any] = {"top_k": 100, "max_tokens": None, "max_per_page": None}


class Remembering:
    """MiniLM, which remembers the batches it has encoded: most tests here are about what comes after it."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[tuple[str, ...], Vectors] = {}
        self.description = encoder.description
        self.encode_passages = encoder.encode_passages

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        if tuple(texts) not in self._known:
            self._known[tuple(texts)] = self._encoder.encode_queries(texts)
        return self._known[tuple(texts)]


@pytest.fixture(scope="module")
def encoder(minilm: Encoder) -> Encoder:
    return Remembering(minilm)


@pytest.fixture(scope="module")
def searcher(small_snapshot: Snapshot, encoder: Encoder) -> Searcher:
    return Searcher(small_snapshot, encoder, RankingSettings())


@pytest.fixture
def own_snapshot(small_data: Path) -> Snapshot:
    """The snapshot opened once more, so that a test may take a part out of it."""
    return SnapshotStore(DataFolder(small_data)).open()


def ask(searcher: Searcher, *queries: str, **options: Any) -> SearchReply:
    return searcher.search(SearchRequest(queries=list(queries or QUERIES), **options))


def one(searcher: Searcher, query: str, **options: Any) -> QueryResult:
    (result,) = ask(searcher, query, **options).results
    return result


# The same request, asked in other ways


def test_a_batch_gives_what_its_queries_give_one_by_one(searcher: Searcher) -> None:
    for result in ask(searcher).results:
        alone = one(searcher, result.query)
        assert [hit.passage_id for hit in result.hits] == [hit.passage_id for hit in alone.hits]
        assert [hit.score for hit in result.hits] == pytest.approx([hit.score for hit in alone.hits], abs=1e-3)
        assert (result.candidates, result.folded, result.capped) == (alone.candidates, alone.folded, alone.capped)


def test_results_come_in_the_order_of_the_queries_and_a_repeated_query_has_the_same_result(searcher: Searcher) -> None:
    results = ask(searcher, *QUERIES, *reversed(QUERIES)).results
    assert [result.query for result in results] == [*QUERIES, *reversed(QUERIES)]
    assert results == results[::-1]


def test_the_same_request_gets_the_same_bytes(small_snapshot: Snapshot, minilm: Encoder) -> None:
    searcher = Searcher(small_snapshot, minilm, RankingSettings())
    assert ask(searcher).model_dump_json() == ask(searcher).model_dump_json()


def test_a_reopened_snapshot_answers_with_the_same_bytes(
    searcher: Searcher, own_snapshot: Snapshot, minilm: Encoder
) -> None:
    reopened = Searcher(own_snapshot, minilm, RankingSettings(), threads=1)
    assert ask(reopened).model_dump_json() == ask(searcher).model_dump_json()


def test_fewer_hits_are_the_first_of_many(searcher: Searcher) -> None:
    few, many = (ask(searcher, top_k=top_k, max_tokens=None).results for top_k in (3, 10))
    for short, long in zip(few, many, strict=True):
        assert short.hits == long.hits[:3]
        assert (short.candidates, short.folded, short.capped) == (long.candidates, long.folded, long.capped)


def test_two_unlike_queries_get_unlike_results(searcher: Searcher) -> None:
    rate, vaccine = ask(searcher, "central bank policy rate", "measles vaccination doses").results
    assert {rate.hits[0].source.id, vaccine.hits[0].source.id} == {BANK, JOURNAL}
    assert rate.hits[0].url.endswith("/policy-rate")
    assert vaccine.hits[0].url.endswith("/measles-vaccine")


# Filters


def between(field: str, first: str, last: str, undated: bool) -> Callable[[Passage, StoredPage], bool]:
    def holds(_passage: Passage, page: StoredPage) -> bool:
        dated = page.dates[field]
        return undated if dated is None else first <= dated.value[:10] <= last

    return holds


FILTERS: dict[str, tuple[dict[str, Any], Callable[[Passage, StoredPage], bool]]] = {
    "include": ({"sources": {"include": [BANK]}}, lambda _, page: page.source == BANK),
    "exclude": ({"sources": {"exclude": [BANK]}}, lambda _, page: page.source != BANK),
    "exclusion wins": (
        {"sources": {"include": [BANK, FORUM], "exclude": [FORUM]}},
        lambda _, page: page.source == BANK,
    ),
    "profile": ({"profile": "primary"}, lambda _, page: page.source == BANK),
    "profile of all": ({"profile": "all"}, lambda _passage, _page: True),
    "profile without": ({"profile": "primary", "sources": {"exclude": [BANK]}}, lambda _passage, _page: False),
    "language": ({"languages": ["zh"]}, lambda passage, _: passage.language == "zh"),
    "languages": ({"languages": ["zh", "en", "xx"]}, lambda passage, _: passage.language in ("zh", "en")),
    "a language that is not there": ({"languages": ["xx"]}, lambda _passage, _page: False),
    "published, undated kept": (
        {"dates": {"from": "2022-01-15", "to": "2024-03-01"}},
        between("published", "2022-01-15", "2024-03-01", True),
    ),
    "published, undated dropped": (
        {"dates": {"from": "2022-01-15", "to": "2024-03-01", "undated": "drop"}},
        between("published", "2022-01-15", "2024-03-01", False),
    ),
    "modified": (
        {"dates": {"field": "modified", "to": "2023-11-02", "undated": "drop"}},
        between("modified", "0001-01-01", "2023-11-02", False),
    ),
    "crawled": ({"dates": {"field": "crawled", "from": "2025-01-02"}}, lambda _passage, _page: False),
    "dated at all": ({"dates": {"undated": "drop"}}, between("published", "0001-01-01", "9999-12-31", False)),
    "all together": (
        {"profile": "primary", "languages": ["en"], "dates": {"from": "2024-01-01", "undated": "drop"}},
        lambda passage, page: (
            page.source == BANK
            and passage.language == "en"
            and page.dates["published"] is not None
            and page.dates["published"].value >= "2024-01-01"
        ),
    ),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_exact_and_says_what_it_excluded(searcher: Searcher, name: str) -> None:
    options, holds = FILTERS[name]
    stored = [searcher.snapshot.columns.passage(row) for row in range(len(searcher.snapshot.columns))]
    kept = [(passage, page) for passage, page in stored if holds(passage, page)]
    reply = ask(searcher, "energy", "政策利率", **EVERYTHING, **options)
    assert reply.excluded_passages == len(stored) - len(kept)
    for result in reply.results:
        # The snapshot is smaller than the depth: the dense arm returns every passage that survives.
        assert result.candidates == len(kept)
        assert {hit.passage_id for hit in result.hits} <= {passage.id for passage, _ in kept}
        assert len(result.hits) + result.folded == len(kept)
        assert result.status == ("ok" if kept else "empty")


def test_undated_passages_that_were_kept_are_counted(searcher: Searcher) -> None:
    dates = {"from": "2022-01-01"}
    kept = ask(searcher, "energy", dates=dates)
    dropped = ask(searcher, "energy", dates={**dates, "undated": "drop"})
    assert dropped.undated_kept == 0
    assert kept.undated_kept == dropped.excluded_passages - kept.excluded_passages > 0


def test_without_filters_nothing_is_excluded(searcher: Searcher) -> None:
    reply = ask(searcher)
    assert (reply.excluded_passages, reply.undated_kept, reply.degraded) == (0, 0, [])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sources": {"include": ["bank.example.com"]}}, f"unknown source 'bank.example.com'; did you mean {BANK}"),
        ({"sources": {"exclude": ["zzz"]}}, "unknown source 'zzz'"),
        ({"profile": "primry"}, "unknown profile 'primry'; did you mean primary"),
        ({"profile": "zzz"}, "unknown profile 'zzz'; there are all, primary"),
    ],
)
def test_an_unknown_name_is_an_error_that_suggests(searcher: Searcher, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UnknownName, match=said):
        ask(searcher, "energy", **options)


# Order and authority


def order_key(hit: Hit) -> tuple[float, ...]:
    assert hit.explanation
    return hit.explanation.band, -hit.source.authority, -hit.score


@pytest.mark.parametrize("width", [0.0, 0.1, 1.0])
def test_tie_orders_by_band_authority_and_score(small_snapshot: Snapshot, encoder: Encoder, width: float) -> None:
    searcher = Searcher(small_snapshot, encoder, RankingSettings(band_width=width))
    for result in ask(searcher, **EVERYTHING).results:
        assert [order_key(hit) for hit in result.hits] == sorted(order_key(hit) for hit in result.hits)
        best: dict[int, float] = {}
        by_score = sorted(result.hits, key=lambda hit: -hit.score)
        fall = by_score[0].score - by_score[:10][-1].score
        for hit in by_score:
            assert hit.explanation
            assert best.setdefault(hit.explanation.band, hit.score) - hit.score <= width * fall + 1e-5


def test_authority_moves_hits_only_inside_their_band_and_says_how_far(
    small_snapshot: Snapshot, encoder: Encoder
) -> None:
    searcher = Searcher(small_snapshot, encoder, RankingSettings(band_width=0.5))
    moved = 0
    for result in ask(searcher, **EVERYTHING).results:
        bands = [hit.explanation.band for hit in result.hits if hit.explanation]
        assert bands == sorted(bands)
        for hit in result.hits:
            assert hit.explanation
            assert hit.explanation.rank_without_authority - hit.rank == hit.explanation.authority_moved
            assert bands[hit.explanation.rank_without_authority - 1] == hit.explanation.band
            moved += hit.explanation.authority_moved != 0
    assert moved > 0


def test_off_orders_by_score_alone(searcher: Searcher) -> None:
    for result in ask(searcher, authority="off", **EVERYTHING).results:
        scores = [hit.score for hit in result.hits]
        assert scores == sorted(scores, reverse=True)
        assert all(hit.explanation and hit.explanation.authority_moved == 0 for hit in result.hits)


def test_boost_adds_authority_to_the_score(searcher: Searcher) -> None:
    settings = RankingSettings()
    for query in QUERIES:
        plain = {hit.passage_id: hit for hit in one(searcher, query, authority="off", **EVERYTHING).hits}
        for hit in one(searcher, query, authority="boost", **EVERYTHING).hits:
            # A folded hit may stand for another copy of its text.
            if hit.also_at or hit.passage_id not in plain:
                continue
            added = settings.boost_weight * (hit.source.authority - 0.5)
            assert hit.score == pytest.approx(plain[hit.passage_id].score + added, abs=1e-5)


@pytest.mark.parametrize("authority", ["tie", "boost"])
def test_a_text_on_several_pages_is_one_hit_of_the_most_trusted(searcher: Searcher, authority: str) -> None:
    result = one(searcher, "the interest rate at which the central bank lends overnight", authority=authority)
    first = result.hits[0]
    assert (first.source.id, first.also_at) == (BANK, [f"https://{FORUM}/what-is-the-policy-rate"])
    assert result.folded >= 1
    texts = [" ".join(hit.text.casefold().split()) for hit in result.hits]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(("page", "source"), [(1, None), (2, None), (None, 2), (1, 1), (None, None)])
def test_caps_hold_and_are_counted(searcher: Searcher, page: int | None, source: int | None) -> None:
    options = {**EVERYTHING, "max_per_page": page, "max_per_source": source}
    for result in ask(searcher, **options).results:
        urls, sources = [hit.url for hit in result.hits], [hit.source.id for hit in result.hits]
        assert max(map(urls.count, urls)) <= (page or 100)
        assert max(map(sources.count, sources)) <= (source or 100)
        assert len(result.hits) + result.folded + result.capped == result.candidates
        assert (result.capped == 0) is (page is None and source is None)


# The reply


@pytest.mark.parametrize("budget", [16, 20, 50, 100, 400])
def test_texts_fit_into_the_token_budget_and_say_what_is_missing(searcher: Searcher, budget: int) -> None:
    whole = ask(searcher, top_k=10, max_tokens=None).results
    for full, result in zip(whole, ask(searcher, top_k=10, max_tokens=budget).results, strict=True):
        assert sum(hit.tokens for hit in result.hits) <= budget
        assert len(result.hits) + result.omitted == len(full.hits)
        for hit, uncut in zip(result.hits, full.hits, strict=False):
            assert (hit.passage_id, hit.rank) == (uncut.passage_id, uncut.rank)
            assert hit.tokens + hit.truncated_tokens == uncut.tokens
            assert uncut.text.startswith(hit.text)
            assert (hit.text == uncut.text) is (hit.truncated_tokens == 0)
        assert all(hit.truncated_tokens == 0 for hit in result.hits[:-1])


def test_a_hit_is_a_slice_of_its_page_with_source_and_dates(searcher: Searcher) -> None:
    columns = searcher.snapshot.columns
    for result in ask(searcher, **EVERYTHING).results:
        for hit in result.hits:
            number = columns.find_page(hit.url)
            assert number is not None
            page = columns.page(number)
            assert page.text[hit.start : hit.end] == hit.text
            assert (page.source, page.title) == (hit.source.id, hit.title)
            shown = {name: date and (date.value, date.origin) for name, date in hit.dates}
            assert shown == {name: tuple(date) if date else None for name, date in page.dates.items()}


def test_explanations_come_only_when_asked_for_and_change_nothing_else(searcher: Searcher) -> None:
    plain, explained = (ask(searcher, explain=explain).results for explain in (False, True))
    for short, long in zip(plain, explained, strict=True):
        assert all(hit.explanation is None for hit in short.hits)
        assert all(hit.explanation and hit.explanation.fused == hit.score for hit in long.hits)
        assert [hit.model_copy(update={"explanation": None}) for hit in long.hits] == short.hits


def test_every_candidate_has_a_cosine_and_ranks_where_an_arm_returned_it(
    small_snapshot: Snapshot, encoder: Encoder
) -> None:
    shallow = Searcher(small_snapshot, encoder, RankingSettings(depth=5))
    for result in ask(shallow, **EVERYTHING).results:
        assert 5 <= result.candidates <= 10
        for hit in result.hits:
            assert hit.explanation
            assert hit.explanation.dense.raw is not None
            assert -1.001 <= hit.explanation.dense.raw <= 1.001
            assert hit.explanation.lexical.rank or hit.explanation.dense.rank
            assert (hit.explanation.lexical.raw is None) is (hit.explanation.lexical.rank is None)


def test_sources_tell_what_the_snapshot_holds(searcher: Searcher) -> None:
    reply = searcher.sources()
    assert sum(row.passages for row in reply.sources) == len(searcher.snapshot.columns)
    assert sum(row.pages for row in reply.sources) == searcher.snapshot.columns.page_count
    assert set(reply.profiles) == {"primary", "all"}


# Arms that fail


class Stub:
    """An encoder with the description of the snapshot's: counts its passes, gives fixed random vectors, or fails."""

    def __init__(self, description: EncoderDescription, fails: bool = False) -> None:
        self.description = description
        self.fails = fails
        self.passes: list[int] = []

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        self.passes.append(len(texts))
        if self.fails:
            raise RuntimeError("the GPU is gone")
        shape = (len(texts), self.description.dimensions)
        return unit_rows(np.random.default_rng(7).normal(size=shape).astype(np.float32))

    encode_passages = encode_queries


class BrokenLexical:
    """A lexical index that cannot be read."""

    def restriction(self, _mask: object) -> None:
        return None

    def search_with_ceiling(self, _query: str, _depth: int, _restriction: object) -> None:
        raise OSError("segment is damaged")


def test_a_failing_encoder_is_named_and_the_lexical_arm_answers(small_snapshot: Snapshot, minilm: Encoder) -> None:
    searcher = Searcher(small_snapshot, Stub(minilm.description, fails=True), RankingSettings())
    reply = ask(searcher, "policy rate", "…!?")
    assert [(failed.arm, failed.reason) for failed in reply.degraded] == [("dense", "RuntimeError: the GPU is gone")]
    found, nothing = reply.results
    assert found.hits[0].url.endswith("/policy-rate")
    assert all(hit.explanation and hit.explanation.dense.raw is None for hit in found.hits)
    # No term and no vector: nothing is found, which is no error.
    assert (nothing.status, nothing.hits, nothing.candidates) == ("empty", [], 0)


def test_a_failing_lexical_index_is_named_and_the_dense_arm_answers(own_snapshot: Snapshot, minilm: Encoder) -> None:
    own_snapshot.lexical = BrokenLexical()  # type: ignore[assignment]
    reply = ask(Searcher(own_snapshot, minilm, RankingSettings()), "measles vaccine doses")
    assert [(failed.arm, failed.reason) for failed in reply.degraded] == [("lexical", "OSError: segment is damaged")]
    assert reply.results[0].hits[0].url.endswith("/measles-vaccine")
    assert all(hit.explanation and hit.explanation.lexical.raw is None for hit in reply.results[0].hits)


def test_when_both_arms_fail_there_is_no_reply(own_snapshot: Snapshot, minilm: Encoder) -> None:
    own_snapshot.lexical = BrokenLexical()  # type: ignore[assignment]
    searcher = Searcher(own_snapshot, Stub(minilm.description, fails=True), RankingSettings())
    with pytest.raises(Internal, match=r"both arms failed: .*the GPU is gone; .*segment is damaged"):
        ask(searcher, "energy")


def test_an_encoder_with_other_weights_is_refused(small_snapshot: Snapshot, minilm: Encoder) -> None:
    other = Stub(dataclasses.replace(minilm.description, digest="0" * 64))
    with pytest.raises(EncoderMismatch, match="publish again"):
        Searcher(small_snapshot, other, RankingSettings())


# What a batch costs


class CountedDense:
    """The snapshot's dense index, with its searches counted."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._dense = snapshot.dense
        self.scores = snapshot.dense.scores
        self.searches: list[int] = []

    def search(self, vectors: Vectors, *others: Any) -> Any:
        self.searches.append(len(vectors))
        return self._dense.search(vectors, *others)


@pytest.mark.parametrize("count", [1, 7, MAX_QUERIES])
def test_a_batch_is_one_encoder_pass_and_one_dense_search(own_snapshot: Snapshot, minilm: Encoder, count: int) -> None:
    encoder, dense = Stub(minilm.description), CountedDense(own_snapshot)
    own_snapshot.dense = dense  # type: ignore[assignment]
    searcher = Searcher(own_snapshot, encoder, RankingSettings(depth=3))
    reply = ask(searcher, *(f"measles {number}" for number in range(count)), top_k=1, explain=False)
    assert len(reply.results) == count
    assert encoder.passes == dense.searches == [count]


def test_a_repeated_query_is_encoded_once(small_snapshot: Snapshot, minilm: Encoder) -> None:
    encoder = Stub(minilm.description)
    ask(Searcher(small_snapshot, encoder, RankingSettings()), "a", "b", "a")
    assert encoder.passes == [2]


def test_one_arm_alone_gives_what_the_explanations_say(searcher: Searcher) -> None:
    assert isinstance(searcher.snapshot.lexical, LexicalIndex)
    for arm in ("lexical", "dense"):
        for found, result in zip(searcher.search_arm(arm, QUERIES), ask(searcher, **EVERYTHING).results, strict=True):
            said = {
                hit.passage_id: (getattr(hit.explanation, arm).rank, getattr(hit.explanation, arm).raw)
                for hit in result.hits
                if getattr(hit.explanation, arm).rank
            }
            ids = [searcher.snapshot.columns.passage_id(int(row)) for row in found.rows]
            for place, (identity, score) in enumerate(zip(ids, found.scores, strict=True), 1):
                assert said.get(identity, (place, score)) == (place, pytest.approx(score, abs=1e-3))
