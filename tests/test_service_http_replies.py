"""What the HTTP service answers to good requests, over real sockets."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from http_server import CannedLive, CannedSearcher, service

from authority_search import Client, NotReady
from authority_search.models import MAX_QUERIES, ErrorReply, SearchReply, SearchRequest
from service.errors import Internal

ROUTES = {
    "/batch_search": "post",
    "/batch_open": "post",
    "/sources": "get",
    "/coverage": "get",
    "/health": "get",
    "/ready": "get",
    "/retrieve": "post",
    "/access": "post",
    "/search": "post",
    "/extract": "post",
}


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with service() as url, httpx.Client(base_url=url) as client:
        yield client


def test_a_search_answers_each_query_in_order(http: httpx.Client) -> None:
    reply = http.post("/batch_search", json={"queries": ["b", "nothing", "脓毒症"], "top_k": 2})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    results = reply.json()["results"]
    assert [(result["query"], result["status"]) for result in results] == [
        ("b", "ok"),
        ("nothing", "empty"),
        ("脓毒症", "ok"),
    ]


def test_a_full_batch_is_one_request(http: httpx.Client) -> None:
    reply = http.post("/batch_search", json={"queries": ["q"] * MAX_QUERIES, "top_k": 1})
    assert len(reply.json()["results"]) == MAX_QUERIES


def test_the_same_request_gets_the_same_bytes(http: httpx.Client) -> None:
    body = {"queries": ["a", "b"]}
    assert http.post("/batch_search", json=body).content == http.post("/batch_search", json=body).content


def test_open_and_sources_answer(http: httpx.Client) -> None:
    opened = http.post("/batch_open", json={"targets": ["https://www.who.int/sepsis", "nothing"]}).json()["results"]
    assert [result["status"] for result in opened] == ["ok", "not_found"]
    assert http.get("/sources").json()["sources"][0]["id"] == "who.int"


def test_replies_are_never_compressed(http: httpx.Client) -> None:
    reply = http.post("/batch_search", json={"queries": ["a"]}, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in reply.headers


def test_a_live_process_is_healthy_before_it_is_ready() -> None:
    with service(CannedLive(searcher=None)) as url:
        assert httpx.get(f"{url}/health").json()["status"] == "ok"
        ready = httpx.get(f"{url}/ready")
        assert (ready.status_code, ready.json()["reason"]) == (503, "loading the encoder")
        search = httpx.post(f"{url}/batch_search", json={"queries": ["a"]})
        assert (search.status_code, search.json()["error_type"]) == (503, "not_ready")
        assert search.headers["retry-after"] == "1"


def test_readiness_follows_the_live_searcher() -> None:
    live = CannedLive(searcher=None)
    with service(live) as url:
        live.searcher = CannedSearcher()
        assert httpx.get(f"{url}/ready").status_code == 200
        assert httpx.post(f"{url}/batch_search", json={"queries": ["a"]}).status_code == 200


def test_the_app_starts_and_closes_the_searcher() -> None:
    live = CannedLive(CannedSearcher())
    with service(live) as url:
        httpx.get(f"{url}/health")
        assert live.calls == ["start"]
    assert live.calls == ["start", "close"]


@pytest.mark.parametrize(("given", "kept"), [("trace-7:a.b", True), ("two words", False), ("x" * 129, False)])
def test_replies_carry_a_request_id(http: httpx.Client, given: str, kept: bool) -> None:
    reply = http.get("/health", headers={"X-Request-Id": given})
    assert (reply.headers["x-request-id"] == given) is kept
    assert reply.headers["x-request-id"]


def test_a_defect_is_logged_under_the_request_id_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(CannedSearcher):
        def sources(self) -> None:  # type: ignore[override]
            raise RuntimeError("secret detail")

    with service(CannedLive(Broken())) as url:
        reply = httpx.get(f"{url}/sources", headers={"X-Request-Id": "mine"})
    assert reply.status_code == 500
    assert reply.json()["error_type"] == "internal"
    assert "mine" in reply.json()["error"]
    assert reply.headers["x-request-id"] == "mine"
    assert "secret" not in reply.text
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "mine" in record.getMessage()
    assert "secret detail" in caplog.text


def test_a_defect_that_was_met_is_named_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(CannedSearcher):
        def search(self, request: SearchRequest) -> SearchReply:
            raise Internal(f"both arms failed at {len(request.queries)} queries")

    with service(CannedLive(Failing())) as url:
        reply = httpx.post(f"{url}/batch_search", json={"queries": ["a"]}, headers={"X-Request-Id": "mine"})
    assert (reply.status_code, reply.json()["error_type"]) == (500, "internal")
    assert reply.json()["error"] == "both arms failed at 1 queries"
    assert [record.getMessage() for record in caplog.records if record.name == "service.http_errors"] == [
        "POST '/batch_search' failed; request mine"
    ]


class Gated(CannedSearcher):
    """Holds each search until `gate` opens, and counts those that began."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Semaphore(0)

    def search(self, request: SearchRequest) -> SearchReply:
        self.begun.release()
        assert self.gate.wait(10)
        return super().search(request)


