"""Dense methods side by side, in one run on the same vectors: what the choice of the snapshot's builder rests on."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import faiss
import numpy as np

from bench.scale.exact import Best, exact_search, recall
from bench.scale.processes import processor_seconds
from bench.scale.records import MethodRow
from bench.scale.timing import timed_batches
from index.encoders import Vectors
from index.progress import Progress
from index.store import DataFolder, SnapshotStore

# The package's type stubs do not know its Python layer's keywords.
_faiss: Any = faiss

DEPTH = 100
BATCHES, ALL_BATCHES = (1, 32, 512), (1, 32, 512, 2560)
REFERENCE = "flat fp32, BLAS from 8 queries"
"""What the speed of all others is a multiple of."""

_FAISS_THRESHOLD = 128_000
_JUDGED = 64
_TRAINED_ON = 40
"""Vectors for each list of an inverted file."""

_EFFORTS = {"RaBitQ": ((16, 10), (64, 10), (128, 20), (256, 20)), "PQ96x4fs": ((16, 20), (64, 40), (128, 80))}
"""By kind of code: lists that are read, and rows that are refined for each that is wanted."""

_EF = (64, 128, 256)


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to search: `search(queries)` gives rows. `blas` is FAISS's threshold meanwhile."""

    name: str
    parameters: Any
    batches: tuple[int, ...] = BATCHES
    blas: int = 0


@dataclass(frozen=True, slots=True)
class Method:
    """A way to index: `build(vectors)` makes an index, which is searched at each of `efforts`."""

    name: str
    build: Callable[[Vectors], Any]
    efforts: tuple[Effort, ...]


def compare_methods(folder: DataFolder, queries: Vectors, hnsw: bool, progress: Progress) -> list[MethodRow]:
    """All methods on the vectors of the live snapshot; `queries` has shape [n, dimensions], of which some are judged.

    Takes some three times the memory of the vectors in fp32.
    """
    dense = SnapshotStore(folder).open().dense
    vectors = dense.vectors(np.arange(len(dense)))
    judged = queries[:_JUDGED]
    exact = exact_search(lambda rows: vectors[rows], len(vectors), judged, DEPTH)[0]
    rows = list[MethodRow]()
    methods = [*_flat(vectors.shape[1]), *_inverted(vectors), *([_hnsw(vectors.shape[1])] if hnsw else [])]
    for number, method in enumerate(methods):
        progress("methods", number, len(methods))
        rows += _measured(method, vectors, queries, exact)
    progress("methods", len(methods), len(methods))
    return with_times(rows)


def with_times(rows: list[MethodRow]) -> list[MethodRow]:
    """The rows with how many times as fast as the reference each batch size is."""
    reference = next(row for row in rows if f"{row.method}, {row.effort}" == REFERENCE).ms
    return [
        MethodRow(
            row.method, row.effort, row.build, row.build_cpu, row.bytes, row.recall10, row.recall100, row.ms,
            {batch: reference[batch] / ms for batch, ms in row.ms.items() if batch in reference},
        )
        for row in rows
    ]  # fmt: skip


def _measured(method: Method, vectors: Vectors, queries: Vectors, exact: Best) -> Iterator[MethodRow]:
    began, began_cpu = time.perf_counter(), processor_seconds()
    index = method.build(vectors)
    build, build_cpu = time.perf_counter() - began, processor_seconds() - began_cpu
    size, judged = _bytes(index), queries[:_JUDGED]
    for effort in method.efforts:
        _faiss.cvar.distance_compute_blas_threshold = effort.blas or 8 * vectors.shape[1]

        def search(some: Vectors, parameters: Any = effort.parameters) -> Any:
            return index.search(some, DEPTH, params=parameters)[1]

        found = [rows[rows >= 0] for rows in search(judged)]
        at_10, at_100 = (recall(found, exact, judged, lambda rows: vectors[rows], depth) for depth in (10, DEPTH))
        ms = {batch: timed_batches(search, queries, batch).p50 for batch in effort.batches}
        yield MethodRow(method.name, effort.name, build, build_cpu, size, at_10, at_100, ms, {})


