"""The lexical arm: BM25 in Tantivy. The stored number of a document is its row.

A passage is one field of title, headings and text together, so that a term's rarity is counted once; its title is a
second field that adds a little. Function words count a fifth in queries. Figures behind each: bench/README.md.

A search reads every posting of its terms (the Python binding has no block-max pruning), so its time is theirs.
"""

import math
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from index.analysis import index_terms, is_function_word, joined_terms
from index.restriction import Restriction

# How much a match in a field counts against one in `all`.
FIELD_WEIGHTS = {"all": 1.0, "title": 0.2}
FUNCTION_WORD_WEIGHT = 0.2
# As many terms that no query has stand in every passage. Tantivy fixes BM25's b at 0.75, too much for passages, whose
# lengths differ little: with p such terms and a mean length of l it acts as 0.75 · l / (l + p).
PADDING = 24
_PADDING = " _" * PADDING
K1 = 1.2  # Tantivy's
_ROW = "row"
# Of a longer query those terms are searched that can add most: as many as have together at most so many postings for
# each passage, or so many in all, and never more terms than this. A function word's postings count five times, as they
# are worth a fifth.
POSTINGS_A_PASSAGE = 2
FEW_POSTINGS = 500_000
MAX_QUERY_TERMS = 256
# As much as Tantivy allows, and taken only as it fills: what it holds becomes one segment, searched at once and in the
# order of rows.
_WRITER_BYTES = 4_000_000_000


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for field in FIELD_WEIGHTS:
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="freq")
    builder.add_unsigned_field(_ROW, fast=True, indexed=True)
    return builder.build()


class LexicalIndex:
    """A read-only Tantivy index. Thread-safe; searches release the GIL."""

    def __init__(self, path: Path) -> None:
        links = self._links_to(path)
        index = tantivy.Index.open(links)
        self._schema = index.schema
        self._searcher = index.searcher()
        # All files are mapped by now, and a process that is killed later leaves nothing.
        shutil.rmtree(links, ignore_errors=True)

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def _links_to(self, path: Path) -> str:
        """A folder of links: Tantivy writes a lock file where it opens an index, and a snapshot may be read-only."""
        links = tempfile.mkdtemp(prefix="lexical-")
        # In the end as well: a thread of Tantivy's may put its lock file back while the folder is removed.
        weakref.finalize(self, shutil.rmtree, links, ignore_errors=True)
        for file in path.iterdir():
            if file.suffix != ".lock":
                (Path(links) / file.name).symlink_to(file.resolve())
        return links

    def restriction(self, mask: NDArray[np.bool_] | None) -> Restriction | None:
        """Only the rows of `mask`, of shape [passages]. Made once for a whole batch."""
        return None if mask is None else Restriction(self._schema, _ROW, mask)

    def search(
        self, query: str, depth: int, restriction: Restriction | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The best `depth` rows and their BM25 scores, best first; equal scores order by row.

        A query without any index term finds nothing.
        """
        return self._search(self.terms(query), depth, restriction)

    def search_with_ceiling(
        self, query: str, depth: int, restriction: Restriction | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], float]:
        """`search` and `ceiling` for one reading of the query."""
        terms = self.terms(query)
        return *self._search(terms, depth, restriction), self._ceiling(terms)

    def _search(
        self, terms: Mapping[str, int], depth: int, restriction: Restriction | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        if not terms:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        parts = [
            (tantivy.Occur.Should, self._term_query(field, term, weight * count))
            for term, count in terms.items()
            for field, weight in FIELD_WEIGHTS.items()
        ]
        matching = tantivy.Query.boolean_query(parts)
        if restriction is None:
            return self._best(matching, depth)
        for look in restriction.looks(depth):
            rows, scores = self._best(matching, look)
            kept = np.flatnonzero(restriction.mask[rows])[:depth]
            if len(kept) == depth or len(rows) < look:
                return rows[kept], scores[kept]
        both = [(tantivy.Occur.Must, matching), (tantivy.Occur.Must, restriction.query)]
        return self._best(tantivy.Query.boolean_query(both), depth)

    def _best(self, query: tantivy.Query, depth: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        hits = self._searcher.search(query, limit=depth, count=False).hits
        rows = np.array(self._searcher.fast_field_values(_ROW, [address for _, address in hits]), np.int64)
        scores = np.array([score for score, _ in hits], np.float32)
        order = np.lexsort((rows, -scores))
        return rows[order], scores[order]

    def terms(self, query: str) -> dict[str, int]:
        """The index terms of the query that are searched for, with their counts.

        In order of first appearance where that is all of them, else in order of what each can add to a score.
        """
        counts = Counter(index_terms(query))
        costs = {term: self._searcher.doc_freq("all", term) / _weight(term) for term in counts}
        most = max(FEW_POSTINGS, POSTINGS_A_PASSAGE * len(self))
        if len(counts) <= MAX_QUERY_TERMS and sum(costs.values()) <= most:
            return dict(counts)
        chosen: dict[str, int] = {}
        cost = 0.0
        for term in sorted(counts, key=lambda term: (-self._limit(term, counts[term]), term))[:MAX_QUERY_TERMS]:
            cost += costs[term]
            # At least one that finds something.
            if cost > most and cost > costs[term]:
                break
            chosen[term] = counts[term]
        return chosen

    def ceiling(self, query: str) -> float:
        """The score that a passage nears which holds every term of the query often: BM25's limit in field `all`.

        0 for a query without terms. The theoretical maximum of Bruch, Gai and Ingber, "An Analysis of Fusion Functions
        for Hybrid Retrieval", TOIS 2023.
        """
        return self._ceiling(self.terms(query))

    def _ceiling(self, terms: Mapping[str, int]) -> float:
        return sum(self._limit(term, count) for term, count in terms.items())

    def _limit(self, term: str, count: int) -> float:
        """The most that a term, `count` times in a query, adds to a score in field `all`."""
        holding = self._searcher.doc_freq("all", term)
        idf = math.log(1 + (len(self) - holding + 0.5) / (holding + 0.5))
        return count * _weight(term) * idf * (K1 + 1)

    def _term_query(self, field: str, term: str, weight: float) -> tantivy.Query:
        term_query = tantivy.Query.term_query(self._schema, field, term, "freq")
        return tantivy.Query.boost_query(term_query, weight * _weight(term))


# The passages of a page share its title and most headings.
_terms_of_heading = lru_cache(maxsize=256)(joined_terms)


def _weight(term: str) -> float:
    return FUNCTION_WORD_WEIGHT if is_function_word(term) else 1.0


class LexicalWriter:
    """Writes documents in row order into a new index folder."""

    def __init__(self, path: Path) -> None:
        path.mkdir()
        index = tantivy.Index(_schema(), path=str(path))
        # One thread keeps documents in row order, so that a rebuild gives the same index.
        self._writer = index.writer(heap_size=_WRITER_BYTES, num_threads=1)

    def add(self, row: int, title: str, heading_path: Sequence[str], text_terms: str) -> None:
        """Add one passage, its text as `joined_terms` gives it."""
        headings = [*map(_terms_of_heading, (title, *heading_path))]
        document = tantivy.Document()
        document.add_text("all", " ".join([*headings, text_terms]) + _PADDING)
        document.add_text("title", headings[0])
        document.add_unsigned(_ROW, row)
        self._writer.add_document(document)

    def finish(self) -> None:
        """Commit and wait until the segments are merged."""
        self._writer.commit()
        self._writer.wait_merging_threads()
