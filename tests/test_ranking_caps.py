import numpy as np
import pytest

from ranking.caps import within_caps

#                 0  1  2  3  4  5
PAGE = np.array([10, 10, 10, 11, 12, 12])
SOURCE = np.array([1, 1, 1, 1, 2, 2])


@pytest.mark.parametrize(
    ("per_page", "per_source", "expected"),
    [
        (None, None, [5, 0, 4, 1, 3, 2]),
        (1, None, [5, 0, 3]),
        (2, None, [5, 0, 4, 1, 3]),
        (None, 2, [5, 0, 4, 1]),
        # A hit that its page's cap drops takes no place of its source.
        (1, 2, [5, 0, 3]),
        (None, 1, [5, 0]),
    ],
)
def test_hits_stay_from_the_top_until_page_or_source_is_full(
    per_page: int | None, per_source: int | None, expected: list[int]
) -> None:
    order = np.array([5, 0, 4, 1, 3, 2])
    assert order[within_caps(PAGE[order], SOURCE[order], per_page, per_source)].tolist() == expected
