"""Where a text has the words of a query, as the lexical arm sees it: stems of words, pairs of Chinese characters."""

from collections.abc import Iterator
from functools import lru_cache
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
    pieces: list[Piece] = []
    done = 0
    for start, end in _merged(
        span for span in _pieces(text, lone_characters=True) if _term(text[slice(*span)]) in terms
    ):
        if start > done:
            pieces.append(Piece(text[done:start], False))
        pieces.append(Piece(text[start:end], True))
        done = end
    if done < len(text):
        pieces.append(Piece(text[done:], False))
    return pieces


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


def _merged(spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Ascending spans that do not touch."""
    open_span: tuple[int, int] | None = None
    for start, end in sorted(spans):
        if open_span and start <= open_span[1]:
            open_span = open_span[0], max(end, open_span[1])
            continue
        if open_span:
            yield open_span
        open_span = start, end
    if open_span:
        yield open_span
