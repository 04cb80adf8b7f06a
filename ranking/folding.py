"""Folding: one text that stands on several pages is one hit. Which pages carry one text, `index.copies` says."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray


def fold(
    text_hash: NDArray[np.uint64], prefer: Callable[[int], tuple[float, float, str]]
) -> dict[int, tuple[int, ...]]:
    """Group candidates of equal text: the index of each group's representative, with the indices folded into it.

    The representative is the one for which `prefer` is smallest; the others follow in that order.
    """
    values = text_hash.tolist()
    if len(set(values)) == len(values):
        return dict.fromkeys(range(len(values)), ())
    groups: dict[int, list[int]] = {}
    for at, value in enumerate(values):
        groups.setdefault(value, []).append(at)
    return dict(_led(sorted(group, key=prefer) if len(group) > 1 else group) for group in groups.values())


def _led(group: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    return group[0], tuple(group[1:])
