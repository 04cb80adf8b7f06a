"""The lexical arm: BM25 over title, headings and text in Tantivy. The stored number of a document is its row."""

import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from index.analysis import ANALYZER, build_analyzer, spaced_terms

# How much a match in a field counts against one in the text.
FIELD_WEIGHTS = {"title": 0.5, "headings": 0.5, "text": 1.0}
_ROW = "row"
# Beyond this many terms the rarest decide: bounds the cost of pathological queries.
MAX_QUERY_TERMS = 256


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for field in FIELD_WEIGHTS:
        builder.add_text_field(field, tokenizer_name=ANALYZER, index_option="freq")
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
        self._analyzer = build_analyzer()

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

    def restriction(self, mask: NDArray[np.bool_] | None) -> tantivy.Query | None:
        """The rows of `mask`, of shape [passages], as a query part that adds no score. Made once for a whole batch."""
        if mask is None:
            return None
        # The shorter of the two lists: the rows kept or the rows dropped.
        keep = int(mask.sum()) * 2 <= len(mask)
        rows = np.flatnonzero(mask if keep else ~mask).tolist()
        listed = tantivy.Query.const_score_query(tantivy.Query.term_set_query(self._schema, _ROW, rows), 0.0)
        if keep:
            return listed
        everything = tantivy.Query.const_score_query(tantivy.Query.all_query(), 0.0)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, everything), (tantivy.Occur.MustNot, listed)])

    def search(
        self, query: str, depth: int, restriction: tantivy.Query | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The best `depth` rows and their BM25 scores, best first; equal scores order by row.

        A query without any index term finds nothing.
        """
        terms = self.terms(query)
        if not terms:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        parts = [(tantivy.Occur.Should, self._term_query(term, count)) for term, count in terms.items()]
        matching = tantivy.Query.boolean_query(parts)
        if restriction is not None:
            matching = tantivy.Query.boolean_query([(tantivy.Occur.Must, matching), (tantivy.Occur.Must, restriction)])
        hits = self._searcher.search(matching, limit=depth, count=False).hits
        rows = np.array(self._searcher.fast_field_values(_ROW, [address for _, address in hits]), np.int64)
        scores = np.array([score for score, _ in hits], np.float32)
        order = np.lexsort((rows, -scores))
        return rows[order], scores[order]

    def terms(self, query: str) -> dict[str, int]:
        """Index terms of the query with their counts, in order of first appearance."""
        counts = Counter(self._analyzer.analyze(spaced_terms(query)))
        if len(counts) <= MAX_QUERY_TERMS:
            return dict(counts)
        rarest = sorted(counts, key=lambda term: (self._searcher.doc_freq("text", term), term))[:MAX_QUERY_TERMS]
        return {term: counts[term] for term in rarest}

    def _term_query(self, term: str, count: int) -> tantivy.Query:
        fields = [
            (
                tantivy.Occur.Should,
                tantivy.Query.boost_query(tantivy.Query.term_query(self._schema, field, term, "freq"), weight * count),
            )
            for field, weight in FIELD_WEIGHTS.items()
        ]
        return tantivy.Query.boolean_query(fields)


class LexicalWriter:
    """Writes documents in row order into a new index folder."""

    def __init__(self, path: Path) -> None:
        path.mkdir()
        index = tantivy.Index(_schema(), path=str(path))
        index.register_tokenizer(ANALYZER, build_analyzer())
        # One thread keeps documents in row order, so that a rebuild gives the same index.
        self._writer = index.writer(heap_size=256_000_000, num_threads=1)

    def add(self, row: int, title: str, heading_path: Sequence[str], text: str) -> None:
        """Add one passage."""
        document = tantivy.Document()
        for field, content in (("title", title), ("headings", "\n".join(heading_path)), ("text", text)):
            document.add_text(field, spaced_terms(content))
        document.add_unsigned(_ROW, row)
        self._writer.add_document(document)

    def finish(self) -> None:
        """Commit and wait until the segments are merged."""
        self._writer.commit()
        self._writer.wait_merging_threads()
