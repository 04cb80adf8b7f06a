"""Tavily's own Python client against this service: what it sends is understood, what it gets it can read."""

import asyncio
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import pytest
from http_server import Canned, CannedLive, CannedSearcher, scripted, service
from records import BANK, FORUM, JOURNAL
from tavily import AsyncTavilyClient, TavilyClient
from tavily.errors import BadRequestError, InvalidAPIKeyError, UsageLimitExceededError

from authority_search.models import ErrorReply, SearchReply, SearchRequest
from service.error_shapes import write_error
from service.errors import Overloaded

RATE = "policy rate central bank"


@pytest.fixture(scope="module")
def tavily(letter_service: str) -> Iterator[TavilyClient]:
    with TavilyClient(api_key="tvly-any", api_base_url=letter_service) as client:
        yield client


def urls(reply: dict[str, Any]) -> list[str]:
    return [result["url"] for result in reply["results"]]


def hosts(reply: dict[str, Any]) -> set[str | None]:
    return {urlsplit(url).hostname for url in urls(reply)}


def test_a_search_reads_as_one_of_tavily(tavily: TavilyClient) -> None:
    reply = tavily.search(RATE, max_results=3, include_answer=True, include_images=True, country="france")
    assert set(reply) >= {"query", "follow_up_questions", "answer", "images", "results", "response_time", "request_id"}
    assert (reply["query"], reply["answer"], reply["images"], reply["usage"]) == (RATE, None, [], None)
    best = reply["results"][0]
    assert set(best) >= {"title", "url", "content", "score", "raw_content"}
    assert (best["url"], best["title"], best["raw_content"]) == (f"https://{BANK}/policy-rate", "Policy rate", None)
    assert (best["published_date"], best["authority"]) == ("2024-03-01", 0.95)
    assert len(set(urls(reply))) == 3


def test_the_async_client_reads_the_same(tavily: TavilyClient, letter_service: str) -> None:
    async def search() -> dict[str, Any]:
        client = AsyncTavilyClient(api_key="tvly-any", api_base_url=letter_service)
        async with client:
            assert (await client.extract(f"https://{BANK}/reserves"))["results"][0]["title"] == "Reserve requirements"
            return await client.search(RATE, max_results=7, search_depth="advanced")

    assert asyncio.run(search())["results"] == tavily.search(RATE, max_results=7, search_depth="advanced")["results"]


def test_six_hundred_domains_are_exact(tavily: TavilyClient) -> None:
    others = [f"host-{number}.example.com" for number in range(599)]
    everything = {"max_results": 100, "query": "the"}
    assert hosts(tavily.search(**everything)) == {BANK, JOURNAL, FORUM}
    assert hosts(tavily.search(**everything, include_domains=[*others, JOURNAL])) == {JOURNAL}
    assert urls(tavily.search(**everything, include_domains=[*others, "example.net"])) == []
    assert hosts(tavily.search(**everything, include_domains=[*others, "EXAMPLE.org"])) == {BANK, JOURNAL, FORUM}
    assert hosts(tavily.search(**everything, exclude_domains=[*others, FORUM])) == {BANK, JOURNAL}
    assert hosts(tavily.search(**everything, include_domains=["*.example.org"], exclude_domains=[BANK])) == {
        JOURNAL,
        FORUM,
    }


def test_a_domain_narrower_than_its_source_is_exact(tavily: TavilyClient) -> None:
    found = urls(tavily.search("利率", max_results=100, include_domains=[f"https://{BANK}/zh"]))
    assert sorted(url.rpartition("/")[2] for url in found) == ["利率", "纸币"]
    assert all(url.startswith(f"https://{BANK}/zh/") for url in found)
    assert hosts(tavily.search("rate", max_results=100, include_domains=["example.org"], include_domains_mode="prefer"))


def test_a_topic_is_the_profile_of_that_name_where_there_is_one(tavily: TavilyClient) -> None:
    assert hosts(tavily.search(RATE, topic="news", max_results=20)) == {FORUM}
    assert BANK in hosts(tavily.search(RATE, topic="finance", max_results=20))


