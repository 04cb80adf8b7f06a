"""The queries of the scale bench: for the dense arm titles and headings, for the lexical arm words and sentences."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from bench.scale.drawing import around
from bench.scale.pieces import Pieces, halves, seeded
from bench.scale.sample import Sample
from index.analysis import index_terms
from index.encoders import Encoder, Vectors

TITLES = 256
"""Queries that the encoder reads."""

LONG_TERMS = 30
_EACH_KIND = 64
_SHORT_WORDS = (3, 4, 5)
_SHORT_CHARACTERS = (4, 6, 8)


@dataclass(frozen=True, slots=True)
class Queries:
    """Texts with the vectors that the encoder gave them, shape [n, dimensions]; and texts for the lexical arm alone, by
    kind.
    """

    texts: tuple[str, ...]
    vectors: Vectors
    lexical: dict[str, tuple[str, ...]]

    def many(self, count: int, seed: int = 1) -> Vectors:
        """So many vectors: the encoded ones, and then others drawn around them as a corpus's are, with strength .5."""
        random = np.random.default_rng(seed)
        more = max(0, count - len(self.vectors))
        mean = self.vectors.mean(axis=0)
        drawn = around(self.vectors, mean, random.integers(0, len(self.vectors), (more, 3)), 0.5)
        return np.concatenate([self.vectors, drawn])[:count]


def make_queries(sample: Sample, encoder: Encoder, seed: int = 1) -> Queries:
    """Queries of a sample. The same sample and encoder give the same ones."""
    random = seeded(seed)
    found = list(dict.fromkeys(_titles(sample)))
    random.shuffle(found)
    if len(found) < TITLES:
        found = list(dict.fromkeys([*found, *_beginnings(sample, random)]))
    texts = tuple(found[:TITLES])
    return Queries(texts, encoder.encode_queries(texts), _lexical(sample, random))


def _titles(sample: Sample) -> Iterator[str]:
    """Titles and headings of two words or more."""
    for passage in sample.passages:
        yield from (heading for heading in passage.headings if halves(heading)[1])
    yield from (page.title for page in sample.pages() if page.title and halves(page.title)[1])


def _beginnings(sample: Sample, random: Random) -> list[str]:
    """Where passages have no titles: first sentences, cut to their first half."""
    return [halves(one.pieces.texts[0])[0] for one in random.sample(sample.passages, min(TITLES, len(sample.passages)))]


def _lexical(sample: Sample, random: Random) -> dict[str, tuple[str, ...]]:
    kinds = {}
    for glue, name in ((" ", "words"), ("", "Chinese")):
        pieces = [one.pieces for one in sample.passages if one.pieces.glue == glue]
        if pieces:
            chosen = [random.choice(pieces) for _ in range(_EACH_KIND)]
            kinds[f"{name}, short"] = tuple(_short(one, random) for one in chosen)
            kinds[f"{name}, long"] = tuple(_long(one, pieces, random) for one in chosen)
    return kinds


def _short(pieces: Pieces, random: Random) -> str:
    """Three to five neighbouring words, or as many pairs of characters, out of one sentence."""
    sentence = random.choice(pieces.texts)
    words: Sequence[str] = sentence.split() if pieces.glue else [*sentence]
    count = random.choice(_SHORT_WORDS if pieces.glue else _SHORT_CHARACTERS)
    start = random.randrange(max(1, len(words) - count + 1))
    return pieces.glue.join(words[start : start + count])


def _long(pieces: Pieces, others: Sequence[Pieces], random: Random) -> str:
    """Sentences of one passage, and of others where that has too few, until LONG_TERMS terms are asked."""
    text = ""
    for sentence in pieces.texts:
        text = f"{text}{pieces.glue}{sentence}".strip()
        if _terms(text) >= LONG_TERMS:
            return text
    for _ in range(LONG_TERMS):
        if _terms(text) >= LONG_TERMS:
            break
        text = f"{text}{pieces.glue}{random.choice(random.choice(others).texts)}"
    return text


def _terms(text: str) -> int:
    return len(set(index_terms(text)))
