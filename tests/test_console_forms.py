"""From the address of a page to the request, and every fault at its field."""

from datetime import date
from urllib.parse import urlencode

import pytest
from starlette.datastructures import QueryParams

from authority_search.models import DateFilter, SearchRequest, SourceFilter
from service.console.forms import MAX_QUERIES, read_comparison, read_form


def test_a_bare_query_asks_what_the_api_asks_by_default() -> None:
    form = read_form(QueryParams({"q": "  one\r\n\r\n 二 \n"}))
    assert form.request == SearchRequest(queries=["one", "二"])
    assert (form.errors, form.changed) == ({}, 0)


def test_every_field_reaches_the_request() -> None:
    address = (
        "q=a&authority=boost&profile=medicine&top_k=7&include=who.int,+cdc.gov&exclude=x.org&language=en&language=zh+de"
        "&date_field=modified&from=2024-01-31&to=2024-02-01&undated=drop&max_per_page=&max_per_source=2&max_tokens="
    )
    form = read_form(QueryParams(address))
    assert form.request == SearchRequest(
        queries=["a"],
        authority="boost",
        profile="medicine",
        top_k=7,
        sources=SourceFilter(include=["who.int", "cdc.gov"], exclude=["x.org"]),
        languages=["en", "zh", "de"],
        dates=DateFilter(field="modified", from_=date(2024, 1, 31), to=date(2024, 2, 1), undated="drop"),
        max_per_page=None,
        max_per_source=2,
        max_tokens=None,
    )


def test_without_a_query_nothing_is_asked_but_an_empty_one_is_a_fault() -> None:
    assert read_form(QueryParams("profile=medicine"))[1:] == ({}, None)
    assert set(read_form(QueryParams("q=+")).errors) == {"q"}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("q", "a\nb\x00", "Query 2: character 1 is the control character U+0000; remove it"),
        ("q", "\n".join("x" * (MAX_QUERIES + 1)), f"Queries: {MAX_QUERIES} fit on a page; send more"),
        ("q", "x" * 9000, "Query 1: string should have at most 8192 characters; shorten it"),
        ("top_k", "ten", "Hits per query: write a whole number"),
        ("top_k", "0", "Hits per query: input should be greater than or equal to 1"),
        ("authority", "on", "Authority: input should be 'off', 'tie' or 'boost'"),
        ("max_per_page", "101", "Limit per page: input should be less than or equal to 100"),
        ("max_tokens", "3", "Limit of tokens: input should be greater than or equal to 16"),
        ("language", "english", "Languages: write codes of two letters"),
        ("from", "2024-13-01", "From: write a day as 2024-01-31"),
        ("to", "yesterday", "To: a day is written YYYY-MM-DD"),
        ("date_field", "born", "Date: input should be 'published'"),
        ("include", "x" * 2049, "Only these sources: string should have at most 2048 characters"),
    ],
)
def test_a_fault_is_told_at_its_field_and_what_was_typed_stays(field: str, value: str, said: str) -> None:
    others = {"q": "a", "from": "2024-01-01"} if field == "date_field" else {"q": "a"}
    form = read_form(QueryParams(urlencode({**others, field: value})))
    assert set(form.errors) == {field}
    assert form.errors[field].startswith(said)
    assert form.request is None
    assert form.typed[field] == value


def test_reversed_dates_are_told_at_the_first() -> None:
    assert "swap them" in read_form(QueryParams("q=a&from=2025-01-01&to=2024-01-01")).errors["from"]


def test_a_comparison_is_of_authority_off_and_tie_unless_it_says_otherwise() -> None:
    both = read_comparison(QueryParams("q=a"))
    assert both.first.request == SearchRequest(queries=["a"], authority="off")
    assert both.second.request == SearchRequest(queries=["a"], authority="tie")


def test_the_second_side_has_what_it_names_and_all_else_from_the_first() -> None:
    both = read_comparison(
        QueryParams("q=a&top_k=5&profile=all&max_per_page=2&b.profile=-&b.max_per_page=&b.max_per_source=1")
    )
    assert both.first.request == SearchRequest(queries=["a"], top_k=5, profile="all", max_per_page=2)
    assert both.second.request == SearchRequest(queries=["a"], top_k=5, max_per_page=2, max_per_source=1)


def test_a_fault_of_the_second_side_is_told_there_and_a_common_one_once() -> None:
    assert set(read_comparison(QueryParams("q=a&b.max_per_page=x")).errors) == {"b.max_per_page"}
    assert set(read_comparison(QueryParams("q=a&max_per_page=x&b.authority=off")).errors) == {"max_per_page"}
