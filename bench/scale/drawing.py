"""Vectors around real ones: with which noise, and how close what is drawn comes to what is real.

A drawn vector is mean + √(1 − s²)·(x − mean) + s·(a − b)/√2, scaled to length 1: a smoothed bootstrap that keeps mean
and covariance (Silverman and Young, "The bootstrap: to smooth or not to smooth?", Biometrika 1987), whose noise is the
way between two real vectors, so that it has the directions that real vectors differ in. x, a and b are of one language,
and so is the mean. How strong it is, s, is measured: a part of the sample is grown back to the size of the whole, and
the cosines of held-out real vectors to their 1st, 10th and 100th neighbour are compared in both.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.scale.corpus import Origin
from bench.scale.records import Closeness, Nearness
from bench.scale.sample import Sample
from index.encoders import Vectors, unit_rows

NEIGHBOURS = (1, 10, 100)
STRENGTHS = tuple(number / 20 for number in range(2, 15))
"""Up to .7: beyond it a passage's own vector would not be the largest part of what is drawn around it."""

GROWTH = 32
"""Times that a part of the sample is grown to measure it: the more a corpus is grown, the stronger noise must be."""

_HELD_OUT = 300
_SMALLEST_PART = 100


class Drawing:
    """Draws vectors for passages of a corpus."""

    def __init__(self, sample: Sample, strength: float) -> None:
        self._vectors = sample.vectors
        self._languages = sample.languages
        self._means = _means(sample.vectors, sample.languages)
        self._strength = strength

    def draw(self, origins: Sequence[Origin]) -> Vectors:
        """Shape [n, dimensions]; a real passage has its real vector."""
        parents = np.array(origins, np.int64).reshape(-1, 3)
        drawn = around(self._vectors, self._means[self._languages[parents[:, 0]]], parents, self._strength)
        real = parents[:, 1] < 0
        drawn[real] = self._vectors[parents[real, 0]]
        return drawn


def around(vectors: Vectors, means: Vectors, parents: NDArray[np.int64], strength: float) -> Vectors:
    """A vector for each row of `parents` (x, a, b), whose language has the mean in that row of `means`."""
    x, a, b = (vectors[parents[:, column]] for column in range(3))
    noise = (a - b) * np.float32(strength / np.sqrt(2))
    return unit_rows(means + (x - means) * np.float32(np.sqrt(1 - strength**2)) + noise)


def measured_strength(sample: Sample, seed: int = 1) -> Closeness:
    """The strength whose neighbours are closest to the sample's, and how close they are."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(sample.vectors))
    held = order[: min(_HELD_OUT, len(order) // 5)]
    kept = order[len(held) :]
    growth = max(2, min(GROWTH, len(kept) // _SMALLEST_PART))
    part = kept[: len(kept) // growth]
    queries, languages = sample.vectors[held], sample.languages[part]
    ranks = [rank for rank in NEIGHBOURS if rank <= len(part) * growth]
    real = _nearest(queries, sample.vectors[kept], ranks)
    parents = _parents(part, languages, growth, random)
    means = _means(sample.vectors[part], languages, len(sample.spoken))[sample.languages[parents[:, 0]]]
    tried = {
        strength: _nearest(queries, around(sample.vectors, means, parents, strength), ranks) for strength in STRENGTHS
    }
    best = min(tried, key=lambda one: float(np.abs(tried[one] - real).mean()))
    rows = tuple(
        Nearness(rank, _quantiles(real[:, at]), _quantiles(tried[best][:, at]),
                 float(np.abs(tried[best][:, at] - real[:, at]).mean()))
        for at, rank in enumerate(ranks)
    )  # fmt: skip
    return Closeness(best, len(part), len(parents), len(held), rows)


def _parents(
    part: NDArray[np.int64], languages: NDArray[np.int64], growth: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """(x, a, b) for `growth` times the rows of `part`, a and b of the language of x."""
    made = []
    for language in np.unique(languages):
        own = part[languages == language]
        x = np.tile(own, growth)
        made.append(np.stack([x, random.choice(own, len(x)), random.choice(own, len(x))], axis=1))
    return np.concatenate(made)


def _means(vectors: Vectors, languages: NDArray[np.int64], count: int | None = None) -> Vectors:
    """The mean vector of each language; of all where there is none of it."""
    means = np.tile(vectors.mean(axis=0), (int(languages.max()) + 1 if count is None else count, 1))
    for language in np.unique(languages):
        means[language] = vectors[languages == language].mean(axis=0)
    return means.astype(np.float32)


def _nearest(queries: Vectors, vectors: Vectors, ranks: Sequence[int]) -> NDArray[np.float32]:
    """Cosines to the neighbours of those ranks, shape [n, ranks], each column sorted: distributions are compared."""
    places = np.array(ranks) - 1
    cosines = -np.partition(-(queries @ vectors.T), places, axis=1)[:, places]
    return np.sort(cosines, axis=0)


def _quantiles(values: NDArray[np.float32]) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9]).tolist()
    return low, middle, high
