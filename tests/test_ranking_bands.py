import numpy as np
import pytest

from ranking.bands import band_width, bands


@pytest.mark.parametrize(
    ("fused", "width", "expected"),
    [
        ([], 0.1, []),
        ([0.3], 0.1, [0]),
        ([1.0, 0.95, 0.92, 0.5], 0.1, [0, 0, 0, 1]),
        # A band is anchored at its best: 0.85 is near 0.92, but not near 1.0.
        ([1.0, 0.92, 0.85, 0.80, 0.74], 0.1, [0, 0, 1, 1, 2]),
        ([0.5, 1.0, 0.92], 0.1, [1, 0, 0]),
        ([-1.0, -3.0, -1.5], 1.0, [0, 1, 0]),
        # What lies exactly the width below the best is still inside.
        ([1.0, 0.75, 0.5], 0.25, [0, 0, 1]),
    ],
)
def test_a_band_takes_what_lies_within_the_width_below_its_best(
    fused: list[float], width: float, expected: list[int]
) -> None:
    assert bands(np.array(fused, np.float64), width).tolist() == expected


def test_without_width_only_equal_scores_share_a_band() -> None:
    assert bands(np.array([2.0, 1.0, 2.0, 1.5]), 0).tolist() == [0, 2, 0, 1]


def test_bands_follow_the_scores_and_not_a_grid() -> None:
    scores = np.array([1.04, 0.98, 0.5])
    assert bands(scores, 0.1).tolist() == bands(scores + 0.053, 0.1).tolist() == [0, 0, 1]


def width(scores: list[float], share: float, texts: list[int] | None = None) -> float:
    return band_width(np.array(scores), np.array(texts or range(len(scores)), np.uint64), share)


def test_the_width_is_a_share_of_the_fall_from_the_first_to_the_tenth() -> None:
    scores = [5.0, 4.0, 3.9, 3.8, 3.7, 3.6, 3.5, 3.4, 3.3, 3.0, -50.0]
    assert width(scores, 0.1) == pytest.approx(0.2)
    assert width(scores[::-1], 0.1) == pytest.approx(0.2)
    # With fewer than ten, to the last.
    assert width(scores[:3], 0.1) == pytest.approx(0.11)


def test_copies_of_a_text_are_one_hit_for_the_width() -> None:
    assert width([5.0, 4.9, 4.8, 4.0], 0.1, [7, 7, 7, 8]) == pytest.approx(0.1)


@pytest.mark.parametrize("scores", [[1.0], [1.0, 1.0], [1.0, 0.999]])
def test_scores_that_fall_by_almost_nothing_are_comparable_all_the_same(scores: list[float]) -> None:
    assert width(scores, 0.13) == 0.005


def test_a_share_of_nothing_and_nothing_to_share_have_no_width() -> None:
    assert width([3.0, 1.0], 0) == 0
    assert width([], 0.13) == 0
