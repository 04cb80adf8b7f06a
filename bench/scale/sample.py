"""The sample that a corpus is grown from: real passages and their real vectors, out of published snapshots."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from bench.errors import InvalidCollection
from bench.scale.pieces import Pieces, language_of, pieces_of
from bench.scale.sites import ReadPage, SamplePage, Site, joined_lists, make_sites
from domain_lists.plain import from_plain, to_plain
from domain_lists.source_list import SourceList
from index.columns import StoredPage
from index.encoders import EncoderDescription, Vectors
from index.records import Passage
from index.snapshot import Snapshot

FEWEST = 2000
"""Passages that a sample must have: fewer say too little of how vectors lie."""

MOST = 30_000
"""Passages that are read of larger snapshots, on pages spread evenly over each."""


@dataclass(frozen=True, slots=True)
class SamplePassage:
    """A real passage: its text, the pieces it can be cut into, and the headings above it."""

    text: str
    pieces: Pieces
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """All of it. `vectors` has shape [passages, dimensions]; `languages` gives each passage's place in `spoken`."""

    passages: tuple[SamplePassage, ...]
    vectors: Vectors
    languages: NDArray[np.int64]
    spoken: tuple[str, ...]
    sites: tuple[Site, ...]
    listed: Any
    encoder: EncoderDescription
    digest: str

    @property
    def sources(self) -> SourceList:
        """The list that all sites stand on. Kept as plain values, since a list cannot be sent to another process."""
        return from_plain(self.listed)

    def pages(self) -> Iterator[SamplePage]:
        """The pages of all sites."""
        return (page for site in self.sites for page in site.pages)

    def tokens(self) -> float:
        """Mean tokens of a passage."""
        return float(np.mean([sum(one.pieces.tokens) for one in self.passages]))


class _Reader:
    """Collects passages, their vectors and languages, and pages, snapshot by snapshot."""

    def __init__(self) -> None:
        self.passages = list[SamplePassage]()
        self.vectors = list[Vectors]()
        self.languages = list[str]()
        self.pages = list[ReadPage]()

    def add(self, snapshot: Snapshot, most: int) -> None:
        rows = list[int]()
        for page in _spread(snapshot, most):
            for language, members in _by_language(snapshot, page).items():
                at = len(self.passages)
                self.passages += [_sampled(one, page) for _, one in members]
                self.languages += [language] * len(members)
                rows += [row for row, _ in members]
                sampled = SamplePage(page.title, language, tuple(range(at, at + len(members))))
                self.pages.append(ReadPage(urlsplit(page.url).netloc, page.url, sampled))
        self.vectors.append(snapshot.dense.vectors(np.array(rows, np.int64)))


def read_sample(snapshots: Sequence[Snapshot], fewest: int = FEWEST, most: int = MOST) -> Sample:
    """The sample of one or several snapshots of the same encoder. The same snapshots give the same sample.

    Raises InvalidCollection where there are fewer than `fewest` passages, EncoderMismatch where encoders differ.
    """
    encoder = snapshots[0].manifest.encoder
    for other in snapshots[1:]:
        encoder.require(other.manifest.encoder)
    total = sum(len(one.columns) for one in snapshots)
    if total < fewest:
        raise InvalidCollection(
            f"{' and '.join(str(one.folder) for one in snapshots)}: {total:,} passages are too few to grow a corpus "
            f"from, {fewest:,} are needed; publish more, or add another data folder with --sample"
        )
    read = _Reader()
    for snapshot in snapshots:
        read.add(snapshot, most // len(snapshots))
    vectors, spoken = np.concatenate(read.vectors), sorted(set(read.languages))
    numbers = np.array([spoken.index(one) for one in read.languages], np.int64)
    lists = joined_lists([one.sources for one in snapshots])
    sites, sources = make_sites(read.pages, [one.headings for one in read.passages], vectors, lists)
    digest = hashlib.sha256(repr(([one.manifest.content for one in snapshots], sites)).encode()).hexdigest()
    return Sample(
        tuple(read.passages), vectors, numbers, tuple(spoken), sites, to_plain(sources), encoder, digest
    )  # fmt: skip


def _spread(snapshot: Snapshot, most: int) -> Iterator[StoredPage]:
    """Pages with about `most` passages, spread evenly, or all."""
    columns = snapshot.columns
    share = min(1.0, most / max(1, len(columns)))
    for number in range(columns.page_count):
        if int((number + 1) * share) > int(number * share):
            yield columns.page(number)


def _by_language(snapshot: Snapshot, page: StoredPage) -> dict[str, list[tuple[int, Passage]]]:
    """The passages of a page with their rows, apart by language."""
    found = defaultdict[str, list[tuple[int, Passage]]](list)
    for row in range(page.first_row, page.first_row + page.rows):
        passage, _ = snapshot.columns.passage(row)
        found[language_of(passage.language, passage.text)].append((row, passage))
    return dict(sorted(found.items()))


def _sampled(passage: Passage, page: StoredPage) -> SamplePassage:
    # Alone on its page, the title is all that it has for a heading once pages are joined.
    headings = passage.heading_path or ((page.title,) if page.rows == 1 and page.title else ())
    return SamplePassage(passage.text, pieces_of(passage.text), headings)
