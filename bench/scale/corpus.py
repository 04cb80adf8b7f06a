"""A corpus of any size grown from a sample: pages in the order of their URLs, made again in each pass, never kept.

Each page of the sample is a folder of like pages. The first of them is the real one. In the others every passage keeps
half of its sentences and takes the rest from one or two passages of the same language; titles and headings are joined
from two. Another edition of a corpus has a few passages rewritten and a few pages gone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple

import numpy as np

from bench.scale.pieces import below, blended, mixed, seeded
from bench.scale.sample import Sample
from bench.scale.sites import SamplePage, Site
from index.records import Block, Dated, Page, Passage, passage_id

CHANGED = 0.01
"""Share of the passages that another edition has anew."""

GONE = 0.001
"""Share of the pages that it lacks, so that rows move."""

_CRAWLED = Dated("2025-01-01T00:00:00Z", "bench")


class Origin(NamedTuple):
    """What a passage was made from: rows of the sample. A real one has itself alone, and −1 twice.

    `text` is the one it keeps half of, `mixed` the one whose sentences it takes; the way from `other` to `mixed` is
    the noise of its vector.
    """

    text: int
    mixed: int
    other: int

    @property
    def real(self) -> bool:
        """Whether the passage stands in the sample as it is."""
        return self.mixed < 0


class Grown(NamedTuple):
    """A page of the corpus, its passages, and where each came from. `rewritten` counts those of this edition alone."""

    page: Page
    passages: list[Passage]
    origins: list[Origin]
    rewritten: int


@dataclass(frozen=True)
class Corpus:
    """About `size` passages: exactly so many up to the passages of one page. Equal arguments give equal pages."""

    sample: Sample
    size: int
    seed: int = 1
    edition: int = 0

    def changed(self) -> "Corpus":
        """The next edition."""
        return replace(self, edition=self.edition + 1)

    def pages(self) -> Iterator[tuple[Page, list[Passage]]]:
        """As `index.build` takes them."""
        return ((grown.page, grown.passages) for grown in self.grown())

    def rewritten(self) -> Iterator[Grown]:
        """Of another edition, the pages that have a passage of its own."""
        return self.grown(only_rewritten=True)

    def grown(self, only_rewritten: bool = False) -> Iterator[Grown]:
        """The pages with where they came from."""
        spoken = range(len(self.sample.spoken))
        speaking = [np.flatnonzero(self.sample.languages == one).tolist() for one in spoken]
        by_language = dict(zip(self.sample.spoken, speaking, strict=True))
        share = self.size / len(self.sample.passages)
        wanted, made, number = 0.0, 0, 0
        for site in self.sample.sites:
            for folder, page in enumerate(site.pages):
                wanted += share * len(page.rows)
                copies = max(0, round((wanted - made) / len(page.rows)))
                made += copies * len(page.rows)
                for copy in range(copies):
                    gone, anew = self._fate(page, number, copy)
                    if not gone and (anew is not None or not only_rewritten):
                        yield self._page(site, folder, page, number, copy, anew, by_language[page.language])
                number += 1

    def _fate(self, page: SamplePage, number: int, copy: int) -> tuple[bool, int | None]:
        """Whether this edition lacks the page, and which passage it has anew: one of a page, as edits are."""
        if not self.edition:
            return False, None
        fate = seeded(self._seed(number, copy, self.edition))
        gone, rewritten = fate.random() < GONE, fate.random() < CHANGED * len(page.rows)
        return gone, below(len(page.rows), fate) if rewritten else None

    def _page(
        self,
        site: Site,
        folder: int,
        page: SamplePage,
        number: int,
        copy: int,
        anew: int | None,
        speaking: Sequence[int],
    ) -> Grown:
        random = seeded(self._seed(number, copy, 0))
        url = f"{site.beginning}{folder:05d}/{copy:06d}"
        origins = [_origin(row, copy > 0, speaking, random) for row in page.rows]
        title = page.title
        if copy:
            other = next(iter(self.sample.passages[origins[0].mixed].headings), "")
            title = f"{blended(title, other)} ({copy})".strip()
        texts = [self._text(one, random) for one in origins]
        if anew is not None:
            again = seeded(self._seed(number, copy, -self.edition))
            origins[anew] = _origin(page.rows[anew], True, speaking, again)
            texts[anew] = self._text(origins[anew], again)
        return Grown(
            *self._laid_out(url, site.source, title, page.language, texts, origins), origins, int(anew is not None)
        )

    def _seed(self, number: int, copy: int, edition: int) -> int:
        return ((self.seed * 1_000_003 + number) * 1_000_003 + copy) * 1_000 + edition + 500

    def _text(self, origin: Origin, random: Random) -> tuple[str, int]:
        passages = self.sample.passages
        own = passages[origin.text]
        if origin.real:
            return own.text, sum(own.pieces.tokens)
        others = [passages[origin.mixed].pieces]
        if len(own.pieces.texts) > 3 and random.random() < 0.5:
            others.append(passages[origin.other].pieces)
        return mixed(own.pieces, others, random)

    def _laid_out(
        self,
        url: str,
        source: str,
        title: str,
        language: str,
        texts: Sequence[tuple[str, int]],
        origins: Sequence[Origin],
    ) -> tuple[Page, list[Passage]]:
        """The page with its headings, and the passages with their places in it."""
        blocks, passages = list[Block](), list[Passage]()
        path: tuple[str, ...] = ()
        at, seen = 0, set[str]()
        for (text, tokens), origin in zip(texts, origins, strict=True):
            headings = self._headings(origin)
            if headings != path and headings:
                blocks.append(Block("heading", headings[-1], min(6, 1 + len(headings))))
                at += len(blocks[-1].rendered()) + 2
            path = headings
            if text in seen:
                # A passage's id is made of URL and text.
                text, tokens = f"{text} {len(passages)}", tokens + 1
            seen.add(text)
            blocks.append(Block("paragraph", text))
            passages.append(
                Passage(passage_id(url, text), url, len(passages), path, text, at, at + len(text), language, tokens)
            )
            at += len(text) + 2
        return Page(url, source, title, language, tuple(blocks), _CRAWLED), passages

    def _headings(self, origin: Origin) -> tuple[str, ...]:
        own = self.sample.passages[origin.text].headings
        if origin.real or not own:
            return own
        other = self.sample.passages[origin.mixed].headings
        return (*own[:-1], blended(own[-1], other[-1] if other else ""))


def _origin(row: int, drawn: bool, speaking: Sequence[int], random: Random) -> Origin:
    if not drawn:
        return Origin(row, -1, -1)
    return Origin(row, speaking[below(len(speaking), random)], speaking[below(len(speaking), random)])
