"""Folding: one text that stands on several pages is one hit. Which pages carry one text, `index.copies` says."""

from collections import defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ranking.candidates import Integers


def fold(
    text_hash: NDArray[np.uint64], prefer: Callable[[int], tuple[float, float, bytes]]
) -> tuple[Integers, dict[int, tuple[int, ...]]]:
    """Group candidates of equal text: the index of each group's representative, and the indices folded into some.

    The representative is the one for which `prefer` is smallest; the others follow in that order.
    """
    values = text_hash.tolist()
    if len(set(values)) == len(values):
        return np.arange(len(values)), {}
    groups = defaultdict[int, list[int]](list)
    for at, value in enumerate(values):
        groups[value].append(at)
    led = [sorted(group, key=prefer) if len(group) > 1 else group for group in groups.values()]
    return np.array([first for first, *_ in led], np.int64), {first: tuple(rest) for first, *rest in led if rest}
