"""Bad requests get a 4xx, the one error body and a message that helps; never a 500, never their own input back."""

import json
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from http_server import service

JSON = {"Content-Type": "application/json"}
MAX_BODY = 4_000_000


def search(**fields: object) -> bytes:
    return json.dumps({"queries": ["a"], **fields}).encode()


# Body -> what the message must say.
BAD_BODIES = {
    "empty": (b"", "body is missing.*send a JSON object"),
    "null": (b"null", "body is null"),
    "not JSON": (b"{queries", "not JSON.*at character 1"),
    "cut off": (b'{"queries": ["a"', "not JSON"),
    "trailing": (b'{"queries": ["a"]} x', "not JSON"),
    "array": (b'["a"]', "body is a list"),
    "string": (b'"a"', "body is a string"),
    "number": (b"5", "body is a number"),
    "true": (b"true", "body is a boolean"),
    "deep arrays": (b"[" * 100_000, "nested too deeply"),
    "deep objects": (b'{"a":' * 100_000, "nested too deeply"),
    "deep field": (b'{"queries": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    "latin-1": (b'{"queries": ["\xe9"]}', "not UTF-8"),
    "binary": (bytes(range(256)), "not JSON|not UTF-8"),
    "lone surrogate": (b'{"queries": ["a", "\\ud800"]}', r"queries\.1: .*lone surrogates"),
    "lone surrogate as a name": (b'{"queries": ["a"], "\\udfff": 1}', "lone surrogates"),
    "endless number": (b'{"queries": ["a"], "top_k": ' + b"1" * 5000 + b"}", "too many digits"),
    "huge number": (search(top_k=10**300), "top_k: .*less than or equal to 100"),
    "infinite number": (b'{"queries": ["a"], "top_k": 1e999}', "top_k: .*finite"),
    "NaN": (b'{"queries": ["a"], "top_k": NaN}', "top_k: .*finite"),
    "NaN as a query": (b'{"queries": [NaN]}', r"queries\.0: .*valid string, not a number"),
    "no queries": (b"{}", "queries: field required"),
    "no query": (search(queries=[]), "queries: .*at least 1"),
    "empty query": (search(queries=["a", " \n"]), r"queries\.1: the text is empty"),
    "all queries empty": (search(queries=[""] * 2560), r"queries\.0: .*and 2557 more problems"),
    "too many queries": (search(queries=["a"] * 2561), "queries: .*at most 2560 items, not 2561; .*split"),
    "queries as a string": (search(queries="a"), "queries: .*valid list, not a string"),
    "queries as an object": (search(queries={"0": "a"}), "queries: .*valid list, not an object"),
    "query as an object": (search(queries=[{"text": "a"}]), r"queries\.0: .*valid string, not an object"),
    "query of a megabyte": (search(queries=["x" * 1_000_000]), r"queries\.0: .*at most 8192 characters; shorten"),
    "control character": (search(queries=["a\x07b"]), r"queries\.0: character 1 is the control character U\+0007"),
    "NUL": (search(queries=["\x00"]), r"U\+0000"),
    "misspelt field": (search(topk=3), "topk: no such field; did you mean top_k"),
    "misspelt inner field": (search(dates={"form": "2020-01-01"}), r"dates\.form: no such field; did you mean from"),
    "field name of a megabyte": (search(**{"n" * 1_000_000: 1}), "no such field"),
    "top_k too low": (search(top_k=0), "top_k: .*greater than or equal to 1"),
    "top_k as text": (search(top_k="5"), "top_k: a number is written without quotes"),
    "top_k as a boolean": (search(top_k=True), "top_k: a number is written without quotes"),
    "a number for a boolean": (search(explain=1), "explain: .*valid boolean, not a number"),
    "top_k as a fraction": (search(top_k=1.5), "top_k: .*valid integer"),
    "unknown word": (search(authority="max"), "authority: .*'off', 'tie' or 'boost'"),
    "language": (search(languages=["English"]), r"languages\.0: .*pattern"),
    "reversed dates": (search(dates={"from": "2024-02-01", "to": "2024-01-01"}), "dates are reversed.*swap"),
    "no such day": (search(dates={"from": "2024-02-30"}), r"dates\.from: .*valid date"),
    "day as a number": (search(dates={"from": 0}), r"dates\.from: a day is written YYYY-MM-DD"),
    "year alone": (search(dates={"to": "2024"}), r"dates\.to: a day is written YYYY-MM-DD"),
    "sources as a list": (search(sources=["who.int"]), "sources: .*not a list"),
}


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with service(max_body_bytes=MAX_BODY) as url, httpx.Client(base_url=url) as client:
        yield client


def refusal(reply: httpx.Response) -> dict[str, str]:
    """The error body, once it is sure that it has the one shape and none of the inside."""
    assert 400 <= reply.status_code < 500
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"]
    body: dict[str, str] = reply.json()
    assert set(body) == {"error", "error_type"}
    assert len(reply.content) < 2500
    assert not re.search("Traceback|pydantic|File |Error\\(", body["error"])
    return body


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_refused_with_words_that_help(http: httpx.Client, name: str) -> None:
    body, said = BAD_BODIES[name]
    reply = http.post("/batch_search", content=body, headers=JSON)
    error = refusal(reply)
    assert (reply.status_code, error["error_type"]) == (422, "invalid_request")
    assert re.search(said, error["error"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"targets": []}, "targets: .*at least 1"),
        ({"targets": ["a"] * 101}, "targets: .*at most 100"),
        ({"targets": ["a"], "offset": -1}, "offset: .*greater than or equal to 0"),
        ({"targets": ["a"], "max_tokens": 1}, "max_tokens: .*16"),
        ({"targets": ["x" * 2049]}, r"targets\.0: .*2048"),
        ({"queries": ["a"]}, "targets: field required"),
    ],
)
def test_a_bad_open_is_refused(http: httpx.Client, body: object, said: str) -> None:
    assert re.search(said, refusal(http.post("/batch_open", json=body))["error"])


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_body_not_declared_as_json_is_refused(http: httpx.Client, content_type: str) -> None:
    reply = http.post("/batch_search", content=search(), headers={"Content-Type": content_type})
    assert "application/json" in refusal(reply)["error"]


