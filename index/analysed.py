"""The analysed texts of a data folder: a passage is stemmed and fingerprinted once, however often it is published."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from index import analysis, copies, function_words, likeness
from index.analysis import joined_terms
from index.copies import FINGERPRINT_SIZE, Hashes, fingerprints
from index.shards import text_key
from index.text_cache import TextCache, versioned_folder


class AnalysedTexts:
    """What the lexical index and the search for copies want of texts. Hold `index.lock` while there is one."""

    def __init__(self, folder: Path) -> None:
        terms = versioned_folder(folder, "terms", [analysis, function_words], ["tantivy", "OpenCC"])
        prints = versioned_folder(folder, "fingerprints", [analysis, copies, likeness], ["rensa"])
        self._terms = TextCache(terms, _terms)
        self._fingerprints = TextCache(prints, _fingerprints)

    def terms_and_fingerprints(self, texts: Sequence[str]) -> tuple[list[str], Hashes]:
        """The index terms of each text, joined by spaces, and `index.copies.fingerprints`."""
        keys = [text_key(text) for text in texts]
        prints = np.asarray(self._fingerprints.get(texts, keys).flatten(), np.uint64).reshape(-1, FINGERPRINT_SIZE)
        return self._terms.get(texts, keys).to_pylist(), prints

    def terms(self, texts: Sequence[str]) -> list[str]:
        """The index terms alone."""
        return self._terms.get(texts).to_pylist()  # type: ignore[no-any-return]


def _terms(texts: Sequence[str]) -> "pa.Array":
    return pa.array([joined_terms(text) for text in texts], pa.string())


def _fingerprints(texts: Sequence[str]) -> "pa.Array":
    return pa.FixedSizeListArray.from_arrays(pa.array(fingerprints(texts).ravel(), pa.uint64()), FINGERPRINT_SIZE)
