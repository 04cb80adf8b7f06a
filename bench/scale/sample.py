"""The sample that a corpus is grown from: real passages and their real vectors, out of published snapshots.

Its passages stand in sites and pages. A sample of many hosts keeps its own. One of few hosts is parted into sites by
topic (k-means over the vectors), since on the web a host has its topics: subdomains where these are listed too, and
else made-up sources. Documents of one passage each, as test collections have them, are joined into pages of several.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import faiss
import numpy as np
from numpy.typing import NDArray

from bench.errors import InvalidCollection
from bench.scale.pieces import Pieces, language_of, pieces_of
from domain_lists.plain import from_plain, to_plain
from domain_lists.records import Source
from domain_lists.source_list import SourceList
from index.columns import StoredPage
from index.encoders import EncoderDescription, Vectors
from index.records import Passage
from index.snapshot import Snapshot

FEWEST = 2000
"""Passages that a sample must have: fewer say too little of how vectors lie."""

MOST = 30_000
"""Passages that are read of larger snapshots, on pages spread evenly over each."""

MANY_HOSTS = 24
_SITES = 64
# A name that no host has (RFC 6761).
_RESERVED = "sample.invalid"
_JOINED = (3, 5, 8, 5, 4, 6)
"""Documents of one passage that become one page, in turn."""


@dataclass(frozen=True, slots=True)
class SamplePassage:
    """A real passage: its text, the pieces it can be cut into, and the headings above it."""

    text: str
    pieces: Pieces
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SamplePage:
    """A real page, or several documents joined: its passages are these rows of the sample."""

    title: str
    language: str
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """Pages under one beginning of URLs, which ends with a slash; `source` is the id under which it is listed."""

    beginning: str
    source: str
    pages: tuple[SamplePage, ...]


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


@dataclass(frozen=True, slots=True)
class _Read:
    host: str
    url: str
    page: SamplePage


def read_sample(snapshots: Sequence[Snapshot], fewest: int = FEWEST, most: int = MOST) -> Sample:
    """The sample of one or several snapshots of the same encoder. The same snapshots give the same sample.

    Raises InvalidCollection where there are fewer than `fewest` passages, EncoderMismatch where encoders differ.
    """
    first = snapshots[0]
    for other in snapshots[1:]:
        first.manifest.encoder.require(other.manifest.encoder)
    total = sum(len(one.columns) for one in snapshots)
    if total < fewest:
        raise InvalidCollection(
            f"{' and '.join(str(one.folder) for one in snapshots)}: {total:,} passages are too few to grow a corpus "
            f"from, {fewest:,} are needed; publish more, or add another data folder with --sample"
        )
    passages, vectors, languages, read = list[SamplePassage](), list[Vectors](), list[str](), list[_Read]()
    for snapshot in snapshots:
        rows = list[int]()
        for page in _spread(snapshot, most // len(snapshots)):
            for language, members in _by_language(snapshot, page).items():
                at = len(passages)
                passages += [_sampled(one, page) for _, one in members]
                rows += [row for row, _ in members]
                languages += [language] * len(members)
                sampled = SamplePage(page.title, language, tuple(range(at, at + len(members))))
                read.append(_Read(urlsplit(page.url).netloc, page.url, sampled))
        vectors.append(snapshot.dense.vectors(np.array(rows, np.int64)))
    spoken = tuple(sorted(set(languages)))
    stacked = np.concatenate(vectors)
    sites, sources = _sites(read, passages, stacked, _joined_lists([one.sources for one in snapshots]))
    numbers = np.array([spoken.index(one) for one in languages], np.int64)
    digest = hashlib.sha256(repr(([one.manifest.content for one in snapshots], sites)).encode()).hexdigest()
    return Sample(tuple(passages), stacked, numbers, spoken, sites, to_plain(sources), first.manifest.encoder, digest)


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


def _joined_lists(lists: Sequence[SourceList]) -> SourceList:
    first = lists[0]
    if len({one.version for one in lists}) == 1:
        return first
    return SourceList(
        [source for one in lists for source in one.sources],
        {name: profile for one in lists for name, profile in one.profiles.items()}.values(),
        {suffix: source for one in lists for suffix, source in one.suffixes.items()},
        [host for one in lists for host in one.denied],
        first.user_pages,
        [suffix for one in lists for suffix in one.allowed_suffixes],
    )


def _sites(
    read: Sequence[_Read], passages: Sequence[SamplePassage], vectors: Vectors, sources: SourceList
) -> tuple[tuple[Site, ...], SourceList]:
    """The sites, in the order of their URLs, and the list with what had to be added to it."""
    groups = defaultdict[tuple[str, str], list[_Read]](list)
    for one in read:
        groups[one.host, one.page.language].append(one)
    few = len({host for host, _ in groups}) < MANY_HOSTS
    parts = [
        part
        for _, members in sorted(groups.items(), key=lambda pair: pair[0])
        for part in (_by_topic(members, vectors, max(1, _SITES * len(members) // len(read))) if few else [members])
    ]
    made = [] if not few else [_made(number, part[0], sources) for number, part in enumerate(parts)]
    if new := [source for source in made if source]:
        sources = _joined_lists([sources, SourceList(new, [], {}, ())])
    sites = [_site(number, part, passages, sources, few) for number, part in enumerate(parts)]
    return tuple(sorted((site for site in sites if site), key=lambda site: site.beginning)), sources


def _made(number: int, first: _Read, sources: SourceList) -> Source | None:
    """A source for a part of a host below which nothing is listed, as with test collections; None for others."""
    if sources.listed(f"https://{_label(number)}.{first.host}/"):
        return None
    like = sources.listed(first.url)
    made = f"{_label(number)}.{_RESERVED}"
    return replace(like, id=made, name=made, tier=1 + number % 4, authority=0.95 - 0.01 * number) if like else None


def _label(number: int) -> str:
    return f"s{number:03d}"


def _by_topic(members: Sequence[_Read], vectors: Vectors, parts: int) -> list[list[_Read]]:
    """The pages in about `parts` groups of like vectors."""
    middles = np.stack([vectors[list(one.page.rows)].mean(axis=0) for one in members])
    clusters = faiss.Kmeans(middles.shape[1], min(parts, len(members)), niter=10, seed=1, min_points_per_centroid=1)
    clusters.train(middles)
    _, nearest = clusters.index.search(middles, 1)
    groups = defaultdict[int, list[_Read]](list)
    for one, cluster in zip(members, nearest[:, 0].tolist(), strict=True):
        groups[cluster].append(one)
    return [groups[cluster] for cluster in sorted(groups)]


def _site(
    number: int, members: Sequence[_Read], passages: Sequence[SamplePassage], sources: SourceList, own_host: bool
) -> Site | None:
    """The site under the first beginning of URLs that is listed; None where none is."""
    first, label = members[0], _label(number)
    page_url = first.url.partition("?")[0].partition("#")[0].rstrip("/")
    beginnings = [f"https://{first.host}/{label}/", f"{page_url}/{label}/"]
    if own_host:
        beginnings = [f"https://{label}.{first.host}/", f"https://{label}.{_RESERVED}/", *beginnings]
    for beginning in beginnings:
        if source := sources.listed(f"{beginning}00000/000000"):
            return Site(beginning, source.id, tuple(_joined_pages([one.page for one in members], passages)))
    return None


def _joined_pages(pages: Sequence[SamplePage], passages: Sequence[SamplePassage]) -> Iterator[SamplePage]:
    """The pages as they are, or joined where nearly all have but one passage."""
    if sum(len(page.rows) for page in pages) > 1.5 * len(pages):
        yield from pages
        return
    rows = [row for page in pages for row in page.rows]
    start, turn = 0, 0
    while start < len(rows):
        end = start + _JOINED[turn % len(_JOINED)]
        own = tuple(rows[start:end])
        yield SamplePage(next(iter(passages[own[0]].headings), ""), pages[0].language, own)
        start, turn = end, turn + 1
