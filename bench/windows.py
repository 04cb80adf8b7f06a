"""The usual ways to cut a page, to compare passages with: fixed windows and the whole page.

They see the text that extraction gave and nothing else: headings are lines of it, and no boilerplate is left out.
"""

import re
from collections.abc import Callable, Iterator

from index.records import Page, Passage, passage_id
from index.tokens import count_tokens

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_UNIT = re.compile(rf"[{_CJK}]|[^\s{_CJK}]+")
_CJK_CHARACTER = re.compile(rf"[{_CJK}]")

Cost = Callable[[str], float]
"""What a word, or a CJK character, counts against the size of a window."""


def words(unit: str) -> float:
    """1 for a word; 1.5 CJK characters make one."""
    return 2 / 3 if _CJK_CHARACTER.match(unit) else 1.0


def tokens(unit: str) -> float:
    """Tokens as `index.tokens` counts them; a CJK character, which it may join with the next, is two thirds of one."""
    return 2 / 3 if _CJK_CHARACTER.match(unit) else float(count_tokens(unit))


def fixed_windows(page: Page, size: float, cost: Cost) -> list[Passage]:
    """Consecutive windows of at most `size` units, cut between words, without overlap. A longer word stands alone.

    Like `crawler.passages.split`, a text that the page has had before is left out: it would have the same id.
    """
    text = page.text()
    found: dict[str, Passage] = {}
    for start, end in _spans(text, size, cost):
        passage = _passage(page, text, start, end, len(found))
        found.setdefault(passage.id, passage)
    return list(found.values())


def whole_page(page: Page) -> list[Passage]:
    """The page as one passage; none for a page without text. An encoder sees of it what its limit allows."""
    text = page.text()
    return [_passage(page, text, 0, len(text), 0)] if text.strip() else []


def _spans(text: str, size: float, cost: Cost) -> Iterator[tuple[int, int]]:
    start = end = 0
    filled = 0.0
    for unit in _UNIT.finditer(text):
        weight = cost(unit.group())
        # Thirds do not add up exactly.
        if filled and filled + weight > size + 1e-6:
            yield start, end
            filled = 0.0
        if not filled:
            start = unit.start()
        end = unit.end()
        filled += weight
    if filled:
        yield start, end


def _passage(page: Page, text: str, start: int, end: int, ordinal: int) -> Passage:
    body = text[start:end]
    identity = passage_id(page.url, body)
    return Passage(identity, page.url, ordinal, (), body, start, end, page.language, count_tokens(body))
