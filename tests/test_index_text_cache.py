from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from index import text_cache
from index.analysed import AnalysedTexts
from index.analysis import joined_terms
from index.copies import fingerprints
from index.errors import IndexingError
from index.shards import MOST_SMALL
from index.text_cache import TextCache, versioned_folder


class Reversing:
    """Derives texts written backwards, and remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def __call__(self, texts: Sequence[str]) -> pa.Array:
        self.given.extend(texts)
        return pa.array([text[::-1] for text in texts], pa.string())


def test_a_text_is_derived_once_and_found_after_a_restart(tmp_path: Path) -> None:
    derive = Reversing()
    cache = TextCache(tmp_path, derive)
    assert cache.get(["ab", "cd", "ab"]).to_pylist() == ["ba", "dc", "ba"]
    assert cache.get(["ef", "cd"]).to_pylist() == ["fe", "dc"]
    assert TextCache(tmp_path, derive).get(["cd", "ef", "ab", "中文"]).to_pylist() == ["dc", "fe", "ba", "文中"]
    assert derive.given == ["ab", "cd", "ef", "中文"]
    assert cache.get([]).to_pylist() == []


def test_many_small_files_become_one_and_none_stays_open(tmp_path: Path) -> None:
    cache = TextCache(tmp_path, Reversing())
    texts = [f"text {n}" for n in range(MOST_SMALL)]
    for text in texts:
        cache.get([text])
    assert len(list(tmp_path.iterdir())) == MOST_SMALL
    before = len(list(Path("/proc/self/fd").iterdir()))
    derive = Reversing()
    again = TextCache(tmp_path, derive)
    assert [path.name for path in tmp_path.iterdir()] == [f"{MOST_SMALL:08d}.arrow"]
    assert again.get([*texts, "new"]).to_pylist() == [text[::-1] for text in (*texts, "new")]
    assert derive.given == ["new"]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    TextCache(tmp_path, Reversing()).get(["ab"])
    file = tmp_path / "00000000.arrow"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(IndexingError, match=r"00000000\.arrow is damaged .* delete it"):
        TextCache(tmp_path, Reversing())
    file.unlink()
    assert TextCache(tmp_path, Reversing()).get(["ab"]).to_pylist() == ["ba"]


def test_other_code_has_another_folder_and_the_earlier_one_goes(tmp_path: Path) -> None:
    mine = versioned_folder(tmp_path, "terms", [text_cache], ["pyarrow"])
    earlier, other = tmp_path / "terms-0123456789ab", tmp_path / "fingerprints-0123456789ab"
    for folder in (mine, earlier, other):
        folder.mkdir()
    assert versioned_folder(tmp_path, "terms", [text_cache], ["pyarrow"]) == mine
    assert (mine.is_dir(), earlier.exists(), other.is_dir()) == (True, False, True)
    assert versioned_folder(tmp_path, "terms", [text_cache], ["numpy"]) != mine


def test_cached_terms_and_fingerprints_are_those_of_the_text(tmp_path: Path) -> None:
    texts = ["Sepsis must be treated within 3 hours.", "脓毒症应在三小时内治疗", "", "the running dogs ran"]
    for _ in range(2):
        analysed = AnalysedTexts(tmp_path)
        assert analysed.terms(texts) == [joined_terms(text) for text in texts]
        terms, prints = analysed.terms_and_fingerprints(texts)
        assert terms == analysed.terms(texts)
        assert np.array_equal(prints, fingerprints(texts))
