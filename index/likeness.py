"""When two texts are copies of each other: the words nearly equal, the facts exactly.

The measure is resemblance, the Jaccard index of word triples (Broder, "On the resemblance and containment of
documents", SEQUENCES 1997). It alone would take "may" for "may not" and one statute for the next, for in a
long text one word weighs little. So three things must agree beyond it:

- facts: numbers, signs, negations and modal verbs are the same, in the same order;
- names: what one text calls by name the other does not call otherwise. Words may be added, not exchanged.
  A name is a word with a capital inside a sentence; scripts without capitals (Chinese) are all names.
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from index.analysis import CJK

LEAST_RESEMBLANCE = 0.8

_SHINGLE_WORDS = 3
# In a shorter text every word weighs too much: "errata" before a title is another document.
_LEAST_SHINGLES = 20
# Those of formulas, prices and program code; all other punctuation is typography.
_SIGNS = re.escape("+<>=~^%‰°±×÷≤≥≠≈€£$¥!&|*/\\@#")
_WORD = re.compile(rf"[{CJK}]|(?<!\w)[-−]?\d+(?:[.,]\d+)*(?![^\W_{CJK}])|[^\W_{CJK}]+|[{_SIGNS}]")
# "t" is what is left of "don't".
_FACT_WORDS = frozenset(
    {"no", "not", "nor", "none", "never", "neither", "cannot", "t", "without", "unless", "except", "only"}
    | {"may", "must", "shall", "should"}
    | {"ii", "iii", "iv", "vi", "vii", "viii", "ix", "xi", "xii", "xiii", "xiv", "xv"}
) | frozenset("〇零一二三四五六七八九十百千万萬亿億两兩不没沒无無非未否勿禁")


class Outline(NamedTuple):
    """What is compared of a text."""

    shingles: frozenset[str]
    facts: tuple[str, ...]
    names: tuple[str, ...]


def text_hash(text: str) -> int:
    """64 bits that are equal for texts that differ only in case and white space."""
    return int.from_bytes(hashlib.sha256(" ".join(text.casefold().split()).encode()).digest()[:8], "big")


def words(text: str) -> list[str]:
    """Words, numbers and signs, case folded; each character of Chinese; no other punctuation."""
    return _WORD.findall(_normal(text).casefold())


def shingles(words: Sequence[str]) -> list[str]:
    """The triples of neighbouring words; what is shorter is one shingle, no words are none."""
    if not words:
        return []
    return [" ".join(words[at : at + _SHINGLE_WORDS]) for at in range(max(1, len(words) - _SHINGLE_WORDS + 1))]


def facts(words: Sequence[str]) -> tuple[str, ...]:
    """Numbers, signs, negations and modal verbs of English and Chinese, in their order."""
    return tuple(word for word in words if word in _FACT_WORDS or not word.isalpha())


def names(text: str) -> tuple[str, ...]:
    """Words with a capital that no beginning of a sentence explains, and all words of scripts without capitals."""
    text = _normal(text)
    found = ((word[0], word.start()) for word in _WORD.finditer(text) if word[0][0].isalpha())
    return tuple(
        word for word, at in found if not word[0].islower() and not (word[0].isupper() and _begins_sentence(text, at))
    )


def outline(text: str) -> Outline:
    """All that `resemblance` compares."""
    found = words(text)
    return Outline(frozenset(shingles(found)), facts(found), names(text))


def resemblance(one: Outline, other: Outline) -> float:
    """The share of shingles that two texts have in common, 0 to 1.

    It is 0 where facts or names disagree, and in short texts unless all shingles are equal.
    """
    if min(len(one.shingles), len(other.shingles)) < _LEAST_SHINGLES and one.shingles != other.shingles:
        return 0.0
    if one.facts != other.facts or not (_within(one.names, other.names) or _within(other.names, one.names)):
        return 0.0
    shared = len(one.shingles & other.shingles)
    return shared / max(1, len(one.shingles) + len(other.shingles) - shared)


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _begins_sentence(text: str, at: int) -> bool:
    """Whether no word or comma stands right before: then the capital may be one of position."""
    return at < 2 or text[at - 1] != " " or not (text[at - 2].isalnum() or text[at - 2] in ",)")


def _within(short: Sequence[str], long: Sequence[str]) -> bool:
    """Whether `short` is `long` with some items left out."""
    rest = iter(long)
    return all(item in rest for item in short)
