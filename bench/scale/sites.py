"""Sites: under which URLs the pages of a sample stand, and of which sources they are.

A sample of many hosts keeps its own. One of few hosts is parted into sites by topic (k-means over the vectors), since
on the web a host has its topics: subdomains where these are listed too, and else made-up sources. Documents of one
passage each, as test collections have them, are joined into pages of several.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import faiss
import numpy as np

from domain_lists.records import Source
from domain_lists.source_list import SourceList
from index.encoders import Vectors

MANY_HOSTS = 24
_SITES = 64
# A name that no host has (RFC 6761).
_RESERVED = "sample.invalid"
_JOINED = (3, 5, 8, 5, 4, 6)
"""Documents of one passage that become one page, in turn."""


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


Headings = Sequence[tuple[str, ...]]
"""The headings above each passage of the sample."""


class ReadPage(NamedTuple):
    """A page with the host and the URL that it was read under."""

    host: str
    url: str
    page: SamplePage


def joined_lists(lists: Sequence[SourceList]) -> SourceList:
    """One list of all sources, profiles and rules; the first one where all are of one version."""
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


def make_sites(
    read: Sequence[ReadPage], headings: Headings, vectors: Vectors, sources: SourceList
) -> tuple[tuple[Site, ...], SourceList]:
    """The sites, in the order of their URLs, and the list with what had to be added to it."""
    groups = defaultdict[tuple[str, str], list[ReadPage]](list)
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
        sources = joined_lists([sources, SourceList(new, [], {}, ())])
    sites = [_site(number, part, headings, sources, few) for number, part in enumerate(parts)]
    return tuple(sorted((site for site in sites if site), key=lambda site: site.beginning)), sources


def _made(number: int, first: ReadPage, sources: SourceList) -> Source | None:
    """A source for a part of a host below which nothing is listed, as with test collections; None for others."""
    if sources.listed(f"https://{_label(number)}.{first.host}/"):
        return None
    like = sources.listed(first.url)
    made = f"{_label(number)}.{_RESERVED}"
    return (
        replace(like, id=made, name=made, tier=1 + number % 4, authority=max(0.3, 0.95 - 0.01 * number))
        if like
        else None
    )


def _label(number: int) -> str:
    return f"s{number:03d}"


def _by_topic(members: Sequence[ReadPage], vectors: Vectors, parts: int) -> list[list[ReadPage]]:
    """The pages in about `parts` groups of like vectors."""
    middles = np.stack([vectors[list(one.page.rows)].mean(axis=0) for one in members])
    clusters = faiss.Kmeans(middles.shape[1], min(parts, len(members)), niter=10, seed=1, min_points_per_centroid=1)
    clusters.train(middles)
    _, nearest = clusters.index.search(middles, 1)
    groups = defaultdict[int, list[ReadPage]](list)
    for one, cluster in zip(members, nearest[:, 0].tolist(), strict=True):
        groups[cluster].append(one)
    return [groups[cluster] for cluster in sorted(groups)]


def _site(
    number: int, members: Sequence[ReadPage], headings: Headings, sources: SourceList, own_host: bool
) -> Site | None:
    """The site under the first beginning of URLs that is listed; None where none is."""
    first, label = members[0], _label(number)
    page_url = first.url.partition("?")[0].partition("#")[0].rstrip("/")
    beginnings = [f"https://{first.host}/{label}/", f"{page_url}/{label}/"]
    if own_host:
        beginnings = [f"https://{label}.{first.host}/", f"https://{label}.{_RESERVED}/", *beginnings]
    for beginning in beginnings:
        if source := sources.listed(f"{beginning}00000/000000"):
            return Site(beginning, source.id, tuple(_joined_pages([one.page for one in members], headings)))
    return None


def _joined_pages(pages: Sequence[SamplePage], headings: Headings) -> Iterator[SamplePage]:
    """The pages as they are, or joined where nearly all have but one passage."""
    if sum(len(page.rows) for page in pages) > 1.5 * len(pages):
        yield from pages
        return
    rows = [row for page in pages for row in page.rows]
    start, turn = 0, 0
    while start < len(rows):
        end = start + _JOINED[turn % len(_JOINED)]
        own = tuple(rows[start:end])
        yield SamplePage(next(iter(headings[own[0]]), ""), pages[0].language, own)
        start, turn = end, turn + 1
