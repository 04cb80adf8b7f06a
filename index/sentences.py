"""Where sentences end, in English and Chinese and in what is punctuated like them.

Rules, not a model: cutting too rarely only makes a passage end elsewhere.
"""

import re

_CLOSERS = "\"'”’」』）》】)\\]"
_END = re.compile(
    rf"[。！？；]+[{_CLOSERS}]*"  # Chinese marks end a sentence wherever they stand
    rf"|[.!?…]+[{_CLOSERS}]*(?=\s+(?![a-z]))"  # Latin ones before space, unless a small letter goes on
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|viz|ca|approx|resp|al|Fig|Figs|Eq|Sec|Ch|Vol|No|Nos|pp|p|ed|eds"
    r"|Mr|Mrs|Ms|Dr|Prof|Rev|Gen|Sen|Rep|Gov|St|Jr|Sr|Inc|Ltd|Co|Corp|Dept|Univ|Art|Jan|Feb|Aug|Sept|Oct|Nov|Dec"
    r"|[A-Z]|(?:[A-Za-z]\.)+[A-Za-z])"  # initials, U.S
    r"|(?:\A|\n)[ \t]*(?:\d{1,3}|[ivx]{1,4}|[a-z]))\Z"  # the number of a list item
)


def sentence_ends(text: str) -> list[int]:
    """Ascending offsets just after each sentence that something follows; the end of the text is not among them."""
    return [
        found.end()
        for found in _END.finditer(text)
        if found.end() < len(text) and not _is_abbreviation(text, found.start(), found.group())
    ]


def _is_abbreviation(text: str, stop: int, mark: str) -> bool:
    # The longest abbreviation has few letters; the window keeps the search linear.
    return mark == "." and _ABBREVIATION.search(text[max(0, stop - 12) : stop]) is not None
