"""Same relevance, different trust: whether the trusted copy comes first, and trust lifts nothing off the topic.

Every relevant document of a collection stands twice: on a trusted host and on a weak one, one of the two mirrored or
paraphrased, which of the hosts has the original being drawn. All other documents are drawn to one of three hosts, so
that there are strong hosts with nothing to say. Hits are those of the product's searcher.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from authority_search.models import Authority, Hit, SearchRequest
from bench.corpus import document_page, document_url, open_pages
from bench.paraphrase import paraphrase
from bench.rankers import BATCH
from bench.records import Collection
from domain_lists.records import Source
from domain_lists.source_list import SourceList
from index.encoders import Encoder
from index.progress import Progress, silent
from index.records import Page, Passage
from index.snapshot import Snapshot
from ranking.settings import RankingSettings
from service.searcher import Searcher

Copy = Literal["mirrored", "paraphrased"]

# Reserved names (RFC 6761): no such pages exist anywhere.
_HOSTS = {"trusted.invalid": 0.95, "common.invalid": 0.6, "weak.invalid": 0.3}
_TRUSTED, _, _WEAK = _HOSTS
_SEED = 1
_TOP_K = 100


class Trust(NamedTuple):
    """What a mode of authority did.

    `pairs` is how many pairs of copies were found for a query that either answers, `folded` how many of them were one
    hit, `first` the share in which the trusted copy came first, or was the one shown. `inversions` counts hits that
    stand before one of a better band, `hits` all hits.
    """

    collection: str
    authority: Authority
    copy: Copy
    pairs: int
    folded: int
    first: float
    inversions: int
    hits: int


class Placed(NamedTuple):
    """The documents as pages of three hosts, and for each relevant one the kind of its copy."""

    pages: list[tuple[Page, list[Passage]]]
    copies: dict[str, Copy]


def placed(collection: Collection) -> Placed:
    """Every document on a host, the relevant ones on two. The same collection gives the same pages."""
    dice = random.Random(_SEED)  # noqa: S311 - no secret
    relevant = {key for judged in collection.qrels.values() for key, grade in judged.items() if grade > 0}
    pages: dict[str, tuple[Page, list[Passage]]] = {}
    copies: dict[str, Copy] = {}
    for key in sorted(collection.documents):
        title, text = collection.documents[key]
        if not text:
            continue
        if key not in relevant:
            put = {dice.choice(list(_HOSTS)): text}
        else:
            copies[key] = dice.choice(["mirrored", "paraphrased"])
            other = text if copies[key] == "mirrored" else paraphrase(text)
            put = dict(zip(dice.sample([_TRUSTED, _WEAK], 2), (text, other), strict=True))
        for host, words in put.items():
            url = document_url(key, host)
            pages[url] = document_page(url, host, title, words)
    return Placed([pages[url] for url in sorted(pages)], copies)


def open_placed(
    collection: Collection, pages: Placed, work_dir: Path, encoder: Encoder, progress: Progress = silent
) -> Snapshot:
    """Index the pages under `work_dir`, or reuse what is there. Hold `index.lock` around it."""
    sources = SourceList(
        [Source(host, host, "test", "INT", "multi", "collection", 1, trust, "", "") for host, trust in _HOSTS.items()],
        [], {}, (),
    )  # fmt: skip
    return open_pages(f"{collection.name} on three hosts", pages.pages, sources, work_dir, encoder, progress)


def measure_trust(
    collection: Collection,
    copies: dict[str, Copy],
    snapshot: Snapshot,
    encoder: Encoder,
    settings: RankingSettings,
    modes: Sequence[Authority] = ("off", "tie", "boost"),
    progress: Progress = silent,
) -> Iterator[Trust]:
    """The figures of each mode and kind of copy."""
    searcher = Searcher(snapshot, encoder, settings)
    for mode in modes:
        counts: dict[Copy, list[tuple[bool, bool]]] = {"mirrored": [], "paraphrased": []}
        inversions = hits = done = 0
        for queries, replies in _answers(searcher, collection, mode):
            for query, found in zip(queries, replies, strict=True):
                for key, grade in collection.qrels[query].items():
                    if grade > 0 and key in copies and (pair := _pair(found, key)) is not None:
                        counts[copies[key]].append(pair)
                bands = [hit.explanation.band for hit in found if hit.explanation]
                inversions += sum(band > min(bands[at:]) for at, band in enumerate(bands))
                hits += len(found)
            done += len(queries)
            progress(f"{collection.name} {mode}", done, len(collection.queries))
        for copy, pairs in counts.items():
            first = sum(first for first, _ in pairs) / max(1, len(pairs))
            folded = sum(folded for _, folded in pairs)
            yield Trust(collection.name, mode, copy, len(pairs), folded, first, inversions, hits)


def _answers(
    searcher: Searcher, collection: Collection, mode: Authority
) -> Iterator[tuple[list[str], list[Sequence[Hit]]]]:
    keys = list(collection.queries)
    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH]
        request = SearchRequest(
            queries=[collection.queries[key] for key in batch],
            top_k=_TOP_K, authority=mode, max_tokens=None, max_per_page=None,
        )  # fmt: skip
        yield batch, [result.hits for result in searcher.search(request).results]


def _pair(hits: Iterable[Hit], key: str) -> tuple[bool, bool] | None:
    """Whether the trusted copy comes first, and whether the two are one hit; None where not both were found."""
    urls = [[hit.url, *hit.also_at] for hit in hits]
    places = {host: _place(urls, document_url(key, host)) for host in (_TRUSTED, _WEAK)}
    trusted, weak = places[_TRUSTED], places[_WEAK]
    return None if trusted is None or weak is None else (trusted < weak, trusted[0] == weak[0])


def _place(urls: list[list[str]], url: str) -> tuple[int, int] | None:
    """The hit that names the URL, and where in it."""
    return next(((at, named.index(url)) for at, named in enumerate(urls) if url in named), None)
