"""The approximate index of a large snapshot: inverted lists of two-bit codes, whose proposals are scored exactly.

Lists are those of k-means over a sample (IVF); a code keeps two bits of each dimension of what is left after the centre
is taken away (RaBitQ: Gao and Long, SIGMOD 2024; Gao and others, SIGMOD 2025). How many lists a query reads, and how
many candidates are scored, is what held-out queries need to reach the recall that is asked for: the cheapest effort
that does is taken.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from index.encoders import Vectors
from index.errors import RecallTooLow
from index.faiss_module import FaissIndex, faiss, multiply_matrices, scan_pairwise
from index.progress import Progress
from index.settings import DenseSettings

RECALL_DEPTH = 100
_SAMPLE_PER_LIST = 64
_ADDED_AT_ONCE = 65_536
_PROBES = (16, 32, 64, 128, 256, 512, 1024)
_CANDIDATES = (200, 400, 800)
# However many rows are wanted.
_LEAST_PER_ROW = 2
# Nanoseconds to estimate one code, and to fetch one vector and score it: their ratio orders the efforts.
_ESTIMATE, _SCORE = 40, 600


@dataclass(frozen=True, slots=True)
class Effort:
    """What a query spends: the lists it reads, and the candidates it scores. `recall` is the share of the exact first
    100 that it found over the held-out queries.
    """

    probes: int
    candidates: int
    recall: float


@dataclass(frozen=True, slots=True)
class DenseMethod:
    """How a snapshot's vectors are searched: by all of them when `lists` is 0. `tried` are the efforts, cheapest first,
    of which the last is in force when it reached `target`; `queries` were held out to measure them.
    """

    lists: int = 0
    queries: int = 0
    target: float = 1.0
    tried: tuple[Effort, ...] = ()

    @property
    def name(self) -> str:
        """`exact` or `ivf`."""
        return "ivf" if self.lists else "exact"

    @property
    def recall(self) -> float:
        """The measured share of the exact first 100 that a query gets."""
        return self.tried[-1].recall if self.lists else 1.0

    @classmethod
    def read(cls, values: dict[str, Any]) -> "DenseMethod":
        """From JSON. Raises TypeError and KeyError."""
        return cls(**values | {"tried": tuple(Effort(**one) for one in values["tried"])})


EXACT = DenseMethod()


def choose(
    flat: FaissIndex, held_out: Callable[[], Vectors], settings: DenseSettings, progress: Progress
) -> tuple[FaissIndex | None, DenseMethod]:
    """The approximate index over the vectors of `flat` and the effort that reaches the target; None where every vector
    is better read.

    `held_out` gives queries of shape [n, dimensions]. Raises RecallTooLow when nothing reaches the target and exact
    search is ruled out.
    """
    if settings.method == "exact" or (settings.method == "auto" and flat.ntotal <= settings.exact_up_to):
        return None, EXACT
    index = _trained(flat)
    for start in range(0, flat.ntotal, _ADDED_AT_ONCE):
        progress("dense", start, flat.ntotal)
        index.add(flat.reconstruct_n(start, min(_ADDED_AT_ONCE, flat.ntotal - start)))
    progress("dense", flat.ntotal, flat.ntotal)
    queries = held_out()
    tried = tuple(_tried(index, flat, queries, settings.recall))
    if tried[-1].recall >= settings.recall:
        return index, DenseMethod(index.nlist, len(queries), settings.recall, tried)
    if settings.method == "auto":
        return None, DenseMethod(0, len(queries), settings.recall, tried)
    raise RecallTooLow(
        f"the approximate index finds {tried[-1].recall:.4f} of the first {RECALL_DEPTH} with {tried[-1].probes} of "
        f"{index.nlist} lists and {tried[-1].candidates} candidates, and dense.recall wants {settings.recall} "
        f"({len(tried)} efforts tried); lower it, or set dense.method to auto or exact"
    )


def parameters(effort: Effort, wanted: int, selector: Any = None) -> Any:
    """What FAISS is told for a search of `wanted` rows at this effort."""
    per_row = max(_LEAST_PER_ROW, effort.candidates / wanted)
    lists = faiss.IVFRaBitQSearchParameters(nprobe=effort.probes, sel=selector)
    return faiss.IndexRefineSearchParameters(k_factor=per_row, base_index_params=lists)


def _trained(flat: FaissIndex) -> FaissIndex:
    lists = 2 ** round(math.log2(math.sqrt(flat.ntotal)))
    lists = max(1, min(lists, flat.ntotal // 8))
    index = faiss.index_factory(flat.d, f"IVF{lists},RaBitQ2", faiss.METRIC_INNER_PRODUCT)
    sample = np.unique(np.linspace(0, flat.ntotal - 1, min(flat.ntotal, lists * _SAMPLE_PER_LIST)).astype(np.int64))
    # FAISS warns of fewer points a list than it likes; for a small index there are no more.
    index.cp.min_points_per_centroid = 1
    multiply_matrices()
    index.train(flat.reconstruct_batch(sample))
    return index


def _tried(index: FaissIndex, flat: FaissIndex, queries: Vectors, target: float) -> Iterator[Effort]:
    """Efforts, cheapest first, until one reaches the target."""
    depth = min(RECALL_DEPTH, flat.ntotal)
    scan_pairwise()
    exact = flat.search(queries, depth)[1]
    refined = faiss.IndexRefine(index, flat)
    probes = [count for count in _PROBES if count < index.nlist] + [index.nlist]
    efforts = sorted(
        product(probes, _CANDIDATES),
        key=lambda one: one[0] / index.nlist * flat.ntotal * _ESTIMATE + one[1] * _SCORE,
    )
    for lists, candidates in efforts:
        found = refined.search(queries, depth, params=parameters(Effort(lists, candidates, 0.0), depth))[1]
        common = sum(len(np.intersect1d(*pair)) for pair in zip(found, exact, strict=True))
        effort = Effort(lists, candidates, round(common / exact.size, 5))
        yield effort
        if effort.recall >= target:
            return
