"""Connections that would hold the service up: too slow, too many, too large. Over real sockets."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from urllib.parse import urlsplit

import httpx
import pytest
from http_server import CannedLive, CannedSearcher, hit, service

from authority_search.models import QueryResult, SearchReply, SearchRequest
from service.http_server import _BoundedConnection

HEAD_SECONDS, BODY_SECONDS = 0.4, 0.6
POST = b"POST /batch_search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n"
GET = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


class Long(CannedSearcher):
    """Answers with more than the buffers between two sockets hold."""

    def search(self, request: SearchRequest) -> SearchReply:
        result = QueryResult(query="a", status="ok", hits=[hit(text="x" * 50_000_000)], candidates=1)
        return SearchReply(snapshot="s1", results=[result for _ in request.queries], excluded_passages=0)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with service(
        CannedLive(Long()), header_seconds=HEAD_SECONDS, body_seconds=BODY_SECONDS, keep_alive_seconds=5,
        max_header_bytes=4096,
    ) as address:  # fmt: skip
        yield address


def test_a_reply_is_not_held_back_until_its_head_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    read, undelayed = _BoundedConnection.data_received, []

    def seen(connection: _BoundedConnection, data: bytes) -> None:
        taken = connection.transport.get_extra_info("socket")
        undelayed.append(bool(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
        read(connection, data)

    monkeypatch.setattr(_BoundedConnection, "data_received", seen)
    with service() as address:
        assert httpx.get(f"{address}/health").status_code == 200
    assert undelayed == [True]


def connected(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=10)


def dribbled(connection: socket.socket, data: bytes, pause: float = 0.05) -> float:
    """Send a byte now and then until the other side has closed; the seconds that it took."""
    began = time.monotonic()
    for byte in data:
        try:
            connection.sendall(bytes([byte]))
            connection.settimeout(pause)
            if connection.recv(1, socket.MSG_PEEK) is not None:
                break
        except TimeoutError:
            continue
        except OSError:
            break
    connection.settimeout(10)
    return time.monotonic() - began


def everything(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


def healthy(connection: socket.socket) -> bool:
    """Whether the next reply is that of a healthy service; it is read to its end."""
    received = b""
    while not received.endswith(b"}"):
        chunk = connection.recv(65536)
        if not chunk:
            break
        received += chunk
    return received.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("whole", "slow", "seconds", "part"),
    [(b"", b"GET /health HTTP/1.1\r\nX-Slow: " + b"a" * 500, HEAD_SECONDS, b"head"),
     (GET, b"GET /health HTTP/1.1\r\nX-Slow: " + b"a" * 500, HEAD_SECONDS, b"head"),
     (POST, b" " * 19, BODY_SECONDS, b"body")],
    ids=["head", "second head", "body"],
)  # fmt: skip
def test_a_request_that_arrives_by_the_byte_is_ended_in_time(
    url: str, whole: bytes, slow: bytes, seconds: float, part: bytes
) -> None:
    with closing(connected(url)) as connection:
        connection.sendall(whole)
        if whole == GET:
            assert healthy(connection)
        took = dribbled(connection, slow)
        reply = everything(connection)
    assert reply.startswith(b"HTTP/1.1 408 ")
    assert b"the " + part + b" of the request was not whole" in reply
    # Not reset by each byte: then it would be 500 times the pause.
    assert took < seconds + 3


def test_a_connection_that_says_nothing_is_closed(url: str) -> None:
    with closing(connected(url)) as connection:
        began = time.monotonic()
        everything(connection)
        assert time.monotonic() - began < HEAD_SECONDS + 3


def test_a_caller_that_does_not_take_its_reply_is_let_go(url: str) -> None:
    body = b'{"queries": ["a"]}  '
    with closing(connected(url)) as connection:
        connection.sendall(POST + body)
        assert connection.recv(1) == b"H"
        time.sleep(BODY_SECONDS + 0.6)
        with suppress(ConnectionResetError):
            # No more than what the buffers held.
            assert len(everything(connection)) < 50_000_000


def test_a_pause_between_two_requests_is_no_delay(url: str) -> None:
    with httpx.Client(base_url=url) as http:
        assert http.get("/health").status_code == 200
        time.sleep(max(HEAD_SECONDS, BODY_SECONDS) + 0.2)
        stream = http.get("/health").extensions["network_stream"]
        assert stream.get_extra_info("server_addr")[1] == urlsplit(url).port
        assert len(http._transport._pool.connections) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("pieces", [1, 40])
def test_a_head_over_the_limit_is_refused_in_one_piece_or_many(url: str, pieces: int) -> None:
    head = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 8000 + b"\r\n\r\n"
    step = len(head) // pieces
    with closing(connected(url)) as connection:
        for start in range(0, len(head), step):
            try:
                connection.sendall(head[start : start + step])
            except OSError:
                break
            time.sleep(0.001)
        assert connection.recv(4096).startswith(b"HTTP/1.1 431 ")


def test_too_many_fields_are_refused(url: str) -> None:
    reply = httpx.get(f"{url}/health", headers=[(f"X-{number}", "") for number in range(101)])
    assert (reply.status_code, reply.json()["error_type"]) == (431, "too_large")


@pytest.mark.parametrize("method", [b"POST", b"HEAD"])
def test_what_is_not_http_gets_an_error_of_the_one_shape(url: str, method: bytes) -> None:
    chunked = method + b" /batch_search HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n"
    for sent in (b"\x16\x03\x01\x02\x00\r\n\r\n", chunked):
        with closing(connected(url)) as connection:
            connection.sendall(sent)
            head, _, body = everything(connection).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        bodiless = sent == chunked and method == b"HEAD"
        assert body.endswith(b'"error_type":"invalid_request"}') != bodiless
    assert httpx.get(f"{url}/health").status_code == 200


def test_one_connection_too_many_is_told_so_and_the_others_go_on() -> None:
    with service(max_connections=3) as url, ExitStack() as stack:
        kept = [stack.enter_context(closing(connected(url))) for _ in range(3)]
        for connection in kept:
            connection.sendall(GET)
            assert healthy(connection)
        with closing(connected(url)) as one_more:
            reply = everything(one_more)
        assert reply.startswith(b"HTTP/1.1 429 ")
        assert b"retry-after: 1" in reply.lower()
        kept[0].sendall(GET)
        assert healthy(kept[0])
        kept.pop().close()
        deadline = time.monotonic() + 10
        while httpx.get(f"{url}/health", headers={"Connection": "close"}).status_code != 200:
            assert time.monotonic() < deadline


def test_the_limit_of_open_files_makes_room_for_the_connections() -> None:
    # In a process of its own: a hard limit cannot be raised again.
    program = """
import resource
from service.http_server import make_room
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 2048))
for connections in (512, 4096):
    print(make_room(connections), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["True 1536 2048", "False 2048 2048"]
