"""Fusion: two arms' scores become one, as the weighted sum of what a method makes of each.

Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023, compare these methods; what
they reach on our judged sets stands in bench/README.md.
"""

from collections.abc import Callable
from typing import NamedTuple

from ranking.calibrated import calibrated_dense, calibrated_lexical
from ranking.candidates import ArmScores, Candidates, Floats, Fusion, Policy
from ranking.min_max import min_max
from ranking.reciprocal_rank import reciprocal_ranks
from ranking.z_score import z_scores

_OF_ONE_QUERY: dict[Fusion, Callable[[ArmScores], Floats]] = {
    "z_score": z_scores,
    "min_max": min_max,
    "reciprocal_rank": reciprocal_ranks,
}


class Fused(NamedTuple):
    """Normalised lexical and dense scores and their weighted sum, each of shape [n]."""

    lexical: Floats
    dense: Floats
    relevance: Floats


def fuse(candidates: Candidates, policy: Policy) -> Fused:
    """Normalise both arms by the policy's method and add them by its weight."""
    weight = policy.dense_weight
    if policy.fusion == "calibrated":
        lexical = calibrated_lexical(candidates.lexical, candidates.lexical_floor, candidates.lexical_ceiling)
        dense = calibrated_dense(candidates.dense, candidates.tokens, policy.cosine_span)
    else:
        normalise = _OF_ONE_QUERY[policy.fusion]
        lexical, dense = normalise(candidates.lexical), normalise(candidates.dense)
        weight = _among_arms_that_answered(candidates, weight)
    return Fused(lexical, dense, (1 - weight) * lexical + weight * dense)


def _among_arms_that_answered(candidates: Candidates, dense_weight: float) -> float:
    """An arm that returned nothing has no vote, since these scores mean something only beside each other."""
    if not (candidates.lexical.rank > 0).any():
        return 1.0
    return dense_weight if (candidates.dense.rank > 0).any() else 0.0
