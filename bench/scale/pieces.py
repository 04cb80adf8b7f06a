"""Texts cut into pieces that can be put together anew: sentences, or the halves of a single one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from random import Random

from index.analysis import CJK
from index.sentences import sentence_ends
from index.tokens import count_tokens

_CJK = re.compile(rf"[{CJK}]")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of a text and how many tokens each has; `glue` stands between two."""

    texts: tuple[str, ...]
    tokens: tuple[int, ...]
    glue: str


def language_of(told: str, text: str) -> str:
    """The language a passage is told to have; where none is told, `zh` for one that is mostly Han characters."""
    return told or ("zh" if _mostly_cjk(text) else "")


def pieces_of(text: str) -> Pieces:
    """The sentences of a text; a text of one sentence is cut in its middle."""
    ends = sentence_ends(text)
    sentences = [text[start:end].strip() for start, end in pairwise([0, *ends, len(text)])]
    sentences = [one for one in sentences if one]
    if len(sentences) < 2:
        sentences = [one for one in halves(text) if one]
    glue = "" if _mostly_cjk(text) else " "
    return Pieces(tuple(sentences), tuple(map(count_tokens, sentences)), glue)


def halves(text: str) -> tuple[str, str]:
    """The first and the second half, cut between words; between characters where there are no spaces."""
    words = _SPACE.split(text.strip())
    if len(words) > 1:
        middle = (len(words) + 1) // 2
        return " ".join(words[:middle]), " ".join(words[middle:])
    middle = (len(words[0]) + 1) // 2 if _mostly_cjk(text) else len(words[0])
    return words[0][:middle], words[0][middle:]


def mixed(own: Pieces, others: Sequence[Pieces], random: Random) -> tuple[str, int]:
    """A text as long as `own` with half of its pieces, the rest out of `others`; and how many tokens it has."""
    wanted = len(own.texts)
    texts, tokens = _run(own, (wanted + 1) // 2, random)
    for number, other in enumerate(others):
        left = wanted - len(texts)
        more, more_tokens = _run(other, left if number == len(others) - 1 else left // 2, random)
        texts, tokens = texts + more, tokens + more_tokens
    return own.glue.join(texts if random.random() < 0.5 else reversed(texts)), tokens


def blended(one: str, other: str) -> str:
    """A title or heading made of the first half of one and the second half of another."""
    if not one or not other:
        return one or other
    return f"{_cut(one)[0]}{_cut(one)[2]}{_cut(other)[1]}".strip()


@lru_cache(65_536)
def _cut(title: str) -> tuple[str, str, str]:
    """The halves of a title that is used again and again, and what joins them."""
    return *halves(title), "" if _mostly_cjk(title) else " "


def seeded(seed: int) -> Random:
    """The random numbers that one seed gives, the same in every run."""
    return Random(seed)  # noqa: S311 - nothing here is a secret


def below(count: int, random: Random) -> int:
    """A number from 0 to `count`, exclusive; several times as fast as `randrange`."""
    return int(random.random() * count)


def _run(pieces: Pieces, count: int, random: Random) -> tuple[tuple[str, ...], int]:
    """Neighbouring pieces, at most `count`, and how many tokens they have."""
    start = below(max(0, len(pieces.texts) - count) + 1, random)
    return pieces.texts[start : start + count], sum(pieces.tokens[start : start + count])


def _mostly_cjk(text: str) -> bool:
    beginning = "".join(text[:200].split())
    return 2 * len(_CJK.findall(beginning)) > len(beginning)
