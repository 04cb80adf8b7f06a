"""Which rows may be found: looked for among more hits than are wanted, or told to Tantivy, whichever costs less.

What is joined to a union of terms makes Tantivy seek in it for every row, which costs more than scoring all matches in
order; more hits of the plain union cost little. So only few rows, or neighbours, are told. Figures: bench/README.md.
"""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import tantivy
from numpy.typing import NDArray

# Twice as many hits as hold enough kept ones if rows are kept by chance, then eight times as many again and again.
_SPARE = 2
_FURTHER = 8
# To look at as many hits as this for each kept row costs as much as to tell Tantivy the rows.
_HITS_A_ROW = 2
# A range costs as much for so many rows of the index as a listed row does.
_ROWS_A_LISTED_ROW = 1000


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
        look = _SPARE * depth * len(self.mask) // self._kept
        while look <= _HITS_A_ROW * self._kept:
            yield look
            # One more than there are comes to an end for certain.
            look = min(_FURTHER * look, len(self.mask) + 1)

    @cached_property
    def query(self) -> tantivy.Query:
        """The rows as a query part that adds no score."""
        runs = len(self._edges) // 2
        if runs * len(self.mask) > _ROWS_A_LISTED_ROW * self._kept:
            rows = np.flatnonzero(self.mask).tolist()
            return tantivy.Query.const_score_query(tantivy.Query.term_set_query(self._schema, self._field, rows), 0.0)
        ranges = [self._range(first, end - 1) for first, end in self._edges.reshape(-1, 2).tolist()]
        return tantivy.Query.boolean_query([(tantivy.Occur.Should, one) for one in ranges])

    def _range(self, first: int, last: int) -> tantivy.Query:
        within = tantivy.Query.range_query(self._schema, self._field, tantivy.FieldType.Unsigned, first, last)
        return tantivy.Query.const_score_query(within, 0.0)
