"""Two replies to one query side by side: which hits moved, and which stand on one side only."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Literal, NamedTuple

from authority_search.models import Hit
from service.console.view import HitView, ResultView

Change = Literal["same", "up", "down", "only"]


class Cell(NamedTuple):
    """A hit on one side. `change` is from the first side to the second, whichever this one is.

    `other` is its rank on the other side, and `copy` the page that has its text there, if not the same;
    `first_of_band` where a band begins.
    """

    view: HitView
    change: Change
    other: int | None
    copy: str | None
    first_of_band: bool


class Comparison(NamedTuple):
    """One query: a row per rank, with None where a side has fewer hits. `moved` counts what stands on both sides."""

    first: ResultView
    second: ResultView
    rows: Sequence[tuple[Cell | None, Cell | None]]
    moved: int
    only_first: int
    only_second: int


def compare(first: ResultView, second: ResultView) -> Comparison:
    """Match the hits of two results by passage, or else by text: a copy at another page is the same hit."""
    pairs = _pairs([view.hit for view in first.hits], [view.hit for view in second.hits])
    changes = {one: _change(one, two) for one, two in pairs.items()}
    left = _cells(first.hits, second.hits, pairs, changes)
    back = {two: one for one, two in pairs.items()}
    right = _cells(second.hits, first.hits, back, {two: changes[one] for two, one in back.items()})
    return Comparison(
        first=first,
        second=second,
        rows=list(zip_longest(left, right)),
        moved=sum(cell.change in ("up", "down") for cell in right),
        only_first=len(left) - len(pairs),
        only_second=len(right) - len(pairs),
    )


def _pairs(first: Sequence[Hit], second: Sequence[Hit]) -> dict[int, int]:
    """Positions on the first side to those on the second."""
    place = {hit.passage_id: at for at, hit in enumerate(second)}
    pairs = {at: place[hit.passage_id] for at, hit in enumerate(first) if hit.passage_id in place}
    taken = set(pairs.values())
    for at, hit in enumerate(first):
        if at in pairs:
            continue
        copies = (there for there, other in enumerate(second) if there not in taken and _copies(hit, other))
        if (there := next(copies, None)) is not None:
            pairs[at] = there
            taken.add(there)
    return pairs


def _copies(one: Hit, other: Hit) -> bool:
    return one.url in other.also_at and other.url in one.also_at


def _cells(
    here: Sequence[HitView], there: Sequence[HitView], pairs: Mapping[int, int], changes: Mapping[int, Change]
) -> list[Cell]:
    cells = []
    for at, view in enumerate(here):
        other = there[pairs[at]].hit if at in pairs else None
        copy = other.url if other and other.passage_id != view.hit.passage_id else None
        begins = at == 0 or here[at - 1].band != view.band
        cells.append(Cell(view, changes.get(at, "only"), other.rank if other else None, copy, begins))
    return cells


def _change(first: int, second: int) -> Change:
    return "same" if first == second else "up" if second < first else "down"
