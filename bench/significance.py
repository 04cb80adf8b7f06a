"""Whether two systems differ by more than chance: a paired randomisation test, corrected for many comparisons.

Smucker, Allan and Carterette, "A comparison of statistical significance tests for information retrieval
evaluation", CIKM 2007: if the systems were the same, each query's difference could as well have the other sign.
Correction: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 1979.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bench.records import Comparison, Result

RESAMPLES = 20_000
SEED = 20_070
# All 2**14 assignments of signs are fewer than RESAMPLES, and are then tried one by one.
TESTED = ("nDCG@10", "R@100", "AR@1024")
LEVEL = 0.05

_BATCH = 2_000
_SMALLEST = 1e-12


def randomisation_test(differences: Sequence[float]) -> float:
    """Two-sided p of the mean of paired differences. Exact up to 14 that are not 0; otherwise 20,000 samples, seeded.

    A sampled p is (at least as extreme + 1) / (samples + 1) per side, so that it is never 0.
    """
    values = np.array(differences, np.float64)
    # A difference of 0 has no sign: it changes no sum.
    values = values[np.abs(values) > _SMALLEST]
    if len(values) < 2:
        # Of one difference both signs are equally extreme.
        return 1.0
    from scipy.stats import permutation_test  # takes a second, which no other command needs to wait for

    found = permutation_test(
        (values,),
        lambda sample, axis: np.mean(sample, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=_BATCH,
        rng=np.random.default_rng(SEED),
    )
    return float(found.pvalue)


def holm(values: Sequence[float]) -> list[float]:
    """Holm's p values in the order given: the i-th smallest of m times m - i + 1, never falling, at most 1."""
    adjusted = [0.0] * len(values)
    least = 0.0
    for place, at in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        least = max(least, min(1.0, values[at] * (len(values) - place)))
        adjusted[at] = least
    return adjusted


def compare(results: Sequence[Result], baseline: str, measures: Sequence[str] = TESTED) -> tuple[Comparison, ...]:
    """Each system against the baseline on each collection and measure, corrected for all comparisons made."""
    base = {result.collection: result for result in results if result.system == baseline}
    made = [
        _compared(base[result.collection], result, measure)
        for result in results
        if result.system != baseline and result.collection in base
        for measure in measures
        if measure in result.means and measure in base[result.collection].means
    ]
    corrected = holm([one.p for one in made])
    return tuple(replace(one, p_corrected=p) for one, p in zip(made, corrected, strict=True))


def _compared(base: Result, result: Result, measure: str) -> Comparison:
    differences = {
        query: values[measure] - base.per_query[query][measure] for query, values in result.per_query.items()
    }
    helped = {query: value for query, value in differences.items() if value > _SMALLEST}
    hurt = {query: value for query, value in differences.items() if value < -_SMALLEST}
    return Comparison(
        collection=result.collection,
        measure=measure,
        baseline=base.system,
        system=result.system,
        difference=result.means[measure] - base.means[measure],
        p=randomisation_test(list(differences.values())),
        p_corrected=1.0,
        helped=_largest_first(helped),
        hurt=_largest_first(hurt),
    )


def _largest_first(differences: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(differences.items(), key=lambda item: (-abs(item[1]), item[0])))
