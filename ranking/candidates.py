"""What ranking is given and what it gives back: arrays and tuples, no text and no index."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Authority = Literal["off", "tie", "boost"]
Fusion = Literal["calibrated", "z_score", "min_max", "reciprocal_rank"]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ArmScores:
    """One arm's word on each candidate, both of shape [n].

    `raw` is NaN where the arm gave no score. `rank` counts from 1 and is 0 where the arm did not return the
    candidate; a score may still be known there, and is then used.
    """

    raw: Floats
    rank: Integers


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates of one query, one value each, in any order. `ids`, in ASCII, are unique and break all ties.

    `text_hash` is equal for candidates that carry the same text, near-duplicates included; which do is for
    the index to say. `tokens` are the lengths of the texts. `lexical_floor` is the lexical score of
    what that arm did not return, `lexical_ceiling` the highest that the query allows.
    """

    ids: NDArray[np.bytes_]
    lexical: ArmScores
    dense: ArmScores
    authority: Floats
    page: Integers
    source: Integers
    text_hash: NDArray[np.uint64]
    tokens: Integers
    lexical_floor: float
    lexical_ceiling: float


@dataclass(frozen=True, slots=True)
class Policy:
    """How to rank. `None` caps nothing; `band_width` is as in `ranking.bands`, a boost in units of the fused score."""

    authority: Authority
    fusion: Fusion
    dense_weight: float
    cosine_span: float
    band_width: float
    boost_weight: float
    max_per_page: int | None
    max_per_source: int | None


class Ranked(NamedTuple):
    """A ranked candidate. `at` and `same_text` index into the candidates; ranks count from 1, bands from 0.

    `lexical` and `dense` are the normalised scores of the candidate itself; `fused` is that of the best copy of
    its text. Ranks are those before caps. `reranker` is the score its text got, None where it was not read.
    """

    at: int
    lexical: float
    dense: float
    fused: float
    band: int
    rank_without_authority: int
    authority_moved: int
    reranker: float | None
    same_text: tuple[int, ...]


class Ranking(NamedTuple):
    """Hits in their final order, and how many candidates were folded into others or cut by a cap."""

    hits: list[Ranked]
    folded: int
    capped: int
