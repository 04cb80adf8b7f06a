import json
import logging
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import index.dense
from index.approximate import DenseMethod
from index.dense import LISTS, DenseIndex, DenseWriter
from index.encoders import Vectors, unit_rows
from index.errors import RecallTooLow
from index.gpu import DeviceVectors, on_device
from index.settings import DenseSettings

ROWS, DIMENSIONS, SUBJECTS = 6000, 64, 40
IVF = DenseSettings(method="ivf")


def about_subjects(rows: int, seed: int) -> tuple[Vectors, NDArray[np.int64]]:
    """Vectors that fp16 holds exactly, each drawn around one of the subjects, and the numbers of those."""
    draw = np.random.default_rng(seed)
    centres = np.random.default_rng(1).normal(size=(SUBJECTS, DIMENSIONS))
    subject = draw.integers(SUBJECTS, size=rows)
    drawn = unit_rows((centres[subject] + draw.normal(size=(rows, DIMENSIONS))).astype(np.float32))
    return drawn.astype(np.float16).astype(np.float32), subject


VECTORS, SUBJECT = about_subjects(ROWS, seed=2)
HELD_OUT = about_subjects(100, seed=3)[0]
QUERIES, ASKED_SUBJECT = about_subjects(50, seed=4)


def build(folder: Path, settings: DenseSettings = IVF, vectors: Vectors = VECTORS) -> DenseMethod:
    folder.mkdir()
    writer = DenseWriter(vectors.shape[1])
    writer.add(vectors)
    return writer.write(folder, lambda: HELD_OUT[:, : vectors.shape[1]], settings)


def share_found(index: DenseIndex, queries: Vectors, depth: int, mask: NDArray[np.bool_] | None = None) -> float:
    cosines = queries @ VECTORS.T
    if mask is not None:
        cosines[:, ~mask] = -2
    best = np.argsort(-cosines, axis=1)[:, :depth]
    found = [rows for rows, _ in index.search(queries, depth, mask)]
    return float(np.mean([len(np.intersect1d(*pair)) / depth for pair in zip(found, best, strict=True)]))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DenseMethod]:
    folder = tmp_path_factory.mktemp("approximate") / "index"
    return folder, build(folder)


@pytest.fixture(scope="module")
def opened(built: tuple[Path, DenseMethod]) -> DenseIndex:
    return DenseIndex.open(*built)


def test_the_recall_that_is_stated_is_what_held_out_queries_get(
    built: tuple[Path, DenseMethod], opened: DenseIndex
) -> None:
    method = built[1]
    assert (method.name, method.queries, method.target) == ("ivf", 100, 0.99)
    assert method.recall >= 0.99
    assert share_found(opened, HELD_OUT, 100) == pytest.approx(method.recall, abs=0.001)
    assert share_found(opened, QUERIES, 100) >= 0.98


def test_the_cheapest_effort_that_reaches_the_target_is_in_force(built: tuple[Path, DenseMethod]) -> None:
    tried = built[1].tried
    assert tried[-1].probes < built[1].lists
    assert all(effort.recall < 0.99 for effort in tried[:-1])


def test_scores_are_exact(opened: DenseIndex) -> None:
    for query, (rows, scores) in zip(QUERIES, opened.search(QUERIES, 20), strict=True):
        assert scores == pytest.approx(VECTORS[rows] @ query, abs=1e-6)
        assert scores.tolist() == sorted(scores.tolist(), reverse=True)
        assert opened.scores(query, rows) == pytest.approx(scores, abs=1e-6)


@pytest.mark.parametrize("scored_survivors", [10_000, 10])
def test_a_filter_for_what_the_query_is_not_about_finds_the_best_of_it(
    opened: DenseIndex, monkeypatch: pytest.MonkeyPatch, scored_survivors: int
) -> None:
    # Both ways: each survivor scored, and all lists read.
    monkeypatch.setattr(index.dense, "_SCORED_SURVIVORS", scored_survivors)
    for number in range(5):
        mask = (SUBJECT % 4 == 1) & (ASKED_SUBJECT[number] != SUBJECT)
        assert share_found(opened, QUERIES[number : number + 1], 10, mask) >= 0.99
        rows = opened.search(QUERIES[number : number + 1], 100, mask)[0][0]
        assert len(rows) == 100
        assert mask[rows].all()


