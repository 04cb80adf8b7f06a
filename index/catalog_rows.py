"""Pages and passages as rows of the catalogue, there and back."""

import json
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa

from index.records import Block, Dated, Page, Passage

PAGE_COLUMNS = (
    "url, source, title, language, blocks, crawled, crawled_origin, published, published_origin, "
    "modified, modified_origin, changed, changed_origin"
)

PAGE_FIELDS: "list[tuple[str, pa.DataType]]" = [
    ("url", pa.string()), ("host", pa.string()), ("source", pa.string()), ("title", pa.string()),
    ("language", pa.string()), ("blocks", pa.string()), ("block_digests", pa.list_(pa.uint64())),
    ("content_hash", pa.string()), ("crawled", pa.string()), ("crawled_origin", pa.string()),
    ("published", pa.string()), ("published_origin", pa.string()), ("modified", pa.string()),
    ("modified_origin", pa.string()), ("changed", pa.string()), ("changed_origin", pa.string()),
    ("split_key", pa.string()),
]  # fmt: skip

PAGE_NAMES = [name for name, _ in PAGE_FIELDS]

PASSAGE_FIELDS: "list[tuple[str, pa.DataType]]" = [
    ("url", pa.string()), ("ordinal", pa.uint32()), ("id", pa.string()),
    ("heading_path", pa.list_(pa.string())), ("start", pa.uint32()), ("end", pa.uint32()),
    ("language", pa.string()), ("tokens", pa.uint32()),
]  # fmt: skip


class StoredState(NamedTuple):
    """What the fate of a new capture depends on."""

    content_hash: str
    crawled: str
    changed: str | None
    changed_origin: str | None
    split_key: str


def page_row(page: Page, stored: StoredState | None) -> tuple[str, tuple[Any, ...] | None]:
    """What happens to the page (a field of `catalog.PageCounts`) and the row to write, if any."""
    content_hash, changed, split_key = page.content_hash(), page.changed, ""
    if stored is None:
        fate = "new"
    elif page.crawled.value < stored.crawled:
        return "older", None
    else:
        fate = "unchanged" if content_hash == stored.content_hash else "changed"
        if fate == "unchanged":
            split_key = stored.split_key
        if fate == "unchanged" or page.crawled.value == stored.crawled:
            changed = Dated(stored.changed, stored.changed_origin or "") if stored.changed else None
        else:
            changed = Dated(page.crawled.value, "content-hash")
    digests = sorted({block.digest() for block in page.blocks if block.kind != "heading"})
    blocks = json.dumps([[b.kind, b.text, b.level] for b in page.blocks], ensure_ascii=False)
    dated = (page.crawled, page.published, page.modified, changed)
    dates = [part for one in dated for part in (one or (None, None))]
    host = urlsplit(page.url).netloc
    head = (page.url, host, page.source, page.title, page.language, blocks, digests, content_hash)
    return fate, (*head, *dates, split_key)


def page_of(row: tuple[Any, ...]) -> Page:
    """The page in a row of PAGE_COLUMNS."""
    url, source, title, language, blocks = row[:5]
    crawled, published, modified, changed = (
        Dated(row[i], row[i + 1]) if row[i] is not None else None for i in range(5, 13, 2)
    )
    assert crawled is not None
    parsed = tuple(Block(kind, text, level) for kind, text, level in json.loads(blocks))
    return Page(url, source, title, language, parsed, crawled, published, modified, changed)


def passage_of(row: tuple[Any, ...], page_text: str) -> Passage:
    """The passage in a row of PASSAGE_FIELDS; `page_text` is the text of its page."""
    url, ordinal, identity, heading_path, start, end, language, tokens = row
    text = page_text[start:end]
    return Passage(identity, url, ordinal, tuple(heading_path), text, start, end, language, tokens)
