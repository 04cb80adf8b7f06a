"""What is sent again, when, and how often."""

import socket
import time
from email.utils import formatdate
from itertools import pairwise

import httpx
import pytest
from http_server import Canned, scripted

from authority_search import Client, ConnectionFailed, NotReady, Overloaded, ServerError
from authority_search._retries import BASE_SECONDS, MAX_SECONDS, seconds_to_wait

NOT_READY = Canned(503, b'{"error": "no snapshot is open yet", "error_type": "not_ready"}')
HEALTHY = Canned(200, b'{"status": "ok", "version": "1"}')


def refused(status: int, retry_after: str | None = None) -> httpx.Response:
    return httpx.Response(status, headers={"Retry-After": retry_after} if retry_after is not None else {})


def test_a_service_that_recovers_is_waited_for() -> None:
    with scripted(NOT_READY, NOT_READY, HEALTHY) as server, Client(server.url) as client:
        assert client.health().status == "ok"
        assert len(server.received) == 3


def test_retries_are_bounded_and_the_last_answer_is_raised() -> None:
    with scripted(NOT_READY) as server, Client(server.url, retries=1) as client:
        with pytest.raises(NotReady, match="no snapshot"):
            client.health()
        assert len(server.received) == 2


def test_retry_after_is_honoured() -> None:
    with scripted(Canned(429, headers={"Retry-After": "1"}), HEALTHY) as server, Client(server.url) as client:
        began = time.monotonic()
        client.health()
        assert 1.0 <= time.monotonic() - began < 3.0


def test_a_retry_after_beyond_patience_is_raised_at_once() -> None:
    full = Canned(429, b'{"error": "full", "error_type": "overloaded"}', {"Retry-After": "3600"})
    with scripted(full) as server, Client(server.url) as client:
        with pytest.raises(Overloaded, match="full"):
            client.health()
        assert len(server.received) == 1


def test_other_refusals_are_not_repeated() -> None:
    with scripted(Canned(500)) as server, Client(server.url) as client:
        with pytest.raises(ServerError):
            client.health()
        assert len(server.received) == 1


def test_a_dropped_connection_is_repeated() -> None:
    broken = HEALTHY._replace(headers={"Content-Length": "1000", "Connection": "close"})
    with scripted(broken, broken, HEALTHY) as server, Client(server.url) as client:
        assert client.health().status == "ok"
        assert len(server.received) == 3


def test_a_refused_connection_is_tried_again_and_then_raised() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    began = time.monotonic()
    with Client(url, retries=1) as client, pytest.raises(ConnectionFailed, match="is the service running there"):
        client.health()
    assert time.monotonic() - began >= BASE_SECONDS / 2


@pytest.mark.parametrize("attempt", range(12))
def test_waits_double_up_to_a_ceiling_and_vary(attempt: int) -> None:
    ceiling = min(MAX_SECONDS, BASE_SECONDS * 2**attempt)
    waits = {seconds_to_wait(refused(503), attempt, retries=20) for _ in range(50)}
    assert len(waits) > 10
    assert all(wait is not None and ceiling / 2 <= wait <= ceiling for wait in waits)


def test_ceilings_never_fall() -> None:
    least = [min(seconds_to_wait(refused(503), attempt, 20) or 0 for _ in range(99)) for attempt in range(7)]
    assert all(now < later for now, later in pairwise(least))


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_passing_refusals_are_retried(status: int) -> None:
    assert seconds_to_wait(refused(status), 0, retries=1) is not None
    assert seconds_to_wait(refused(status), 1, retries=1) is None


@pytest.mark.parametrize("status", [200, 302, 400, 404, 413, 422, 500, 501])
def test_lasting_refusals_are_not(status: int) -> None:
    assert seconds_to_wait(refused(status), 0, retries=5) is None


@pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "²", "Mon, 99 Foo 2024", formatdate(0)])
def test_an_unreadable_or_past_retry_after_counts_as_none(value: str) -> None:
    response = httpx.Response(503, headers=[(b"Retry-After", value.encode())])
    wait = seconds_to_wait(response, 0, retries=1)
    assert wait is not None
    assert wait <= BASE_SECONDS


def test_a_retry_after_may_be_a_date() -> None:
    wait = seconds_to_wait(refused(503, formatdate(time.time() + 20, usegmt=True)), 0, retries=1)
    assert wait is not None
    assert 15 < wait <= 20


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (httpx.ConnectError("refused"), True),
        (httpx.ConnectTimeout("slow"), True),
        (httpx.ReadError("reset"), True),
        (httpx.RemoteProtocolError("closed"), True),
        (httpx.ReadTimeout("slow"), False),
        (httpx.UnsupportedProtocol("gopher"), False),
        (httpx.DecodingError("not gzip"), False),
    ],
)
def test_lost_connections_are_repeated_and_silence_is_not(error: httpx.RequestError, again: bool) -> None:
    assert (seconds_to_wait(error, 0, retries=1) is not None) is again
