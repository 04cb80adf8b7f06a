"""Cuts a page into passages: pure, and the same on every run.

Blocks between two headings (or a heading and a repeated block) form a run. Blocks longer than `max_tokens` are
cut into even pieces, prose at sentence ends, code and tables at line ends. A lead-in ("For example:") goes with
what it leads to. Then neighbours in a run are joined until they reach `min_tokens`; a last fragment, and a note
after the item of a list, go to their predecessor where they fit.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from crawler.language import language_of
from crawler.settings import PassageSettings
from index.records import Block, Page, Passage, passage_id
from index.sentences import sentence_ends
from index.tokens import count_tokens, cut

SPLITTER_VERSION = 1
"""To be raised whenever `split` gives other passages for the same page."""

MIN_PASSAGE_TOKENS = 3
_LABEL_TOKENS = 8
_COLONS = (":", "：")
_LETTER = re.compile(r"[^\W\d_]")
_LINE_END = re.compile(r"\n+")
_SPACE = re.compile(r"\s*")
_WINDOW = 64  # characters per token, more than any text has


class _Piece(NamedTuple):
    """Characters [start, end) of the page text.

    `leads` says that it belongs to what follows, `closes` that it belongs to what precedes.
    """

    start: int
    end: int
    tokens: int
    leads: bool = False
    closes: bool = False


class _Run(NamedTuple):
    """Blocks that may share a passage, with their offsets."""

    heading_path: tuple[str, ...]
    blocks: list[tuple[Block, int, int]]


def split(page: Page, repeated: frozenset[int], settings: PassageSettings) -> tuple[Passage, ...]:
    """The passages of `page` in order. `repeated` holds the digests of blocks that are boilerplate on its host.

    No passage crosses a heading or a repeated block, none is longer than `max_tokens`, and each character of the
    other blocks is in one passage. Left out are fragments of fewer than 3 tokens or without a letter, and texts
    that the page has had before.
    """
    text = page.text()
    passages: dict[str, Passage] = {}
    for run in _runs(page, repeated):
        for start, end, tokens, *_ in _joined(_run_pieces(text, run, settings), settings):
            body = text[start:end]
            if tokens < MIN_PASSAGE_TOKENS or not _LETTER.search(body):
                continue
            identity = passage_id(page.url, body)
            language = language_of(body, page.language)
            passage = Passage(identity, page.url, len(passages), run.heading_path, body, start, end, language, tokens)
            passages.setdefault(identity, passage)
    return tuple(passages.values())


def _runs(page: Page, repeated: frozenset[int]) -> Iterator[_Run]:
    path: list[tuple[int, str]] = []
    blocks: list[tuple[Block, int, int]] = []
    left_out = _boilerplate(page.blocks, repeated) if repeated else set()
    for number, (block, (start, end)) in enumerate(zip(page.blocks, page.spans(), strict=True)):
        if block.kind != "heading" and number not in left_out:
            blocks.append((block, start, end))
            continue
        if blocks:
            yield _Run(tuple(heading for _, heading in path), blocks)
            blocks = []
        if block.kind == "heading":
            path = [*(outer for outer in path if outer[0] < block.level), (block.level, block.text)]
    if blocks:
        yield _Run(tuple(heading for _, heading in path), blocks)


def _boilerplate(blocks: Sequence[Block], repeated: frozenset[int]) -> set[int]:
    """Indices of the repeated blocks, but for short labels ("Note", "New in version 3.3.") amid the text."""
    found = [block.kind != "heading" and block.digest() in repeated for block in blocks]
    text = [block.kind != "heading" and not is_repeated for block, is_repeated in zip(blocks, found, strict=True)]

    def is_label(number: int) -> bool:
        amid = 0 < number < len(blocks) - 1 and text[number - 1] and text[number + 1]
        return amid and count_tokens(blocks[number].text) <= _LABEL_TOKENS

    return {number for number, is_repeated in enumerate(found) if is_repeated and not is_label(number)}


def _run_pieces(text: str, run: _Run, settings: PassageSettings) -> list[_Piece]:
    """The pieces of a run, each lead-in joined with what it leads to."""
    pieces: list[_Piece] = []
    following = [block.kind for block, _, _ in run.blocks[1:]]
    for (block, start, end), next_kind in zip_longest(run.blocks, following):
        leads = block.kind == "paragraph" and block.text.endswith(_COLONS)
        closes = block.kind == "paragraph" and next_kind == "list" and not leads
        for piece in _pieces(text, block, start, end, settings):
            piece = piece._replace(
                leads=(leads and piece.end == end) or piece.tokens < MIN_PASSAGE_TOKENS,
                closes=closes and piece.tokens < settings.min_tokens,
            )
            if pieces and pieces[-1].leads and _fit(pieces[-1], piece, settings):
                pieces[-1] = _join(pieces[-1], piece)
            else:
                pieces.append(piece)
    return pieces


def _pieces(text: str, block: Block, start: int, end: int, settings: PassageSettings) -> list[_Piece]:
    """The block whole, or cut into pieces of at most `max_tokens`."""
    tokens = count_tokens(text[start:end])
    if tokens <= settings.max_tokens:
        return [_Piece(start, end, tokens)]
    by_lines = [found.end() for found in _LINE_END.finditer(text, start, end)]
    by_sentences = [start + offset for offset in sentence_ends(text[start:end])]
    if block.kind in ("code", "table"):
        atoms = _between(text, start, end, by_lines)
    else:
        atoms = _between(text, start, end, sorted({*by_lines, *by_sentences}))
    small = [part for atom in atoms for part in _hard_cut(text, atom, settings.max_tokens)]
    return _even(small, settings.max_tokens)


def _between(text: str, start: int, end: int, cuts: list[int]) -> Iterator[_Piece]:
    """What lies between the cuts, without white space at the ends but with the indentation of a first line."""
    for left, right in zip([start, *cuts], [*cuts, end], strict=True):
        piece = _trimmed(text, left, right)
        if piece.tokens:
            yield piece


def _trimmed(text: str, start: int, end: int) -> _Piece:
    end = start + len(text[start:end].rstrip())
    if start and text[start - 1] != "\n":
        start = end - len(text[start:end].lstrip())
    return _Piece(start, end, count_tokens(text[start:end]))


def _hard_cut(text: str, piece: _Piece, max_tokens: int) -> Iterator[_Piece]:
    """A sentence or line that is too long by itself, cut between words."""
    while piece.tokens > max_tokens:
        # No more than a window is looked at, so that a text of megabytes takes linear time.
        window = text[piece.start : min(piece.end, piece.start + _WINDOW * max_tokens)]
        first = _trimmed(text, piece.start, piece.start + (cut(window, max_tokens) or len(window)))
        if first.tokens:
            yield first
        rest = _SPACE.match(text, max(first.end, piece.start + 1), piece.end)
        piece = _Piece(rest.end() if rest else piece.end, piece.end, piece.tokens - first.tokens)
    if piece.tokens:
        yield piece


def _even(pieces: list[_Piece], max_tokens: int) -> list[_Piece]:
    """Neighbours joined to as few pieces as `max_tokens` allows, of about equal length."""
    left = sum(piece.tokens for piece in pieces)
    joined: list[_Piece] = []
    current: _Piece | None = None
    target = left / -(-left // max_tokens)
    for piece in pieces:
        if current and (current.tokens >= target or current.tokens + piece.tokens > max_tokens):
            joined.append(current)
            left -= current.tokens
            # What was cut short earlier is spread over the rest.
            target = left / -(-left // max_tokens)
            current = None
        current = _join(current, piece) if current else piece
    return [*joined, current] if current else joined


def _joined(pieces: list[_Piece], settings: PassageSettings) -> list[_Piece]:
    """Neighbours joined up to `min_tokens`, never beyond `max_tokens`."""
    joined: list[_Piece] = []
    for piece in pieces:
        if joined and (joined[-1].tokens < settings.min_tokens or piece.closes) and _fit(joined[-1], piece, settings):
            joined[-1] = _join(joined[-1], piece)
        else:
            _settle_fragment(joined, settings)
            joined.append(piece)
    _settle_fragment(joined, settings)
    return joined


def _settle_fragment(pieces: list[_Piece], settings: PassageSettings) -> None:
    """Give the last piece to its predecessor if it is short and fits there."""
    if len(pieces) > 1 and pieces[-1].tokens < settings.min_tokens and _fit(pieces[-2], pieces[-1], settings):
        pieces[-2:] = [_join(*pieces[-2:])]


def _fit(left: _Piece, right: _Piece, settings: PassageSettings) -> bool:
    return left.tokens + right.tokens <= settings.max_tokens


def _join(left: _Piece, right: _Piece) -> _Piece:
    return _Piece(left.start, right.end, left.tokens + right.tokens, right.leads)