def test_an_unknown_name_has_its_own_type(http: httpx.Client) -> None:
    assert refusal(http.post("/batch_search", json={"queries": ["a"], "profile": "x"}))["error_type"] == "unknown_name"


@pytest.mark.parametrize("path", ["/nope", "/batch_search/", "/%00%0a%ff", "/" + "x" * 5000])
def test_an_unknown_route_is_not_found(http: httpx.Client, path: str) -> None:
    reply = http.get(path)
    assert (reply.status_code, refusal(reply)["error_type"]) == (404, "not_found")


@pytest.mark.parametrize(("method", "path"), [("GET", "/batch_search"), ("POST", "/health"), ("BREW", "/sources")])
def test_a_wrong_method_is_told_the_right_one(http: httpx.Client, method: str, path: str) -> None:
    reply = http.request(method, path)
    assert reply.status_code == 405
    assert reply.headers["allow"] in refusal(reply)["error"]


def test_a_declared_body_over_the_limit_is_refused_before_it_is_sent(http: httpx.Client) -> None:
    head = f"POST /batch_search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {MAX_BODY + 1}"
    with socket.create_connection(("127.0.0.1", urlsplit(str(http.base_url)).port), timeout=10) as connection:
        connection.sendall(head.encode() + b"\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused(http: httpx.Client, chunked: bool) -> None:
    pieces = [b" " * 100_000] * 60
    reply = http.post("/batch_search", content=iter(pieces) if chunked else b"".join(pieces), headers=JSON)
    error = refusal(reply)
    assert (reply.status_code, error["error_type"]) == (413, "too_large")
    assert f"{MAX_BODY:,} bytes" in error["error"]


def test_a_body_of_exactly_the_limit_is_read(http: httpx.Client) -> None:
    body = search()
    assert http.post("/batch_search", content=body + b" " * (MAX_BODY - len(body)), headers=JSON).status_code == 200
