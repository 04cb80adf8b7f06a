"""From text to index terms, for every language alike.

Words are lower-cased (Unicode NFKC and case folding) and stemmed as English; stemming leaves other scripts alone. Han
and Kana runs become character unigrams and bigrams: on Chinese sets this matches or beats segmented words and indexes
several times faster. Traditional characters become simplified ones, so that either script finds the other.
"""

import re
import unicodedata
from functools import cache

import tantivy
from opencc import OpenCC

from index.function_words import CHINESE, ENGLISH

_MAX_TERM = 64

# With 々 and 〇, which stand inside words and years.
CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
# What terms are made of: a run of Han and Kana, or a word.
RUN = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+")
_FIRST_CJK = "\u3005"
_IS_CJK = re.compile(rf"[{CJK}]")


def index_terms(text: str) -> list[str]:
    """The terms of `text` in order; the same for what is indexed and what is asked."""
    words: list[str] = []
    for run in RUN.findall(unicodedata.normalize("NFKC", text).casefold()):
        if is_cjk(run):
            characters = run.translate(_simplified())
            words.extend(characters)
            words.extend(characters[i : i + 2] for i in range(len(characters) - 1))
        else:
            words.append(run)
    return list(_stemmer().analyze(" ".join(words)))


def joined_terms(text: str) -> str:
    """The terms of `text` as one string; no term holds a space."""
    return " ".join(index_terms(text))


def is_function_word(term: str) -> bool:
    """Whether an index term says little of a topic."""
    return term in _function_terms()


def is_cjk(term: str) -> bool:
    """Whether a term, or a run of text, begins with a Han or Kana character."""
    return term[0] >= _FIRST_CJK and _IS_CJK.match(term) is not None


@cache
def _stemmer() -> tantivy.TextAnalyzer:
    """Spaces part words, overlong ones are dropped, English is stemmed."""
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
        .filter(tantivy.Filter.remove_long(_MAX_TERM))
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


@cache
def _function_terms() -> frozenset[str]:
    return frozenset(_stemmer().analyze(" ".join(sorted(ENGLISH)))) | CHINESE


@cache
def _simplified() -> dict[int, str]:
    """From each traditional character, by code point, to its simplified one, as OpenCC has them."""
    blocks = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0x20000, 0x2A6DF))
    characters = [chr(code) for first, last in blocks for code in range(first, last + 1)]
    converted = OpenCC("t2s").convert("\n".join(characters)).split("\n")
    return {ord(old): new for old, new in zip(characters, converted, strict=True) if new != old}
