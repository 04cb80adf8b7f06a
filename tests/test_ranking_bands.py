import numpy as np
import pytest

from ranking.bands import bands


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
