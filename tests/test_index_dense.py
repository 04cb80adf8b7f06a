import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.dense import DenseIndex, DenseWriter
from index.encoders import Vectors, unit_rows
from index.settings import DenseSettings


def build(path: Path, vectors: Vectors) -> DenseIndex:
    path.mkdir()
    writer = DenseWriter(vectors.shape[1])
    # In parts, as a build adds them.
    for start in range(0, len(vectors), 100):
        writer.add(vectors[start : start + 100])
    writer.write(path, lambda: vectors[:0], DenseSettings())
    return DenseIndex.open(path)


def random_vectors(rows: int, dimensions: int = 32, seed: int = 5) -> Vectors:
    """Vectors that fp16 holds exactly."""
    drawn = unit_rows(np.random.default_rng(seed).normal(size=(rows, dimensions)).astype(np.float32))
    return drawn.astype(np.float16).astype(np.float32)


def brute_force(
    vectors: Vectors, queries: Vectors, depth: int, mask: NDArray[np.bool_] | None = None
) -> list[tuple[list[int], NDArray[np.float32]]]:
    kept = np.arange(len(vectors)) if mask is None else np.flatnonzero(mask)
    cosines = queries @ vectors[kept].T
    best = np.argsort(-cosines, axis=1, kind="stable")[:, :depth]
    return [(kept[rows].tolist(), cosine[rows]) for rows, cosine in zip(best, cosines, strict=True)]


@pytest.mark.parametrize("queries", [1, 3, 40])
@pytest.mark.parametrize("share", [None, 0.5, 0.02, 0.0, 1.0])
def test_results_are_those_of_numpy(tmp_path: Path, queries: int, share: float | None) -> None:
    vectors, asked = random_vectors(500), random_vectors(queries, seed=6)
    mask = None if share is None else np.random.default_rng(7).random(500) < share
    index = build(tmp_path / "dense", vectors)
    found = index.search(asked, 20, mask)
    assert len(found) == queries
    for (rows, scores), (expected, cosines) in zip(found, brute_force(vectors, asked, 20, mask), strict=True):
        assert rows.tolist() == expected
        assert scores == pytest.approx(cosines, abs=1e-6)
        assert rows.dtype == np.int64
        assert scores.dtype == np.float32


def test_padding_is_dropped_when_fewer_survive_than_asked_for(tmp_path: Path) -> None:
    index = build(tmp_path / "dense", random_vectors(100))
    mask = np.zeros(100, np.bool_)
    mask[[3, 50, 99]] = True
    for rows, scores in index.search(random_vectors(9, seed=8), 20, mask):
        assert sorted(rows.tolist()) == [3, 50, 99]
        assert len(scores) == 3
    mask[:] = False
    assert [rows.tolist() for rows, _ in index.search(random_vectors(2, seed=8), 20, mask)] == [[], []]


def test_asking_for_more_than_there_is_gives_all(tmp_path: Path) -> None:
    index = build(tmp_path / "dense", random_vectors(7))
    assert sorted(index.search(random_vectors(1), 100)[0][0].tolist()) == list(range(7))


def test_equal_scores_order_by_row(tmp_path: Path) -> None:
    vectors = random_vectors(40)
    vectors[[31, 4, 17]] = vectors[8]
    index = build(tmp_path / "dense", vectors)
    assert index.search(vectors[8:9], 4)[0][0].tolist() == [4, 8, 17, 31]


def test_no_queries_and_no_rows_give_nothing(tmp_path: Path) -> None:
    empty = build(tmp_path / "empty", np.zeros((0, 32), np.float32))
    assert len(empty) == 0
    assert [rows.tolist() for rows, _ in empty.search(random_vectors(2), 5)] == [[], []]
    assert build(tmp_path / "dense", random_vectors(3)).search(np.zeros((0, 32), np.float32), 5) == []


def test_stored_vectors_and_single_scores_are_exact(tmp_path: Path) -> None:
    vectors = random_vectors(250)
    index = build(tmp_path / "dense", vectors)
    rows = np.array([249, 0, 100], np.int64)
    assert np.array_equal(index.vectors(rows), vectors[rows])
    assert index.scores(vectors[0], rows) == pytest.approx(vectors[rows] @ vectors[0], abs=1e-6)


@pytest.mark.parametrize("depth", [1, 20])
def test_what_a_query_gets_does_not_depend_on_the_queries_beside_it(tmp_path: Path, depth: int) -> None:
    index, queries = build(tmp_path / "dense", random_vectors(2000)), random_vectors(40, seed=8)
    alone = [index.search(queries[row : row + 1], depth)[0] for row in range(40)]
    for size in (5, 40):
        together = [hits for start in range(0, 40, size) for hits in index.search(queries[start : start + size], depth)]
        for (rows, scores), (own_rows, own_scores) in zip(together, alone, strict=True):
            assert rows.tolist() == own_rows.tolist()
            assert scores.tobytes() == own_scores.tobytes()


BLOCKED = """
import sys
sys.modules["faiss"] = None
from index.errors import EncoderUnavailable
try:
    import index.dense
except EncoderUnavailable as error:
    print(error)
"""


def test_without_faiss_the_message_names_both_extras() -> None:
    said = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, check=True).stdout
    assert "FAISS is not installed" in said
    assert "`cpu` (pip install faiss-cpu)" in said
    assert "`gpu` (pip install faiss-gpu)" in said
    assert "never both" in said
