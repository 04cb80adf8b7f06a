"""A web site on loopback that has several states: pages change, go, come and ask not to be indexed between them.

What a URL answers follows from its path and the state alone, so that any two crawls of one state see the same site.
"""

import hashlib
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

HOSTS = ("127.0.0.1", "127.0.0.2")
STATES = 3
SECONDS_PER_REPLY = 0.03
_WORDS = 400
_GONE = 410


class Asked(NamedTuple):
    """One answered request, robots.txt aside."""

    url: str
    status: int


class ChangingSite:
    """`pages` pages on each of `HOSTS`. Setting `state` changes what is served; `log` has what was answered since."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.state = 0
        self.log: list[Asked] = []
        self.lock = threading.Lock()
        self.starts: list[str] = []

    def turn_to(self, state: int) -> None:
        """Serve `state` from now on, with an empty log."""
        with self.lock:
            self.state, self.log = state, []

    def sent_twice(self) -> list[str]:
        """URLs whose whole content was sent more than once since the last turn."""
        with self.lock:
            sent = Counter(one.url for one in self.log if one.status == 200)
        return sorted(url for url, count in sent.items() if count > 1)

    def body(self, host: str, path: str) -> bytes | None:
        """What stands at a path in this state, None where there is nothing (any more)."""
        if path == "/":
            return _html(
                host, "".join(f'<p><a href="/p{number}">part {number}</a></p>' for number in range(self.pages))
            )
        number = int(path[2:]) if path.startswith("/p") and path[2:].isdecimal() else self.pages
        gone = number % 7 == 3 and self.state == 1
        not_yet = number >= self.pages - 2 and self.state != 2
        if number >= self.pages or gone or not_yet:
            return None
        head = '<meta name="robots" content="noindex">' if number % 7 == 5 and self.state == 2 else ""
        version = self.state if number % 5 == self.state else 0
        return _html(f"{host} part {number}", _sections(f"{host} {number} {version}"), head)


def _html(title: str, content: str, head: str = "") -> bytes:
    page = f"<html><head><title>{title}</title>{head}</head><body><main><h1>{title}</h1>{content}</main></body></html>"
    return page.encode()


def _sections(seed: str) -> str:
    """Three sections of invented words, the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    # English enough that its language is told without the model, which every process would have to load.
    texts = [" ".join(f"the word{draw.randrange(_WORDS)} of" for _ in range(30)) for _ in range(3)]
    return "".join(f"<h2>Section {place}</h2><p>It says {text}.</p>" for place, text in enumerate(texts))


@contextmanager
def changing_site(pages: int) -> Iterator[ChangingSite]:
    """Serve a site until the block ends, on a free port of each host."""
    site = ChangingSite(pages)
    servers = [_Server((host, 0), _handler(site)) for host in HOSTS]
    threads = [threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02}) for one in servers]
    for server, thread in zip(servers, threads, strict=True):
        thread.start()
        site.starts.append(f"http://{server.server_address[0]!s}:{server.server_port}/")
    try:
        yield site
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Whoever is killed hangs up in the middle.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(site: ChangingSite) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            host = self.headers.get("Host", "").partition(":")[0]
            time.sleep(SECONDS_PER_REPLY)
            with site.lock:
                body = site.body(host, self.path)
                tag = f'"{hashlib.sha256(body or b"").hexdigest()[:16]}"'
                status = _status(self.path, body, self.headers.get("If-None-Match") == tag)
                if self.path != "/robots.txt":
                    site.log.append(Asked(f"http://{self.headers.get('Host')}{self.path}", status))
            try:
                self._answer(status, tag, body if status == 200 and body else b"")
            except ConnectionError:
                self.close_connection = True

        def _answer(self, status: int, tag: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            if status != _GONE:
                self.send_header("ETag", tag)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _status(path: str, body: bytes | None, same: bool) -> int:
    if body is None:
        return 404 if path == "/robots.txt" else _GONE
    return 304 if same else 200
