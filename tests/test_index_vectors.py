from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from records import LetterEncoder

from index.encoders import Vectors, unit_rows
from index.errors import IndexingError
from index.shards import MOST_SMALL, SMALL_ROWS, text_key
from index.vectors import SHARD_ROWS, VectorCache, cache_folder, embed_missing


def keys(*texts: str) -> list[bytes]:
    return [text_key(text) for text in texts]


def vectors(count: int, seed: int = 1) -> Vectors:
    return unit_rows(np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32))


def test_vectors_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    one, two = vectors(3), vectors(2, seed=2)
    cache = VectorCache(tmp_path, 8)
    cache.add(keys("a", "b", "c"), one)
    cache.add(keys("d", "e"), two)
    for opened in (cache, VectorCache(tmp_path, 8)):
        assert len(opened) == 5
        assert opened.has(keys("e", "x", "a")).tolist() == [True, False, True]
        found = opened.get(keys("e", "a", "c", "d", "a"))
        assert found.dtype == np.float32
        assert found == pytest.approx(np.stack([two[1], one[0], one[2], two[0], one[0]]), abs=0.0005)
        assert np.array_equal(found, opened.get(keys("e", "a", "c", "d", "a")))


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, 8)
    assert (len(cache), cache.has(keys("a")).tolist(), cache.has([]).tolist()) == (0, [False], [])
    assert cache.get([]).shape == (0, 8)
    cache.add(keys("a"), vectors(1))
    with pytest.raises(KeyError) as caught:
        cache.get(keys("a", "b"))
    assert caught.value.args == (text_key("b"),)


def test_of_equal_keys_the_first_counts(tmp_path: Path) -> None:
    first, second = vectors(2), vectors(1, seed=2)
    cache = VectorCache(tmp_path, 8)
    cache.add(keys("a", "a"), first)
    cache.add(keys("a"), second)
    for opened in (cache, VectorCache(tmp_path, 8)):
        assert opened.get(keys("a")) == pytest.approx(first[:1], abs=0.0005)


def test_between_adds_all_is_found_as_after_a_restart(tmp_path: Path) -> None:
    cache, known = VectorCache(tmp_path, 8), {}
    for step in range(12):
        # Each shard brings some keys that an earlier one has: that one counts.
        texts = [f"{n}" for n in range(step * 5, step * 5 + 8)]
        some = vectors(len(texts), seed=step)
        cache.add(keys(*texts), some)
        known = dict(zip(texts, some, strict=True)) | known
        for opened in (cache, VectorCache(tmp_path, 8)):
            assert opened.get(keys(*known)) == pytest.approx(np.array(list(known.values())), abs=0.0005)
            assert not opened.has(keys("x", f"{step * 5 + 8}")).any()


def test_many_small_shards_become_one_and_full_ones_stay(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, 8)
    full, few = vectors(SMALL_ROWS), vectors(MOST_SMALL, seed=2)
    cache.add(keys(*(f"full {n}" for n in range(SMALL_ROWS))), full)
    small = keys(*(f"small {n}" for n in range(MOST_SMALL)))
    for key, vector in zip(small, few, strict=True):
        cache.add([key], vector[None])
    before = len(list(Path("/proc/self/fd").iterdir()))
    again = VectorCache(tmp_path, 8)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000000.npy", f"{MOST_SMALL + 1:08d}.npy"]
    assert again.get(small) == pytest.approx(few, abs=0.0005)
    assert again.get(keys("full 7"))[0] == pytest.approx(full[7], abs=0.0005)
    # A cache of a million vectors has a thousand files, as many as a process may have open.
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_a_killed_write_left_does_no_harm(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, 8)
    cache.add(keys("a"), vectors(1))
    whole = (tmp_path / "00000000.npy").read_bytes()
    (tmp_path / ".00000001.npy.0123456789abcdef").write_bytes(whole[: len(whole) // 2])
    again = VectorCache(tmp_path, 8)
    assert len(again) == 1
    again.add(keys("b"), vectors(1, seed=2))
    assert VectorCache(tmp_path, 8).has(keys("a", "b")).all()


def test_a_damaged_shard_is_named_and_may_be_deleted(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, 8)
    for text in "abc":
        cache.add(keys(text), vectors(1))
    broken = tmp_path / "00000001.npy"
    broken.write_bytes(broken.read_bytes()[:-3])
    with pytest.raises(IndexingError, match=r"00000001\.npy is damaged .*; delete it, its texts are encoded again"):
        VectorCache(tmp_path, 8)
    broken.unlink()
    again = VectorCache(tmp_path, 8)
    again.add(keys("b"), vectors(1))
    assert VectorCache(tmp_path, 8).has(keys("a", "b", "c")).all()
    with pytest.raises(IndexingError, match="holds no vectors of this encoder"):
        VectorCache(tmp_path, 16)


def test_the_folder_depends_on_weights_and_passage_prefix(tmp_path: Path) -> None:
    one = LetterEncoder().description
    assert cache_folder(tmp_path, one) == cache_folder(tmp_path, replace(one, query_prefix="query: "))
    assert cache_folder(tmp_path, one).name.startswith("letters-")
    others = [replace(one, digest="other"), replace(one, passage_prefix="passage: ")]
    assert len({cache_folder(tmp_path, other) for other in [one, *others]}) == 3


def test_texts_are_encoded_by_the_shard_and_each_once(tmp_path: Path) -> None:
    encoder = LetterEncoder(8)
    cache = VectorCache(tmp_path, 8)
    texts = {text_key(text): text for text in (f"text {'x' * (n % 50)} {n}" for n in range(SHARD_ROWS + 5))}
    told: list[tuple[str, int, int | None]] = []
    assert embed_missing(texts, encoder, cache, lambda *told_now: told.append(told_now)) == SHARD_ROWS + 5
    assert told == [("embed", 0, 1029), ("embed", 1024, 1029), ("embed", 1029, 1029)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000000.npy", "00000001.npy"]
    assert cache.has(list(texts)).all()
    some = list(texts)[:10]
    assert cache.get(some) == pytest.approx(encoder.encode_passages([texts[key] for key in some]), abs=0.0005)
    assert embed_missing({}, encoder, cache) == 0


class OverflowingEncoder(LetterEncoder):
    """Gives no numbers for long texts."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        found = super().encode_passages(texts)
        found[[len(text) > 100 for text in texts]] = np.nan
        return found


def test_vectors_that_are_no_numbers_are_refused_and_not_kept(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, 8)
    texts = {text_key(text): text for text in ("short", "long " * 30)}
    with pytest.raises(IndexingError, match=r"test/letters gave no numbers for 1 of 2 texts; check .*fp32"):
        embed_missing(texts, OverflowingEncoder(8), cache)
    assert len(VectorCache(tmp_path, 8)) == 0
