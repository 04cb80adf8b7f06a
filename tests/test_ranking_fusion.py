import dataclasses
import math

import numpy as np
import pytest
from test_ranking_rank import NAN, candidates, policy

from ranking.calibrated import calibrated_dense, calibrated_lexical
from ranking.candidates import ArmScores, Candidates, Floats
from ranking.fusion import fuse
from ranking.min_max import min_max
from ranking.reciprocal_rank import reciprocal_ranks


def arm(raw: list[float], ranks: list[int]) -> ArmScores:
    return ArmScores(np.array(raw, np.float64), np.array(ranks, np.int64))


def close(values: list[float]) -> object:
    return pytest.approx(values, abs=1e-12)


def fused(given: Candidates, weight: float = 0.5) -> Floats:
    return fuse(given, policy("off", fusion="calibrated", dense_weight=weight, cosine_span=0.25)).relevance


def test_calibrated_lexical_scores_are_shares_of_the_ceiling() -> None:
    one = arm([6, 3, NAN], [1, 2, 0])
    assert calibrated_lexical(one, floor=0, ceiling=12) == close([0.5, 0.25, 0])
    assert calibrated_lexical(one, floor=3, ceiling=12) == close([0.5, 0.25, 0.25])


def test_a_query_without_terms_has_no_lexical_scores() -> None:
    assert calibrated_lexical(arm([NAN, NAN], [0, 0]), floor=0, ceiling=0).tolist() == [0, 0]


def test_calibrated_cosines_are_spans_less_what_short_texts_have_without_merit() -> None:
    tokens = np.array([0, 20, 100_000, 100_000])
    result = calibrated_dense(arm([0.8, 0.8, 0.8, NAN], [1, 2, 3, 0]), tokens, span=0.25)
    assert result == close([(0.8 - 0.03) / 0.25, (0.8 - 0.03 / math.e) / 0.25, 3.2, 3.2])


def test_a_known_cosine_counts_though_the_arm_did_not_return_it() -> None:
    result = calibrated_dense(arm([0.8, 0.4], [1, 0]), np.full(2, 100_000), span=0.25)
    assert result == close([3.2, 1.6])


def test_a_dense_arm_that_returned_nothing_gives_nothing() -> None:
    assert calibrated_dense(arm([NAN, NAN], [0, 0]), np.array([9, 9]), 0.25).tolist() == [0, 0]


def test_calibrated_fusion_lets_a_full_match_outvote_the_encoder() -> None:
    # Shares .9 and .1 against cosines .80 and .85: .45 − .05 = .4 against .05 / .25 / 2 = .1.
    found = dataclasses.replace(candidates([9, 1], [0.80, 0.85]), lexical_ceiling=10.0)
    assert fused(found)[0] - fused(found)[1] == pytest.approx(0.3)


def test_calibrated_fusion_lets_the_encoder_outvote_a_poor_match() -> None:
    # The same scores out of 100: shares .09 and .01.
    found = dataclasses.replace(candidates([9, 1], [0.80, 0.85]), lexical_ceiling=100.0)
    assert fused(found)[1] - fused(found)[0] == pytest.approx(0.1 - 0.04)


def test_the_weight_decides_between_the_arms() -> None:
    found = dataclasses.replace(candidates([9, 1], [0.80, 0.85]), lexical_ceiling=10.0)
    assert fused(found, 0.0) == close([0.9, 0.1])
    assert fused(found, 1.0)[1] > fused(found, 1.0)[0]


def test_min_max_spans_from_the_last_to_the_first_hit() -> None:
    assert min_max(arm([6, 2, 3, NAN], [1, 3, 2, 0])) == close([1, 0, 0.25, 0])
    assert min_max(arm([6, 2, 0], [1, 2, 0])) == close([1, 0, -0.5])


@pytest.mark.parametrize("scores", [[3.0, NAN], [3.0, 3.0]])
def test_min_max_of_equal_scores_is_one(scores: list[float]) -> None:
    returned = [0 if math.isnan(score) else place for place, score in enumerate(scores, 1)]
    assert min_max(arm(scores, returned)).tolist() == [float(rank > 0) for rank in returned]


def test_min_max_and_reciprocal_rank_of_nothing_are_nothing() -> None:
    assert min_max(arm([NAN], [0])).tolist() == [0]
    assert reciprocal_ranks(arm([NAN], [0])).tolist() == [0]


def test_reciprocal_rank_counts_places_and_not_scores() -> None:
    assert reciprocal_ranks(arm([9, 1, NAN], [1, 3, 0])) == close([1, 61 / 63, 0])
