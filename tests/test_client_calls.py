"""Both clients against the real service: what they send, what they give back, what they raise."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from http_server import Canned, CannedLive, CannedSearcher, scripted, service

import authority_search
from authority_search import AsyncClient, Client
from authority_search._calls import KEY_VARIABLE, OpenOptions, SearchOptions
from authority_search._errors import BY_TYPE
from authority_search.models import OpenRequest, Readiness, SearchRequest
from service.access.keys import KeyFile, Scope
from service.errors import ServiceError

Call = Callable[..., Any]


def sync_call(url: str, method: str, *args: Any, options: dict[str, Any] | None = None, **settings: Any) -> Any:
    with Client(url, **settings) as client:
        return getattr(client, method)(*args, **(options or {}))


def async_call(url: str, method: str, *args: Any, options: dict[str, Any] | None = None, **settings: Any) -> Any:
    async def run() -> Any:
        async with AsyncClient(url, **settings) as client:
            return await getattr(client, method)(*args, **(options or {}))

    return asyncio.run(run())


@pytest.fixture(params=[sync_call, async_call], ids=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Call:
    """Runs one method of a client: call(url, method, *args, options={}, **client settings)."""
    result: Call = request.param
    return result


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with service() as address:
        yield address


def test_all_that_is_exported_is_there_and_nothing_else_is_public() -> None:
    public = {
        name
        for name, value in vars(authority_search).items()
        if not name.startswith("_") and not isinstance(value, type(authority_search))
    }
    assert public == set(authority_search.__all__)


def test_every_error_type_of_the_service_is_mapped() -> None:
    def kinds(base: type[ServiceError]) -> set[str]:
        return {base.error_type}.union(*(kinds(kind) for kind in base.__subclasses__()))

    assert set(BY_TYPE) == kinds(ServiceError)


def test_the_options_are_the_fields_of_the_requests() -> None:
    assert set(SearchOptions.__annotations__) == set(SearchRequest.model_fields) - {"queries"}
    assert set(OpenOptions.__annotations__) == set(OpenRequest.model_fields) - {"targets"}


def test_a_search_is_what_a_direct_call_answers(url: str, call: Call) -> None:
    options = {"top_k": 2, "dates": {"from": "2024-01-01"}, "sources": {"include": ["who.int"]}}
    direct = CannedSearcher().search(SearchRequest.model_validate({"queries": ["a", "脓毒症"], **options}))
    assert call(url, "search", ["a", "脓毒症"], options=options) == direct


def test_one_query_or_target_may_be_a_string(url: str, call: Call) -> None:
    assert [result.query for result in call(url, "search", "a").results] == ["a"]
    assert [result.target for result in call(url, "open", "https://x.org/").results] == ["https://x.org/"]


def test_open_sources_health_and_ready(url: str, call: Call) -> None:
    assert call(url, "open", ["a", "nothing"], options={"offset": 3}).results[0].offset == 3
    assert call(url, "sources").sources[0].passages == 9
    assert call(url, "health").status == "ok"
    assert call(url, "ready").status == "ready"


def test_a_starting_service_says_so_without_retries(call: Call) -> None:
    with service(CannedLive(searcher=None)) as url:
        assert call(url, "ready") == Readiness(status="starting", reason="loading the encoder")
        with pytest.raises(authority_search.NotReady, match="no snapshot") as caught:
            call(url, "search", "a", retries=0)
    assert caught.value.status == 503
    assert caught.value.request_id


def test_only_what_was_set_is_sent(call: Call) -> None:
    with scripted(Canned(500)) as server, pytest.raises(authority_search.ServerError):
        call(server.url, "search", "a", options={"dates": {"from": "2024-01-01"}})
    assert server.received == [("POST", "/batch_search", b'{"queries":["a"],"dates":{"from":"2024-01-01"}}')]


def test_a_base_url_may_have_a_path(call: Call) -> None:
    with scripted(Canned(500)) as server, pytest.raises(authority_search.ServerError):
        call(f"{server.url}/api/", "health")
    assert server.received[0][1] == "/api/health"


@pytest.mark.parametrize(
    ("queries", "options", "said"),
    [
        (["a"] * 2561, {}, "queries: .*at most 2560 items, not 2561; .*split"),
        ([], {}, "queries: .*at least 1"),
        (["a", ""], {}, r"queries\.1: the text is empty"),
        ("a\ud800", {}, r"queries\.0: .*lone surrogates"),
        (None, {}, "queries: .*not null"),
        ("a", {"topk": 3}, "topk: no such field; did you mean top_k"),
        ("a", {"dates": {"from": "2024-02-01", "to": "2024-01-01"}}, "reversed"),
    ],
)
def test_bad_input_is_refused_before_it_is_sent(call: Call, queries: Any, options: dict[str, Any], said: str) -> None:
    with scripted(Canned(500)) as server, pytest.raises(authority_search.InvalidRequest, match=said):
        call(server.url, "search", queries, options=options)
    assert server.received == []


def test_the_client_and_the_service_say_the_same(url: str, call: Call) -> None:
    body = {"queries": ["", "a\x00"], "topk": 1}
    with pytest.raises(authority_search.InvalidRequest) as caught:
        call(url, "search", body["queries"], options={"topk": 1})
    assert str(caught.value) == httpx.post(f"{url}/batch_search", json=body).json()["error"]


@pytest.mark.parametrize("base_url", ["localhost:8080", "ftp://127.0.0.1", "", "http://", "http://x:port"])
def test_a_base_url_that_is_no_address_is_refused(base_url: str) -> None:
    for kind in (Client, AsyncClient):
        with pytest.raises(authority_search.InvalidRequest, match="base_url"):
            kind(base_url)


@pytest.fixture
def no_key_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


@pytest.mark.usefixtures("no_key_around")
def test_a_key_opens_a_guarded_service_and_another_one_does_not(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = KeyFile(tmp_path)
    key, admin = keys.create("searcher"), keys.create("watcher", [Scope.ADMIN])
    with service(keys=keys) as url:
        assert call(url, "search", "a", api_key=key).snapshot == "s1"
        for wrong, status in ((None, 401), ("", 401), ("wrong", 401), (admin, 403)):
            with pytest.raises(authority_search.AccessDenied) as caught:
                call(url, "search", "a", api_key=wrong)
            assert (caught.value.status, bool(caught.value.request_id)) == (status, True)
        monkeypatch.setenv(KEY_VARIABLE, key)
        assert call(url, "search", "a").snapshot == "s1"
        with pytest.raises(authority_search.AccessDenied):
            call(url, "search", "a", api_key="")


@pytest.mark.usefixtures("no_key_around")
def test_a_refusal_by_something_else_in_front_is_one_too(call: Call) -> None:
    with (
        scripted(Canned(403, b"<html>")) as server,
        pytest.raises(authority_search.AccessDenied, match="check api_key"),
    ):
        call(server.url, "search", "a")


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "é", " "])
def test_a_key_that_no_header_can_carry_is_refused(call: Call, key: str) -> None:
    with pytest.raises(authority_search.InvalidRequest, match="api_key") as caught:
        call("http://127.0.0.1:9", "health", api_key=key)
    assert key.strip() not in str(caught.value) or not key.strip()


@pytest.mark.parametrize("error_type", [*BY_TYPE, "of a later version"])
def test_each_error_body_becomes_its_exception(call: Call, error_type: str) -> None:
    body = f'{{"error": "what is wrong", "error_type": "{error_type}"}}'.encode()
    kind = BY_TYPE.get(error_type, authority_search.ServerError)
    with (
        scripted(Canned(418, body, {"X-Request-Id": "r1"})) as server,
        pytest.raises(kind, match="what is wrong") as caught,
    ):
        call(server.url, "sources")
    assert (type(caught.value), caught.value.status, caught.value.request_id) == (kind, 418, "r1")


@pytest.mark.parametrize("status", [200, 302, 404, 500])
@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff" * 10_000, b"[]", b"{}", b"null", b"[" * 100_000])
def test_a_garbage_reply_is_a_server_error(call: Call, status: int, body: bytes) -> None:
    with (
        scripted(Canned(status, body)) as server,
        pytest.raises(authority_search.ServerError, match="check base_url") as caught,
    ):
        call(server.url, "search", "a")
    assert len(str(caught.value)) < 300


def test_silence_is_a_timeout(call: Call) -> None:
    gate = threading.Event()
    with scripted(Canned(before=lambda: gate.wait(10))) as server:
        with pytest.raises(authority_search.Timeout, match="no reply in time"):
            call(server.url, "search", "a", timeout=0.1)
        gate.set()
        assert len(server.received) == 1


def test_both_clients_retry(call: Call) -> None:
    starting = Canned(503, b'{"error": "no snapshot", "error_type": "not_ready"}')
    healthy = Canned(200, b'{"status": "ok", "version": "1"}')
    with scripted(starting, Canned(429, headers={"Retry-After": "0"}), healthy) as server:
        assert call(server.url, "health").version == "1"
        assert len(server.received) == 3


def test_a_refused_connection_is_named(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(authority_search.ConnectionFailed, match=f"GET {url}/health: no reply"):
        call(url, "health", retries=0)
