"""Where a text has the words of a query, as the lexical arm sees it: stems of words, pairs of Chinese characters."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple


class Piece(NamedTuple):
    """A stretch of text, and whether it matches the query."""

    text: str
    matches: bool


def query_terms(query: str) -> frozenset[str]:
    """The index terms to mark: without function words, unless there is nothing else.

    Of Chinese the pairs of characters, since single ones stand everywhere; a lone character only where the query has
    it alone.
    """
    from index.analysis import is_function_word

    pieces = [query[start:end] for start, end in _pieces(query, lone_characters=False)]
    terms = frozenset(map(_term, pieces)) - {""}
    return frozenset(term for term in terms if not is_function_word(term)) or terms


def highlight(text: str, terms: frozenset[str]) -> list[Piece]:
    """`text` in pieces, which joined are the text again; neighbouring pieces that match are one."""
    marks = bytearray(len(text))
    for start, end in _pieces(text, lone_characters=True):
        if _term(text[start:end]) in terms:
            marks[start:end] = bytes([1]) * (end - start)
    runs = ((matches, list(places)) for matches, places in groupby(range(len(text)), marks.__getitem__))
    return [Piece(text[places[0] : places[-1] + 1], bool(matches)) for matches, places in runs]


def _pieces(text: str, lone_characters: bool) -> Iterator[tuple[int, int]]:
    """What makes a term each, by offsets: words, and the pairs of each CJK run, with its single characters if asked."""
    from index.analysis import RUN, is_cjk

    for run in RUN.finditer(text):
        start, end = run.span()
        if not is_cjk(run.group()):
            yield start, end
            continue
        if lone_characters or end - start == 1:
            yield from ((at, at + 1) for at in range(start, end))
        yield from ((at, at + 2) for at in range(start, end - 1))


@lru_cache(maxsize=65_536)
def _term(piece: str) -> str:
    """The index term of a word, of a character or of a pair of them; "" for an overlong word."""
    from index.analysis import index_terms

    # A pair gives its characters first.
    return next(reversed(index_terms(piece)), "")