def test_what_a_query_gets_does_not_depend_on_the_queries_beside_it(
    built: tuple[Path, DenseMethod], opened: DenseIndex
) -> None:
    alone = [DenseIndex.open(*built).search(QUERIES[row : row + 1], 20)[0] for row in range(len(QUERIES))]
    for (rows, scores), (own_rows, own_scores) in zip(opened.search(QUERIES, 20), alone, strict=True):
        assert rows.tolist() == own_rows.tolist()
        assert scores.tobytes() == own_scores.tobytes()


def test_the_same_vectors_give_the_same_files(tmp_path: Path, built: tuple[Path, DenseMethod]) -> None:
    assert build(tmp_path / "again") == built[1]
    for name in ("vectors.faiss", LISTS):
        assert (tmp_path / "again" / name).read_bytes() == (built[0] / name).read_bytes()


def test_a_method_is_the_same_after_json(built: tuple[Path, DenseMethod]) -> None:
    assert DenseMethod.read(json.loads(json.dumps(asdict(built[1])))) == built[1]


def test_auto_reads_every_vector_of_a_small_index(tmp_path: Path) -> None:
    method = build(tmp_path / "small", DenseSettings(exact_up_to=ROWS))
    assert method == DenseMethod()
    assert not (tmp_path / "small" / LISTS).exists()
    assert build(tmp_path / "large", DenseSettings(exact_up_to=ROWS - 1)).name == "ivf"


def hardly_coded() -> Vectors:
    """Eight bits for a vector among thousands of like ones: no effort finds all of the first hundred."""
    return unit_rows(np.random.default_rng(5).normal(size=(ROWS, 8)).astype(np.float32))


def test_below_the_target_auto_reads_every_vector_and_keeps_what_it_tried(tmp_path: Path) -> None:
    method = build(tmp_path / "auto", DenseSettings(exact_up_to=0, recall=1.0), hardly_coded())
    assert (method.name, method.recall) == ("exact", 1.0)
    assert len(method.tried) == 9
    assert all(effort.recall < 1 for effort in method.tried)


def test_below_the_target_ivf_is_refused_with_what_was_tried(tmp_path: Path) -> None:
    with pytest.raises(RecallTooLow, match=r"finds 0\.\d+ of the first 100 with \d+ of 64 lists .*wants 1\.0 .*lower"):
        build(tmp_path / "ivf", DenseSettings(method="ivf", recall=1.0), hardly_coded())


def on_torch(folder: Path) -> DenseIndex:
    """As on a GPU, with the processor as torch's device."""
    flat = DenseIndex.open(folder)._flat
    return DenseIndex(flat, None, DenseMethod(), DeviceVectors(flat, "cpu"))


@pytest.mark.parametrize("at_once", [1 << 28, 5000])
@pytest.mark.parametrize("share", [None, 0.5, 0.002, 0.0])
def test_a_device_gives_the_answers_of_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int, share: float | None
) -> None:
    monkeypatch.setattr("index.gpu._SCORES_AT_ONCE", at_once)
    build(tmp_path / "exact", DenseSettings(method="exact"))
    mask = None if share is None else np.random.default_rng(6).random(ROWS) < share
    exact = DenseIndex.open(tmp_path / "exact").search(QUERIES[:5], 30, mask)
    for (rows, scores), (other_rows, others) in zip(
        on_torch(tmp_path / "exact").search(QUERIES[:5], 30, mask), exact, strict=True
    ):
        assert rows.tolist() == other_rows.tolist()
        assert scores == pytest.approx(others, abs=1e-6)


def test_without_a_gpu_vectors_stay_with_the_processor(
    opened: DenseIndex, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("index.gpu.has_gpu", lambda: False)
    with caplog.at_level(logging.WARNING):
        assert on_device(opened._flat, "auto") is None
        assert not caplog.messages
        assert on_device(opened._flat, "cuda") is None
    assert caplog.messages == ["dense.device is cuda, but torch finds no GPU; vectors are searched on the CPU"]
