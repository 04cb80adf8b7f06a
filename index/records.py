"""The plain records that pass between the packages: block, page, passage.

A response becomes a `Page` of `Block`s, a page becomes `Passage`s, and nothing else travels. All are
frozen; equal content makes equal records on every run.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

BlockKind = Literal["heading", "paragraph", "list", "table", "code", "quote"]

BLOCK_SEPARATOR = "\n\n"


class Dated(NamedTuple):
    """A date and the evidence for it. `value` is ISO 8601 (a day, or a UTC second), `origin` names where it stood."""

    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Block:
    """One structural unit of a page. `level` is 1 to 6 for headings and 0 for everything else.

    List items and table rows are lines of `text`; cells are parted by " | "; code keeps its line breaks.
    """

    kind: BlockKind
    text: str
    level: int = 0

    def rendered(self) -> str:
        """The block as it stands in the page text; headings carry Markdown hash marks."""
        return f"{'#' * self.level} {self.text}" if self.kind == "heading" else self.text

    def digest(self) -> int:
        """64 bits of the text's SHA-256: equal text on other pages has the equal digest."""
        return int.from_bytes(hashlib.sha256(self.text.encode()).digest()[:8], "big")


@dataclass(frozen=True, slots=True)
class Page:
    """One fetched URL with its extracted content and its dates.

    `url` is canonical (see `domain_lists.urls`), `source` is the id of the source that lists it, `language`
    an ISO 639-1 code or "". The four dates are separate evidence; a missing one is None, never guessed.
    """

    url: str
    source: str
    title: str
    language: str
    blocks: tuple[Block, ...]
    crawled: Dated
    published: Dated | None = None
    modified: Dated | None = None
    changed: Dated | None = None

    def text(self) -> str:
        """The page text that passage offsets count in."""
        return BLOCK_SEPARATOR.join(block.rendered() for block in self.blocks)

    def spans(self) -> list[tuple[int, int]]:
        """Character offsets (start, end) of each block in `text()`."""
        spans, start = [], 0
        for block in self.blocks:
            end = start + len(block.rendered())
            spans.append((start, end))
            start = end + len(BLOCK_SEPARATOR)
        return spans

    def content_hash(self) -> str:
        """SHA-256 (hex) of title, language and text: markup that changes around equal content does not count."""
        return _sha256([self.title, self.language, self.text()])


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit of retrieval: `text` is exactly `page.text()[start:end]`.

    `heading_path` runs from the outermost heading down; `tokens` is counted by `index.tokens.count_tokens`.
    """

    id: str
    url: str
    ordinal: int
    heading_path: tuple[str, ...]
    text: str
    start: int
    end: int
    language: str
    tokens: int


def passage_id(url: str, text: str) -> str:
    """32 hex digits made of the canonical URL and the text, so that every run gives a passage the same id."""
    return _sha256([url, text])[:32]


def _sha256(parts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        # The length prefix keeps ("ab", "c") and ("a", "bc") apart.
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()
