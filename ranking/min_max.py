"""Min-max normalisation: an arm's scores between those of its last and its first hit.

Lee, "Analyses of multiple evidence combination", SIGIR 1997.
"""

import numpy as np

from ranking.candidates import ArmScores, Floats


def min_max(arm: ArmScores) -> Floats:
    """Normalised scores of shape [n]: 1 for the best that the arm returned, 0 for the last and for what lacks a score.

    Where the returned scores do not differ, a lone hit included, each returned candidate gets 1 and every other 0.
    """
    returned = arm.rank > 0
    if not returned.any():
        return np.zeros(len(arm.raw))
    lowest, highest = arm.raw[returned].min(), arm.raw[returned].max()
    if highest - lowest <= 1e-6 * max(1.0, abs(highest)):
        return returned.astype(np.float64)
    normalised: Floats = (arm.raw - lowest) / (highest - lowest)
    return np.nan_to_num(normalised, nan=0.0)
