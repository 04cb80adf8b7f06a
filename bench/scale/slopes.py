"""How cost grows with size: the slope of a straight line through both on logarithmic axes, by least squares.

1 is linear growth, .5 that of the square root, 0 none.
"""

from collections.abc import Sequence
from math import log10

Points = Sequence[tuple[float, float]]
"""(size, cost)"""


def slope(points: Points) -> float | None:
    """The slope of cost against size; None for fewer than two sizes, or where a cost is not above 0."""
    if len({size for size, _ in points}) < 2 or any(size <= 0 or cost <= 0 for size, cost in points):
        return None
    xs, ys = ([log10(pair[axis]) for pair in points] for axis in (0, 1))
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    over = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return over / sum((x - x_mean) ** 2 for x in xs)
