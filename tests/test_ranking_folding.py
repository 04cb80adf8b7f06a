import numpy as np

from ranking.folding import fold


def test_one_group_for_each_text_led_by_the_preferred() -> None:
    hashes = np.array([7, 9, 7, 2**64 - 1, 7], np.uint64)
    preference = [(3.0, 0.0, ""), (0.0, 0.0, ""), (1.0, 0.0, ""), (0.0, 0.0, ""), (2.0, 0.0, "")]
    assert fold(hashes, preference.__getitem__) == {2: (4, 0), 1: (), 3: ()}


def test_nothing_folds_to_nothing() -> None:
    assert fold(np.array([], np.uint64), lambda _: (0.0, 0.0, "")) == {}
