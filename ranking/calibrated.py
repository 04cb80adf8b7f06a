"""Calibrated scores: what an arm's score says by itself, whatever else the arm returned.

The lexical score becomes a share of the best that the query allows (the theoretical maximum of Bruch, Gai and Ingber,
TOIS 2023), the cosine a multiple of a fixed span. So the arms weigh by query without being told: where few of the
query's words stand in any passage, as in another language, lexical scores are small and the cosines decide; where a
passage holds them all, they outvote an encoder that saw no difference. Scores normalised within one query lose just
this: they stretch the best of a poor list to the height of the best of a good one.
"""

import numpy as np

from ranking.candidates import ArmScores, Floats, Integers

# Encoders find texts of a few words near to everything: so much of the cosine is taken from a text without length,
# and a factor e less for every so many tokens more.
SHORT_TEXT_COSINE = 0.03
SHORT_TEXT_TOKENS = 20


def calibrated_lexical(arm: ArmScores, floor: float, ceiling: float) -> Floats:
    """Shares of the query's highest possible score, shape [n], about 0 to 1; without a score it is `floor`."""
    if ceiling <= 0:
        return np.zeros(len(arm.raw))
    return np.where(np.isnan(arm.raw), floor, arm.raw) / ceiling


def calibrated_dense(arm: ArmScores, tokens: Integers, span: float) -> Floats:
    """Cosines in spans, shape [n], less what short texts have without merit. `tokens` are the texts' lengths.

    A candidate without a score gets the lowest of those returned; an arm that returned nothing gives 0 throughout.
    """
    returned = arm.rank > 0
    if not returned.any():
        return np.zeros(len(arm.raw))
    cosines = np.where(np.isnan(arm.raw), arm.raw[returned].min(), arm.raw)
    return (cosines - SHORT_TEXT_COSINE * np.exp(-tokens / SHORT_TEXT_TOKENS)) / span
