import numpy as np

from ranking.folding import fold


def test_one_group_for_each_text_led_by_the_preferred() -> None:
    hashes = np.array([7, 9, 7, 2**64 - 1, 7], np.uint64)
    preference = [(3.0, 0.0, b""), (0.0, 0.0, b""), (1.0, 0.0, b""), (0.0, 0.0, b""), (2.0, 0.0, b"")]
    kept, folded = fold(hashes, preference.__getitem__)
    assert sorted(kept.tolist()) == [1, 2, 3]
    assert folded == {2: (4, 0)}


def test_texts_that_all_differ_are_all_kept() -> None:
    kept, folded = fold(np.array([9, 7, 8], np.uint64), lambda _: (0.0, 0.0, b""))
    assert kept.tolist() == [0, 1, 2]
    assert folded == {}


def test_nothing_folds_to_nothing() -> None:
    kept, folded = fold(np.array([], np.uint64), lambda _: (0.0, 0.0, b""))
    assert (kept.tolist(), folded) == ([], {})
