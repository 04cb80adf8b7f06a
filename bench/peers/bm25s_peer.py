"""A peer for the lexical arm: bm25s, Lucene's variant of BM25 (Kamphuis et al., ECIR 2020; k1 .9, b .4).

English stemming, no stop words; runs of Chinese characters become bigrams, a lone character itself.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from bench.errors import PeerMissing
from bench.view import Place
from index.snapshot import Snapshot

try:
    import bm25s
    import Stemmer
except ImportError as error:
    raise PeerMissing(
        "the peer bm25s is not installed; install the extra `peers`: pip install 'authority-search-server[peers]'"
    ) from error

K1, B = 0.9, 0.4

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_PIECE = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")
_IS_HAN = re.compile(f"[{_HAN}]")


class Bm25sRanker:
    """Indexes title, headings and text of every passage of a snapshot in memory."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._stem = Stemmer.Stemmer("english").stemWords
        self._rows = len(snapshot.columns)
        self._index = bm25s.BM25(method="lucene", k1=K1, b=B)
        self._index.index([self.terms(text) for text in _texts(snapshot)], show_progress=False)

    def terms(self, text: str) -> list[str]:
        """The terms of a text, in order."""
        words: list[str] = []
        for piece in _PIECE.findall(text.lower()):
            if _IS_HAN.match(piece):
                words += [piece[at : at + 2] for at in range(max(1, len(piece) - 1))]
            else:
                words.append(piece)
        return list(self._stem(words))

    def rank(self, queries: Sequence[str], top_k: int) -> list[list[Place]]:
        return [self._rank(self.terms(query), top_k) for query in queries]

    def _rank(self, terms: list[str], top_k: int) -> list[Place]:
        known = [term for term in terms if term in self._index.vocab_dict]
        if not known:
            return []
        scores = self._index.get_scores(known)
        best = np.lexsort((np.arange(self._rows), -scores))[:top_k]
        return [Place(int(row)) for row in best if scores[row] > 0]


def _texts(snapshot: Snapshot) -> Iterator[str]:
    for row in range(len(snapshot.columns)):
        passage, page = snapshot.columns.passage(row)
        yield "\n".join([page.title, *passage.heading_path, passage.text])