def _flat(dimensions: int) -> Iterator[Method]:
    blas = (Effort("BLAS from 8 queries", None, ALL_BATCHES),
            Effort("BLAS as FAISS has it", None, ALL_BATCHES, _FAISS_THRESHOLD))  # fmt: skip
    yield Method("flat fp32", lambda vectors: _with(_faiss.IndexFlatIP(dimensions), vectors), blas)
    yield Method("flat fp16", lambda vectors: _with(_half(dimensions), vectors), (Effort("", None),))


def _inverted(vectors: Vectors) -> Iterator[Method]:
    """Lists that propose rows by short codes, and the rows' fp16 vectors that score them."""
    lists = 2 ** round(math.log2(max(1.0, 2 * math.sqrt(len(vectors)))))
    lists = max(1, min(lists, len(vectors) // 39))
    for codes, steps in _EFFORTS.items():
        efforts = tuple(
            Effort(f"{probe} of {lists:,} lists, {DEPTH * more:,} refined", _refined(codes, probe, more),
                   ALL_BATCHES if number == 0 else BATCHES)
            for number, (probe, more) in enumerate(dict.fromkeys((min(probe, lists), more) for probe, more in steps))
        )  # fmt: skip
        yield Method(f"IVF, {codes}, fp16", partial(_build_inverted, lists=lists, codes=codes), efforts)


def _refined(codes: str, probe: int, more: int) -> Any:
    rabitq = codes == "RaBitQ"
    inner = _faiss.IVFRaBitQSearchParameters(nprobe=probe, qb=8) if rabitq else _faiss.SearchParametersIVF(nprobe=probe)
    return _faiss.IndexRefineSearchParameters(k_factor=more, base_index_params=inner)


def _build_inverted(vectors: Vectors, lists: int, codes: str) -> Any:
    dimensions = vectors.shape[1]
    # Codes of four bits take two places at once: as many as the dimensions let it.
    codes = codes if dimensions == 384 or codes == "RaBitQ" else f"PQ{dimensions // 4}x4fs"
    inner = _faiss.index_factory(dimensions, f"IVF{lists},{codes}", _faiss.METRIC_INNER_PRODUCT)
    inner.cp.max_points_per_centroid = _TRAINED_ON
    # Else FAISS says on standard error that tiny corpora are tiny.
    for clustering in (inner.cp, inner.pq.cp) if "PQ" in codes else (inner.cp,):
        clustering.min_points_per_centroid = 1
    random = np.random.default_rng(1)
    some = vectors[random.permutation(len(vectors))[: max(4 * 1024, lists * _TRAINED_ON)]]
    inner.train(some)
    refine = _half(dimensions)
    index = _faiss.IndexRefine(inner, refine)
    index.add(vectors)
    return index


def _hnsw(dimensions: int) -> Method:
    efforts = tuple(Effort(f"ef {ef}", _faiss.SearchParametersHNSW(efSearch=ef)) for ef in _EF)
    return Method(
        "HNSW32 fp32",
        lambda vectors: _with(_faiss.IndexHNSWFlat(dimensions, 32, _faiss.METRIC_INNER_PRODUCT), vectors), efforts,
    )  # fmt: skip


def _half(dimensions: int) -> Any:
    return _faiss.IndexScalarQuantizer(dimensions, _faiss.ScalarQuantizer.QT_fp16, _faiss.METRIC_INNER_PRODUCT)


def _with(index: Any, vectors: Vectors) -> Any:
    index.train(vectors[:1])
    index.add(vectors)
    return index


def _bytes(index: Any) -> int:
    """As long as its file would be, without writing one."""
    written = 0

    def count(part: bytes) -> int:
        nonlocal written
        written += len(part)
        return len(part)

    _faiss.write_index(index, _faiss.PyCallbackIOWriter(count))
    return written
