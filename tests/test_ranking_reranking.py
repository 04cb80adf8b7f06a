import math

import numpy as np
import pytest
from test_ranking_rank import NAN, candidates, order_of, policy, random_candidates, shuffled

from ranking.candidates import Authority, Candidates, Floats
from ranking.rank import rank, to_rerank
from ranking.reranking import best_texts, with_reranker

# The z-scores of 2, 4 and 6 are -Z, 0 and Z.
Z = 2 / math.sqrt(8 / 3)
MODES: list[Authority] = ["off", "tie", "boost"]


def floats(*values: float) -> Floats:
    return np.array(values, np.float64)


def scored(given: Candidates, depth: int, seed: int) -> Floats:
    """Coarse reranker scores by id, so that there are ties and any order of the candidates has the same."""
    dice = np.random.default_rng(seed)
    of = dict(zip(sorted(given.ids), dice.integers(0, 9, len(given.ids)).tolist(), strict=True))
    result = np.full(len(given.ids), NAN)
    for at in to_rerank(given, policy(), depth):
        result[at] = of[given.ids[at]]
    return result


def test_z_scores_of_the_scored_stand_a_band_and_one_deviation_above_the_rest() -> None:
    # What they replace, 30, 20 and 10, has a standard deviation of √(200/3).
    result = with_reranker(floats(30, 20, 10, 0.5, -2), floats(2, 6, 4, NAN, NAN), band_width=0.1)
    spread = math.sqrt(200 / 3)
    lowest = 0.5 + 0.1 + spread
    assert result == pytest.approx([lowest, lowest + 2 * Z * spread, lowest + Z * spread, 0.5, -2])


@pytest.mark.parametrize(("width", "spread"), [(0.1, 0.1), (0.0, 1.0)])
def test_where_relevance_did_not_differ_the_reranker_still_tells_apart(width: float, spread: float) -> None:
    assert with_reranker(floats(5, 5, 5), floats(4, 2, 6), width) == pytest.approx([0, -Z * spread, Z * spread])


def test_where_all_are_scored_nothing_is_raised() -> None:
    spread = math.sqrt(2 / 3)
    assert with_reranker(floats(9, 8, 7), floats(4, 2, 6), 0.1) == pytest.approx([0, -Z * spread, Z * spread])


def test_where_none_is_scored_nothing_changes() -> None:
    assert with_reranker(floats(9, 8), floats(NAN, NAN), 0.1).tolist() == [9, 8]
    assert with_reranker(floats(), floats(), 0.1).tolist() == []


@pytest.mark.parametrize("score", [-7.0, 0.0, 3.5])
def test_a_lone_score_and_equal_scores_stand_together_above_the_rest(score: float) -> None:
    # A lone one has no deviation and counts with a band's width; that of 2 and 3 is a half.
    assert with_reranker(floats(1, 2), floats(NAN, score), 0.1) == pytest.approx([1, 1.2])
    assert with_reranker(floats(1, 2, 3), floats(NAN, score, score), 0.1) == pytest.approx([1, 1.6, 1.6])


def test_the_best_texts_are_chosen_by_score_then_id_and_each_once() -> None:
    given = candidates([1, 1, 1, 1, 1], ids="edcba", texts=[7, 8, 9, 8, 6])
    assert best_texts(given, floats(5, 3, 4, 3.5, 3), 9).tolist() == [0, 2, 3, 4]
    assert best_texts(given, floats(5, 3, 4, 3.5, 3), 3).tolist() == [0, 2, 3]
    # All equal: by id, and of the copies b and d the first.
    assert best_texts(given, floats(1, 1, 1, 1, 1), 9).tolist() == [4, 3, 2, 0]
    assert best_texts(candidates([]), floats(), 9).tolist() == []


def test_the_reranker_decides_among_what_it_read_and_the_rest_keeps_its_order() -> None:
    given = candidates([5, 4, 3, 2, 1])
    assert to_rerank(given, policy(), 3).tolist() == [0, 1, 2]
    ranking = rank(given, policy("off"), floats(-1, 0, 8, NAN, NAN))
    assert order_of(given, ranking) == "cbade"
    assert [hit.reranker for hit in ranking.hits] == [8, 0, -1, None, None]
    assert [hit.reranker for hit in rank(given, policy("off")).hits] == [None] * 5


def test_a_folded_text_has_the_score_of_the_copy_that_was_read() -> None:
    # b and c are one text; b is read, c is the more trusted.
    given = candidates([5, 4, 3, 2, 1], texts=[1, 2, 2, 3, 4], authority=[0.5, 0.2, 0.9, 0.5, 0.5])
    assert to_rerank(given, policy(), 3).tolist() == [0, 1, 3]
    ranking = rank(given, policy("tie"), floats(2, 6, NAN, 4, NAN))
    assert order_of(given, ranking) == "cdae"
    assert [hit.reranker for hit in ranking.hits] == [6, 4, 2, None]
    assert ranking.hits[0].same_text == (1,)


@pytest.mark.parametrize("authority", MODES)
@pytest.mark.parametrize("seed", range(4))
def test_reranked_or_not_the_order_of_the_input_does_not_matter(seed: int, authority: Authority) -> None:
    given = random_candidates(seed)
    chosen = policy(authority, max_per_page=3)
    expected = rank(given, chosen, scored(given, 15, seed))
    for shuffle in range(3):
        other = shuffled(given, shuffle)
        ranking = rank(other, chosen, scored(other, 15, seed))
        assert [other.ids[hit.at] for hit in ranking.hits] == [given.ids[hit.at] for hit in expected.hits]
        assert [hit[1:-1] for hit in ranking.hits] == [hit[1:-1] for hit in expected.hits]


@pytest.mark.parametrize("width", [0.0, 0.1, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_no_band_holds_what_was_read_and_what_was_not(seed: int, width: float) -> None:
    given = random_candidates(seed)
    hits = rank(given, policy("tie", band_width=width), scored(given, 15, seed)).hits
    read = [hit for hit in hits if hit.reranker is not None]
    assert len(read) == 15
    assert hits[:15] == read
    assert max(hit.band for hit in read) < min(hit.band for hit in hits[15:])


@pytest.mark.parametrize("seed", range(4))
def test_authority_moves_reranked_hits_inside_their_band_only(seed: int) -> None:
    given = random_candidates(seed)
    hits = rank(given, policy("tie", band_width=0.5), scored(given, 15, seed)).hits
    assert [hit.band for hit in hits] == sorted(hit.band for hit in hits)
    assert any(hit.authority_moved for hit in hits[:15])
    for place, hit in enumerate(hits, 1):
        assert hits[hit.rank_without_authority - 1].band == hit.band
        assert hit.authority_moved == hit.rank_without_authority - place
    plain = rank(given, policy("off"), scored(given, 15, seed)).hits[:15]
    assert [hit.reranker for hit in plain] == sorted((hit.reranker or 0 for hit in plain), reverse=True)


def test_authority_has_no_say_in_what_is_read() -> None:
    given = random_candidates(1)
    assert len({tuple(to_rerank(given, policy(mode, boost_weight=9), 15).tolist()) for mode in MODES}) == 1
