"""Which rows may be found: looked for among more hits than are wanted, or told to Tantivy, whichever costs less.

What is joined to a union of terms makes Tantivy seek in it for every row, which costs more than scoring all matches in
order; more hits of the plain union cost little. So only few rows, or neighbours, are told. Figures: bench/README.md.
"""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import tantivy
from numpy.typing import NDArray

# The first look is at this many times as many hits as hold enough kept rows if rows are kept by chance.
_SPARE = 2
# It costs less than to tell Tantivy the rows up to so many hits for each kept row. Where it did not find enough, rows
# are not kept by chance, and further looks, each at so many times more hits, are worth less.
_HITS_A_ROW = 2
_FURTHER = 8
_FURTHER_HITS_A_ROW = 1 / 16
# A range costs as much for so many rows of the index as one listed row does.
_ROWS_A_LISTED_ROW = 300


class Restriction:
    """The rows where `mask`, of shape [passages], is true. Made once for a whole batch; thread-safe."""

    def __init__(self, schema: tantivy.Schema, field: str, mask: NDArray[np.bool_]) -> None:
        self.mask = mask
        self._schema = schema
        self._field = field
        self._kept = int(np.count_nonzero(mask))
        # Where rows begin and cease to be kept, in turns. The rows of a source are neighbours.
        self._edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))

    def looks(self, depth: int) -> Iterator[int]:
        """How many unrestricted hits to look through for `depth` kept ones, while that is the cheaper way."""
        if len(self._edges) <= 2:
            return
        look, most = _SPARE * depth * len(self.mask) // self._kept, _HITS_A_ROW * self._kept
        while look <= most:
            yield look
            look, most = _FURTHER * look, int(_FURTHER_HITS_A_ROW * self._kept)

    @cached_property
    def query(self) -> tantivy.Query:
        """The rows as a query part that adds no score."""
        runs = len(self._edges) // 2
        if runs * len(self.mask) <= _ROWS_A_LISTED_ROW * self._kept:
            ranges = [self._range(first, end - 1) for first, end in self._edges.reshape(-1, 2).tolist()]
            return tantivy.Query.boolean_query([(tantivy.Occur.Should, one) for one in ranges])
        # The shorter of the two lists: the rows kept or the rows dropped.
        if self._kept * 2 <= len(self.mask):
            return self._listed(self.mask)
        everything = tantivy.Query.const_score_query(tantivy.Query.all_query(), 0.0)
        dropped = self._listed(~self.mask)
        return tantivy.Query.boolean_query([(tantivy.Occur.Must, everything), (tantivy.Occur.MustNot, dropped)])

    def _range(self, first: int, last: int) -> tantivy.Query:
        within = tantivy.Query.range_query(self._schema, self._field, tantivy.FieldType.Unsigned, first, last)
        return tantivy.Query.const_score_query(within, 0.0)

    def _listed(self, mask: NDArray[np.bool_]) -> tantivy.Query:
        rows = np.flatnonzero(mask).tolist()
        return tantivy.Query.const_score_query(tantivy.Query.term_set_query(self._schema, self._field, rows), 0.0)
