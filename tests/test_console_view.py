"""What the console makes of replies: bands, bars, comparisons, tables."""

from typing import Any

import pytest
from http_server import CannedLive, CannedSearcher, hit
from starlette.datastructures import QueryParams

from authority_search.models import ArmScore, Explanation, Hit, QueryResult, SearchReply, SourceRow, SourcesReply
from service.console.compare import compare
from service.console.tables import ROWS, coverage_tables, freshness_shares, source_table
from service.console.view import ResultView, reply_notes, result_views


def explained(rank: int, lexical: float, dense: float, fused: float, band: int, **fields: Any) -> Hit:
    arms = [ArmScore(raw=None, rank=None, normalised=score) for score in (lexical, dense)]
    explanation = Explanation(
        lexical=arms[0], dense=arms[1], fused=fused, band=band, rank_without_authority=rank, authority_moved=0
    )
    return hit(rank, score=fused, explanation=explanation, **fields)


def result(*hits: Hit, **fields: Any) -> ResultView:
    found = QueryResult(query="q", status="ok", hits=list(hits), candidates=9, **fields)
    return result_views(SearchReply(snapshot="s", results=[found], excluded_passages=0))[0]


def test_hits_stand_in_their_bands_with_the_range_of_each() -> None:
    view = result(explained(1, 1, 1, 0.9, 0), explained(2, 1, 1, 0.8, 0), explained(3, 1, 1, 0.2, 4))
    assert [(band.number, len(band.hits), band.best, band.worst) for band in view.bands] == [
        (0, 2, 0.9, 0.8),
        (4, 1, 0.2, 0.2),
    ]


def test_bars_show_the_lead_over_the_lowest_of_their_kind_in_one_unit() -> None:
    # Spreads: lexical .2 to .6, dense 4 to 4.2, fused 2.1 to 2.4; the widest, .4, fills the bar.
    view = result(explained(1, 0.6, 4.2, 2.4, 0), explained(2, 0.2, 4.0, 2.1, 1))
    assert [[row.share for row in shown.scores] for shown in view.hits] == [[100, 50, 75], [0, 0, 0]]


def test_a_lone_hit_has_full_bars() -> None:
    assert [row.share for row in result(explained(1, 0, 0, 0, 0)).hits[0].scores] == [100, 100, 100]


def test_a_reply_without_explanations_is_one_group_without_scores() -> None:
    view = result(hit(1), hit(2))
    assert [(band.number, len(band.hits)) for band in view.bands] == [(None, 2)]
    assert view.hits[0].scores == []


def test_notes_say_what_became_of_the_candidates() -> None:
    assert result(hit(1), folded=2, omitted=1).notes == [
        "1 hit of 9 candidates",
        "2 folded into hits with the same text",
        "1 left out by the limit of tokens",
    ]
    reply = SearchReply(snapshot="s", results=[], excluded_passages=1200, undated_kept=1)
    assert reply_notes(reply) == [
        "1,200 passages excluded by the filters",
        "1 passage kept although without the date asked for",
    ]


def test_a_comparison_tells_what_moved_and_what_stands_on_one_side() -> None:
    a, b, c, d = (f"{letter}" * 32 for letter in "abcd")
    first = result(*(hit(rank, passage_id=name) for rank, name in enumerate((a, b, c), 1)))
    second = result(*(hit(rank, passage_id=name) for rank, name in enumerate((b, a, d), 1)))
    found = compare(first, second)
    assert [[(cell.change, cell.other) for cell in row if cell] for row in found.rows] == [
        [("down", 2), ("up", 2)],
        [("up", 1), ("down", 1)],
        [("only", None), ("only", None)],
    ]
    assert (found.moved, found.only_first, found.only_second) == (2, 1, 1)


def test_a_copy_at_another_page_is_the_same_hit_and_sides_may_differ_in_length() -> None:
    here = hit(1, passage_id="a" * 32, url="https://forum.org/1", also_at=["https://bank.org/1"])
    there = hit(1, passage_id="b" * 32, url="https://bank.org/1", also_at=["https://forum.org/1"])
    other = hit(2, passage_id="c" * 32, url="https://bank.org/2", also_at=["https://forum.org/9"])
    found = compare(result(here), result(there, other))
    left, right = found.rows[0]
    assert left
    assert right
    assert (left.change, left.copy, right.copy) == ("same", "https://bank.org/1", "https://forum.org/1")
    assert (found.rows[1][0], found.only_first, found.only_second) == (None, 0, 1)


@pytest.mark.parametrize(
    ("age", "fresh"),
    [(0.0, "within a week"), (7.0, "within a week"), (7.1, "within a month"), (30.1, "longer ago"), (None, "no page")],
)
def test_freshness_is_told_in_words(age: float | None, fresh: str) -> None:
    report = CannedLive(CannedSearcher()).coverage()
    line = report.sources[0].model_copy(update={"age_days": age})
    report = report.model_copy(update={"sources": [line]})
    assert coverage_tables(report, "age")[0].rows[0].fresh == fresh
    assert {share.label: share.share for share in freshness_shares(report) if share.sources} == {fresh: 100.0}


def test_the_stalest_source_comes_first_by_age_and_one_without_pages_last() -> None:
    report = CannedLive(CannedSearcher()).coverage()
    ages = {"new": 0.0, "none": None, "old": 50.0}
    lines = [report.sources[0].model_copy(update={"name": name, "age_days": age}) for name, age in ages.items()]
    table = coverage_tables(report.model_copy(update={"sources": lines}), "age")[0]
    assert [row.line.name for row in table.rows] == ["old", "new", "none"]


def test_sources_are_found_by_any_word_of_theirs_and_shown_in_parts() -> None:
    rows = [
        SourceRow(
            id=f"s{number}.org", name="央行 Bank" if number % 2 else "Other", sector="finance", country="CN",
            language="zh", kind="government", tier=1 + number % 3, authority=0.5, pages=0, passages=number % 5,
        )
        for number in range(250)
    ]  # fmt: skip
    listing = SourcesReply(snapshot="s", sources=rows, profiles={})
    assert source_table(listing, QueryParams("find=bank")).matching == 125
    assert source_table(listing, QueryParams("find=央行&tier=2&indexed=1")).matching == sum(
        number % 2 and number % 3 == 1 and number % 5 > 0 for number in range(250)
    )
    last = source_table(listing, QueryParams("offset=200"))
    assert (len(last.rows), last.previous, last.next) == (50, 200 - ROWS, None)
    assert source_table(listing, QueryParams("offset=-3")).offset == 0
