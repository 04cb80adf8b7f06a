"""Z-score normalisation: an arm's scores in standard deviations from the mean of what it returned.

Montague and Aslam, "Relevance score normalization for metasearch", CIKM 2001. It beat min-max and
reciprocal rank fusion on the mean of nine judged sets (ARCHITECTURE.md).
"""

import numpy as np

from ranking.candidates import ArmScores, Floats


def z_scores(arm: ArmScores) -> Floats:
    """Normalised scores of shape [n].

    Mean and deviation are those of the candidates that the arm returned. A candidate without a score gets the
    lowest normalised score of those returned: the arm saw nothing better in it. Where the returned scores do
    not differ, a lone hit included, each returned candidate gets 1 and every other 0. An arm that returned
    nothing gives 0 throughout.
    """
    returned = arm.rank > 0
    if not returned.any():
        return np.zeros(len(arm.raw))
    # Sorted, since sums in another order differ in the last bits: the order of the input must not matter.
    scores = np.sort(arm.raw[returned])
    deviation = scores.std()
    # Scores are float32: equal ones may differ in the last bits once they were computed in another order.
    if deviation <= 1e-6 * max(1.0, float(np.abs(scores).max())):
        return returned.astype(np.float64)
    normalised: Floats = (arm.raw - scores.mean()) / deviation
    return np.where(np.isnan(normalised), normalised[returned].min(), normalised)
