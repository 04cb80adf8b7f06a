"""What Search-R1's trainer, verl's search tool and ASearcher's client send, and what they read of the reply."""

from typing import Any

import httpx
import pytest
from http_server import CannedLive, CannedSearcher, service
from records import BANK, JOURNAL

from authority_search import Client
from authority_search.models import Degraded, SearchReply, SearchRequest
from service.searcher import Searcher


def retrieve(url: str, **body: Any) -> Any:
    reply = httpx.post(f"{url}/retrieve", json=body)
    assert reply.status_code == 200, reply.text
    (name,) = reply.json()
    assert name == "result"
    return reply.json()["result"]


def test_a_scored_batch_reads_as_search_r1_reads_it(letter_service: str) -> None:
    queries = ["policy rate central bank", "麻疹疫苗"]
    found = retrieve(letter_service, queries=queries, topk=2, return_scores=True)
    assert [len(one) for one in found] == [2, 2]
    for query, passages in zip(queries, found, strict=True):
        with Client(letter_service) as client:
            hits = client.search(query, top_k=2).results[0].hits
        assert [set(passage) for passage in passages] == [{"document", "score"}] * 2
        assert [(one["document"]["id"], one["score"]) for one in passages] == [(h.passage_id, h.score) for h in hits]
        # Its readers split at the first line break.
        titles, _, texts = zip(*(one["document"]["contents"].partition("\n") for one in passages), strict=True)
        assert list(titles) == [f'"{hit.title}"' for hit in hits]
        assert list(texts) == [hit.text for hit in hits]


@pytest.mark.parametrize("unset", [{}, {"return_scores": False}, {"topk": None, "return_scores": None}, {"topk": 0}])
def test_without_scores_there_are_three_bare_documents(letter_service: str, unset: dict[str, Any]) -> None:
    (documents,) = retrieve(letter_service, queries=["policy rate"], **unset)
    assert [set(document) for document in documents] == [{"id", "contents", "url"}] * 3
    assert documents[0]["url"].startswith("https://")


def test_whatever_a_policy_writes_the_batch_is_answered(letter_service: str) -> None:
    queries = ["", " \n", "\x00policy rate\x07", "x" * 9000, "policy rate", "policy rate"]
    found = retrieve(letter_service, queries=queries, topk=1, return_scores=True)
    assert [len(one) for one in found[:2]] == [0, 0]
    assert found[2] == found[4] == found[5]
    assert found[4][0]["document"]["contents"].startswith('"Policy rate"\n')
    surrogate = b'{"queries": ["\\ud800", "policy rate"], "topk": 1}'
    reply = httpx.post(f"{letter_service}/retrieve", content=surrogate, headers={"Content-Type": "application/json"})
    assert reply.json()["result"][1] == retrieve(letter_service, queries=["policy rate"], topk=1)[0]
    assert retrieve(letter_service, queries=[], topk=3, return_scores=True) == []
    assert retrieve(letter_service, queries=[""], topk=3) == [[]]


def test_a_rollout_of_2560_queries_is_one_call(letter_service: str, letter_searcher: Searcher) -> None:
    words = ["rate", "measles", "banknote", "leaves"]
    found = retrieve(letter_service, queries=words * 640, topk=1, return_scores=True)
    assert len(found) == 2560
    assert found[:4] * 640 == found
    direct = letter_searcher.search(SearchRequest(queries=words, top_k=1))
    assert [one[0]["document"]["id"] for one in found[:4]] == [one.hits[0].passage_id for one in direct.results]


def test_what_is_malformed_is_refused(letter_service: str) -> None:
    for body in ({}, {"queries": "one"}, {"queries": ["a"], "topk": 101}, {"queries": ["a"], "return_scores": "yes"}):
        reply = httpx.post(f"{letter_service}/retrieve", json=body)
        assert (reply.status_code, reply.json()["error_type"]) == (422, "invalid_request")


def test_access_gives_pages_and_null_for_what_is_not_there(letter_service: str) -> None:
    urls = [f"https://{BANK}/reserves", "", "https://unlisted.org/", f"https://{JOURNAL}/earthquakes", "\x00"]
    pages = httpx.post(f"{letter_service}/access", json={"urls": urls}).json()["result"]
    assert [page is None for page in pages] == [False, True, True, False, True]
    assert pages[0]["contents"].startswith('"Reserve requirements"\n# Reserves\n')
    assert (pages[3]["title"], pages[3]["url"]) == ("Earthquake magnitude", urls[3])
    assert httpx.post(f"{letter_service}/access", json={"urls": []}).json() == {"result": []}


def test_a_failed_arm_is_named_in_a_header(letter_service: str) -> None:
    class Half(CannedSearcher):
        def search(self, request: SearchRequest) -> SearchReply:
            failed = [Degraded(arm="dense", reason="out of memory")]
            return super().search(request).model_copy(update={"degraded": failed})

    with service(CannedLive(Half())) as url:
        assert httpx.post(f"{url}/retrieve", json={"queries": ["a"]}).headers["x-degraded"] == "dense"
        assert httpx.post(f"{url}/search", json={"query": "a"}).headers["x-degraded"] == "dense"
    assert "x-degraded" not in httpx.post(f"{letter_service}/search", json={"query": "a"}).headers
