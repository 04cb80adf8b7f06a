"""A real web server on loopback that does what servers on the web do: redirect, fail, stall, lie, ask for patience."""

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from domain_lists.source_list import SourceList

PAGES = 30
SOURCE_COLUMNS = "id,name,sector,country,language,kind,tier,authority,evidence,notes"


class Seen(NamedTuple):
    """One request of the log; `at` is monotonic seconds."""

    at: float
    host: str
    path: str
    headers: dict[str, str]


@dataclass
class Reply:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/html; charset=utf-8"})
    wait: float = 0.0


class Site:
    """Replies by path. A path with several replies gives them in turn, the last one for ever."""

    def __init__(self) -> None:
        self.replies: dict[str, list[Reply]] = {}
        self.log: list[Seen] = []
        self.lock = threading.Lock()
        self.port = 0

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def add(self, path: str, *replies: Reply) -> None:
        self.replies[path] = list(replies)

    def page(self, path: str, *links: str, head: str = "", text: str = "") -> None:
        anchors = "".join(f'<p>See <a href="{link}">this</a>.</p>' for link in links)
        self.add(
            path, Reply(f"<html><head><title>{path}</title>{head}</head><body>{text}{anchors}</body></html>".encode())
        )

    def redirect(self, path: str, target: str, status: int = 302) -> None:
        self.add(path, Reply(status=status, headers={"Location": target}))

    def robots(self, text: str, status: int = 200) -> None:
        self.add("/robots.txt", Reply(text.encode(), status, {"Content-Type": "text/plain"}))

    def linked_pages(self, count: int = PAGES) -> None:
        """Pages /p0 … in a tree: each links to its two children, its parent and the root."""
        self.page("/", "/p0")
        for number in range(count):
            children = [f"/p{child}" for child in (2 * number + 1, 2 * number + 2) if child < count]
            self.page(
                f"/p{number}", "/", f"/p{(number - 1) // 2 if number else 0}", *children, text=f"<p>Page {number}.</p>"
            )

    def take(self, seen: Seen) -> Reply:
        with self.lock:
            self.log.append(seen)
            replies = self.replies.get(seen.path)
            if replies is None:
                return Reply(b"<html>no such page</html>", 404)
            return replies.pop(0) if len(replies) > 1 else replies[0]

    def paths(self) -> list[str]:
        """The paths asked for, in order, without robots.txt."""
        with self.lock:
            return [seen.path for seen in self.log if seen.path != "/robots.txt"]

    def gaps(self) -> list[float]:
        """Seconds between two requests that follow each other."""
        with self.lock:
            times = [seen.at for seen in self.log]
        return [later - earlier for earlier, later in pairwise(times)]


def html_gzip(text: str) -> Reply:
    return Reply(gzip.compress(text.encode()), headers={"Content-Type": "text/html", "Content-Encoding": "gzip"})


def conditional(seen: Seen, reply: Reply) -> Reply:
    """The 304 that a request with the condition of this reply is given, the reply itself otherwise."""
    tag, since = reply.headers.get("ETag"), reply.headers.get("Last-Modified")
    asked_tag, asked_since = seen.headers.get("If-None-Match"), seen.headers.get("If-Modified-Since")
    same = tag == asked_tag if asked_tag else since is not None and since == asked_since
    return Reply(status=304, headers=reply.headers | {"Content-Length": "0"}) if same and reply.status == 200 else reply


@contextmanager
def misbehaving_web() -> Iterator[Site]:
    """A site with no pages, served until the block ends on all addresses of 127.0.0.0/8."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            host = self.headers.get("Host", "").partition(":")[0]
            seen = Seen(time.monotonic(), host, self.path, dict(self.headers.items()))
            reply = conditional(seen, site.take(seen))
            time.sleep(reply.wait)
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in reply.headers:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
    server.daemon_threads = True
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@cache
def loopback_sources(*ids: str) -> SourceList:
    """The bundled list with loopback sources added, `127.0.0.1` where none is named."""
    rows = [f"{source},Loopback,reference,INT,en,reference,1,0.9,known," for source in ids or ("127.0.0.1",)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "loopback.csv"
        path.write_text("\n".join([SOURCE_COLUMNS, *rows]) + "\n", encoding="utf-8")
        return SourceList.load(extra_files=[path])
