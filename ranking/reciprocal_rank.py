"""Reciprocal rank fusion: what counts is an arm's rank and not its score.

Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009, with their constant 60.
"""

import numpy as np

from ranking.candidates import ArmScores, Floats

K = 60


def reciprocal_ranks(arm: ArmScores) -> Floats:
    """(60 + 1) / (60 + rank), shape [n], so that the first has 1; 0 for what the arm did not return."""
    return np.where(arm.rank > 0, (K + 1) / (K + np.maximum(arm.rank, 1)), 0.0)