def test_a_full_service_says_so_at_once_and_stays_responsive() -> None:
    searcher = Gated()

    def search(query: str) -> httpx.Response:
        return httpx.post(f"{url}/batch_search", json={"queries": [query]})

    with (
        service(CannedLive(searcher), batch_queries=1, waiting_queries=1) as url,
        ThreadPoolExecutor(6) as pool,
    ):
        try:
            # One with the engines and one being told; of three more one may wait.
            replies = [pool.submit(search, "a")]
            assert searcher.begun.acquire(timeout=5)
            replies.append(pool.submit(search, "b"))
            assert searcher.begun.acquire(timeout=5)
            replies += [pool.submit(search, query) for query in "cde"]
            while sum(reply.done() for reply in replies) < 2:
                assert httpx.get(f"{url}/health").status_code == 200
            # What needs no engine does not wait behind searches.
            assert httpx.post(f"{url}/batch_open", json={"targets": ["https://www.who.int/"]}).status_code == 200
        finally:
            searcher.gate.set()
        statuses = sorted(reply.result().status_code for reply in replies)
        refused = next(reply.result() for reply in replies if reply.result().status_code == 429)
        assert statuses == [200, 200, 200, 429, 429]
        assert refused.json()["error_type"] == "overloaded"
        assert refused.headers["retry-after"] == "1"
        # There is room again.
        assert search("f").status_code == 200


def test_the_coverage_is_that_of_the_last_refresh_and_503_before_it(http: httpx.Client) -> None:
    reply = http.get("/coverage").json()
    assert (reply["total"]["pages"], reply["total"]["denied"]) == (2, 3)
    assert [reply[part][0]["name"] for part in ("tiers", "sectors", "sources")] == ["tier 1", "health", "who.int"]
    with service(CannedLive()) as url, Client(url) as client, pytest.raises(NotReady, match="no coverage report yet"):
        client.coverage()


def test_openapi_describes_each_route_its_errors_and_examples(http: httpx.Client) -> None:
    schema = http.get("/openapi.json").json()
    assert {path: next(iter(item)) for path, item in schema["paths"].items()} == ROUTES
    for path, method in ROUTES.items():
        operation = schema["paths"][path][method]
        assert operation["summary"]
        assert operation["description"]
        bodies = [reply["content"]["application/json"]["schema"]["$ref"] for reply in operation["responses"].values()]
        assert all(name.rpartition("/")[2].endswith(("Reply", "Health", "Readiness", "Error")) for name in bodies)
    search = schema["paths"]["/batch_search"]["post"]
    assert set(search["responses"]) == {"200", "401", "403", "413", "422", "429", "500", "503", "504"}
    assert set(schema["components"]["schemas"]["ErrorReply"]["properties"]) == set(ErrorReply.model_fields)
    examples = search["requestBody"]["content"]["application/json"]["examples"]
    assert all(http.post("/batch_search", json=example["value"]).status_code == 200 for example in examples.values())


def test_importing_the_app_loads_no_engine() -> None:
    code = (
        "import json, sys, service.app; heavy = {'torch', 'faiss', 'tantivy', 'duckdb', 'transformers', 'numpy'}; "
        "print(json.dumps(sorted(heavy & set(sys.modules))))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []
