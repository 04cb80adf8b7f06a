import math

import numpy as np
import pytest

from ranking.candidates import ArmScores
from ranking.z_score import z_scores

NAN = math.nan


def arm(raw: list[float], rank: list[int]) -> ArmScores:
    return ArmScores(np.array(raw, np.float64), np.array(rank, np.int64))


def test_scores_are_deviations_from_the_mean() -> None:
    # 2, 4, 6: mean 4, variance (4 + 0 + 4) / 3 = 8/3.
    expected = 2 / math.sqrt(8 / 3)
    assert z_scores(arm([2, 4, 6], [3, 2, 1])).tolist() == pytest.approx([-expected, 0, expected])


def test_one_missing_score_gets_the_lowest_of_those_returned() -> None:
    # 10 and 20: mean 15, deviation 5.
    assert z_scores(arm([NAN, 20, 10], [0, 1, 2])).tolist() == pytest.approx([-1, 1, -1])


def test_a_known_score_counts_though_the_arm_did_not_return_it() -> None:
    assert z_scores(arm([5, 20, 10], [0, 1, 2])).tolist() == pytest.approx([-2, 1, -1])


def test_a_lone_hit_gets_one_and_the_others_nothing() -> None:
    assert z_scores(arm([NAN, 7.5, NAN], [0, 1, 0])).tolist() == [0, 1, 0]
    assert z_scores(arm([0.0], [1])).tolist() == [1]


def test_a_lone_hit_leaves_known_scores_of_others_out() -> None:
    assert z_scores(arm([0.1, 0.9], [0, 1])).tolist() == [0, 1]


@pytest.mark.parametrize("scores", [[3.0, 3.0, 3.0], [0.8, 0.8 + 6e-8, 0.8 - 6e-8]])
def test_equal_scores_get_one_each(scores: list[float]) -> None:
    assert z_scores(arm([*scores, NAN], [1, 2, 3, 0])).tolist() == [1, 1, 1, 0]


def test_scores_that_differ_little_but_truly_are_told_apart() -> None:
    assert z_scores(arm([0.80, 0.81], [2, 1])).tolist() == pytest.approx([-1, 1])


def test_an_arm_that_returned_nothing_gives_nothing() -> None:
    assert z_scores(arm([NAN, 0.4], [0, 0])).tolist() == [0, 0]
    assert z_scores(arm([], [])).tolist() == []


def test_the_order_of_candidates_changes_no_bit() -> None:
    dice = np.random.default_rng(3)
    raw, rank = dice.normal(10, 5, 101), np.arange(1, 102)
    straight = z_scores(ArmScores(raw, rank))
    for _ in range(20):
        order = dice.permutation(101)
        assert np.array_equal(z_scores(ArmScores(raw[order], rank[order])), straight[order])