def test_dates_leave_out_what_is_older_and_what_carries_none(tavily: TavilyClient) -> None:
    def slugs(**dates: Any) -> set[str]:
        return {url.rpartition("/")[2] for url in urls(tavily.search("rate rate", max_results=100, **dates))}

    assert slugs(start_date="2024-03-01", end_date="2024-08-08") == {"policy-rate", "利率", "what-is-the-policy-rate"}
    assert slugs(end_date="2018-12-31") == {"leaves"}
    assert slugs(time_range="week") == set()
    # Everything that carries a date, and nothing else: nine of the twelve English pages, three Chinese ones.
    since_2018 = (date.today() - date(2018, 1, 1)).days
    assert len(slugs(days=since_2018)) == 11


def test_advanced_depth_gives_more_passages_of_each_page(tavily: TavilyClient) -> None:
    def passages(**options: Any) -> int:
        only = [f"{BANK}/policy-rate"]
        (page,) = tavily.search(RATE, max_results=1, include_domains=only, **options)["results"]
        return len(page["content"].split(" [...] "))

    assert passages(search_depth="advanced") == 3
    assert passages(search_depth="advanced", chunks_per_source=2) == 2
    assert passages(search_depth="basic", chunks_per_source=2) == passages() == 1


def test_raw_content_is_the_whole_page(tavily: TavilyClient) -> None:
    reply = tavily.search(RATE, max_results=2, include_raw_content="markdown", include_usage=True)
    assert reply["usage"] == {"credits": 0}
    for result in reply["results"]:
        (page,) = tavily.extract(result["url"])["results"]
        assert result["content"] in result["raw_content"] == page["raw_content"]


def test_languages_filter_only_when_asked_to(tavily: TavilyClient) -> None:
    chinese = tavily.search("利率 rate", language="zh", filter_by_language=True, max_results=100)
    assert {"/zh/" in url for url in urls(chinese)} == {True}
    assert {"/zh/" in url for url in urls(tavily.search("利率 rate", language="zh", max_results=100))} == {True, False}


def test_no_results_are_no_error(tavily: TavilyClient) -> None:
    assert urls(tavily.search(RATE, max_results=0)) == []


def test_extract_tells_what_failed(tavily: TavilyClient) -> None:
    given = [f"https://{BANK}/reserves", "https://unlisted.org/", "no url", "", "x" * 5000]
    reply = tavily.extract(given, extract_depth="advanced", format="text", query="reserves")
    assert [page["url"] for page in reply["results"]] == given[:1]
    assert reply["results"][0]["raw_content"].startswith("# Reserves\n")
    assert [one["url"] for one in reply["failed_results"]] == given[1:]
    assert "holds no page" in reply["failed_results"][0]["error"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"query": " "}, "query: the text is empty"),
        ({"query": RATE, "max_results": 101}, "max_results: .*less than or equal to 100"),
        ({"query": RATE, "topic": "sport"}, "topic: .*'general', 'news' or 'finance'"),
        ({"query": RATE, "start_date": "yesterday"}, "start_date: a day is written YYYY-MM-DD"),
        ({"query": RATE, "start_date": "2024-02-01", "end_date": "2024-01-01"}, "dates are reversed"),
        ({"query": RATE, "include_domains": ["bank example"]}, "'https://bank example'.*write a domain such as"),
        ({"query": RATE, "exact_match": True}, "exact_match: .*False"),
        ({"query": RATE, "filter_by_language": True}, "language: missing"),
        ({"query": RATE, "filter_by_language": True, "language": "english"}, r"languages\.0: .*pattern"),
    ],
)
def test_a_bad_request_is_told_why(tavily: TavilyClient, given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequestError, match=said):
        tavily.search(**given)


def test_a_full_service_is_a_usage_limit_to_the_client() -> None:
    class Full(CannedSearcher):
        def search(self, request: SearchRequest) -> SearchReply:
            raise Overloaded(f"too many requests beside {request.queries[0]}")

    with (
        service(CannedLive(Full())) as url,
        TavilyClient(api_key="tvly-any", api_base_url=url) as client,
        pytest.raises(UsageLimitExceededError, match="too many requests beside a"),
    ):
        client.search("a")


@pytest.mark.parametrize("path", ["/search", "/extract"])
def test_a_refused_key_has_its_message_where_the_client_looks(path: str) -> None:
    written = write_error(path, ErrorReply(error="no such key", error_type="unauthorised"), 401)
    with (
        scripted(Canned(written.status, written.body.encode())) as server,
        TavilyClient(api_key="tvly-any", api_base_url=server.url) as client,
        pytest.raises(InvalidAPIKeyError, match="no such key"),
    ):
        client.search("a")
