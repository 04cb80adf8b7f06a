"""Splits the pages of the catalogue into passages, anew only where that could change something."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from crawler.boilerplate import repeated_by_host, repeated_on_page
from crawler.passages import SPLITTER_VERSION, split
from crawler.settings import PassageSettings
from index.catalog import Catalog, PageSplit
from index.progress import Progress, silent

_PAGES_PER_TRANSACTION = 200
_COPY = f"copy {SPLITTER_VERSION}"
"""The key of a page that another URL of its host holds as well: it has no passages of its own."""


class SplitReport(NamedTuple):
    """What `split_pages` found and did; `passages` counts those of the pages split anew.

    `copies` are pages whose host has the same content under a shorter URL: printable versions, session ids, endless
    calendars.
    """

    pages: int
    resplit: int
    passages: int
    copies: int = 0


class _Stale(NamedTuple):
    url: str
    key: str
    repeated: frozenset[int]


def split_pages(catalog: Catalog, settings: PassageSettings, progress: Progress = silent) -> SplitReport:
    """Bring the passages of all pages up to date.

    A page is split again when its content, the settings, the splitter, which of its blocks its host repeats, or
    whether it is a copy of another page has changed. A kill loses at most one batch of pages; the next run goes on
    there.
    """
    copies = catalog.copies()
    pages, stale = _stale_pages(catalog, settings, copies)
    passages = 0
    for start in range(0, len(stale), _PAGES_PER_TRANSACTION):
        batch = stale[start : start + _PAGES_PER_TRANSACTION]
        stored = catalog.pages([one.url for one in batch])
        splits = [
            PageSplit(one.url, one.key, () if one.key == _COPY else split(stored[one.url], one.repeated, settings))
            for one in batch
        ]
        catalog.put_passages(splits)
        passages += sum(len(one.passages) for one in splits)
        progress("split", start + len(batch), len(stale))
    return SplitReport(pages, len(stale), passages, len(copies))


def _stale_pages(catalog: Catalog, settings: PassageSettings, copies: frozenset[str]) -> tuple[int, list[_Stale]]:
    """The number of pages, and those whose key is not what it should be."""
    by_host = repeated_by_host(catalog, settings)
    pages, stale = 0, []
    for state in catalog.split_states():
        pages += 1
        repeated = repeated_on_page(by_host, state.host, state.block_digests)
        key = _COPY if state.url in copies else split_key(state.content_hash, repeated, settings)
        if key != state.split_key:
            stale.append(_Stale(state.url, key, repeated))
    return pages, stale


def split_key(content_hash: str, repeated: frozenset[int], settings: PassageSettings) -> str:
    """A digest of all that decides how a page is split."""
    parts = _key_parts(content_hash, repeated, settings)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _key_parts(content_hash: str, repeated: frozenset[int], settings: PassageSettings) -> Iterator[str]:
    yield f"{SPLITTER_VERSION} {content_hash} {settings.min_tokens} {settings.max_tokens}"
    yield from map(str, sorted(repeated))
