"""Real servers on loopback for tests: the service's app over canned replies, and one that misbehaves by script."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import uvicorn

from authority_search.models import (
    CoverageLine,
    CoverageReply,
    DateEvidence,
    Dates,
    Hit,
    OpenReply,
    OpenRequest,
    OpenResult,
    QueryResult,
    Readiness,
    SearchReply,
    SearchRequest,
    SourceInfo,
    SourceRow,
    SourcesReply,
)
from service.access.keys import KeyFile
from service.access.settings import AccessSettings
from service.app import create_app
from service.errors import NotReady, ServiceError, UnknownName
from service.http_server import server_config
from service.settings import ServerSettings
from service.stages import Observe

SOURCE = SourceInfo(
    id="who.int",
    name="World Health Organization",
    sector="health",
    country="INT",
    language="en",
    kind="agency",
    tier=1,
    authority=0.97,
)


def hit(rank: int = 1, text: str = "Give antibiotics within the hour.", **fields: Any) -> Hit:
    """A passage with all that a reply can carry."""
    given = {
        "passage_id": f"{rank:032x}",
        "url": "https://www.who.int/sepsis",
        "title": "Sepsis",
        "heading_path": ["Treatment", "First hour"],
        "tokens": 7,
        "ordinal": 3,
        "start": 10,
        "end": 43,
        "language": "en",
        "source": SOURCE,
        "dates": Dates(published=DateEvidence(value="2024-05-03", origin="meta:article:published_time")),
        "score": 0.75,
    }
    return Hit(rank=rank, text=text, **{**given, **fields})


class CannedSearcher:
    """Answers like `service.searcher.Searcher`, without an index. The query "nothing" finds nothing."""

    def search(self, request: SearchRequest) -> SearchReply:
        if request.profile not in (None, "medicine"):
            raise UnknownName(f"profile: there is no {request.profile[:40]!r}; known profiles are medicine")
        results = [self._result(query, request.top_k) for query in request.queries]
        return SearchReply(snapshot="s1", results=results, excluded_passages=0)

    def begin(self, requests: list[SearchRequest], _observe: Observe) -> list[SearchRequest]:
        return requests

    def finish(self, begun: list[SearchRequest], _observe: Observe) -> list[SearchReply | ServiceError]:
        return [self._searched(request) for request in begun]

    def _searched(self, request: SearchRequest) -> SearchReply | ServiceError:
        try:
            return self.search(request)
        except ServiceError as error:
            return error

    def open(self, request: OpenRequest) -> OpenReply:
        return OpenReply(snapshot="s1", results=[self._opened(target, request) for target in request.targets])

    def sources(self) -> SourcesReply:
        row = SourceRow(**SOURCE.model_dump(), pages=2, passages=9)
        return SourcesReply(snapshot="s1", sources=[row], profiles={"medicine": "Health"})

    def _result(self, query: str, top_k: int) -> QueryResult:
        hits = [] if query == "nothing" else [hit(rank) for rank in range(1, top_k + 1)]
        return QueryResult(query=query, status="ok" if hits else "empty", hits=hits, candidates=len(hits))

    def _opened(self, target: str, request: OpenRequest) -> OpenResult:
        if target == "nothing":
            return OpenResult(target=target, status="not_found", error="no page or passage of that name")
        page = {"url": target, "title": "Sepsis", "text": "All of it.", "tokens": 3, "total_tokens": 3}
        return OpenResult(target=target, status="ok", offset=request.offset, **page)


class CannedLive:
    """Answers like `service.live.LiveSearcher`. `searcher` None means that it is still starting."""

    def __init__(self, searcher: Any = None) -> None:
        self.searcher = searcher
        self.calls: list[str] = []

    def current(self) -> Any:
        if self.searcher is None:
            raise NotReady("no snapshot is open yet; wait, or publish one")
        return self.searcher

    def readiness(self) -> Readiness:
        if self.searcher is None:
            return Readiness(status="starting", reason="loading the encoder")
        return Readiness(status="ready", snapshot="s1", passages=9, encoder="canned")

    def coverage(self) -> CoverageReply:
        if self.searcher is None:
            raise NotReady("there is no coverage report yet")
        line = CoverageLine(
            name="all", sources=1, pages=2, passages=9, gone=0, age_days=0.5, oldest_days=1.5, errors=0, denied=3,
            failing=0,
        )  # fmt: skip
        lines = [line.model_copy(update={"name": name}) for name in ("tier 1", "health", "who.int")]
        tier, sector, source = lines
        return CoverageReply(
            made="2026-01-01T00:00:00Z", listed=7, total=line, tiers=[tier], sectors=[sector], sources=[source]
        )

    def start(self) -> None:
        self.calls.append("start")

    def close(self) -> None:
        self.calls.append("close")


@contextmanager
def service(
    live: CannedLive | None = None, keys: KeyFile | None = None, access: AccessSettings | None = None, **limits: Any
) -> Iterator[str]:
    """The base URL of the service's app under a real uvicorn."""
    settings = ServerSettings(**{"access_log": "off", **limits})
    app = create_app(live or CannedLive(CannedSearcher()), settings, keys, access or AccessSettings())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(server_config(app, settings, log_config=None, timeout_graceful_shutdown=5))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            # Connections wait in the listener's backlog until the server takes them: no polling.
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
    assert not thread.is_alive()


class Canned(NamedTuple):
    """One reply of a scripted server; `before` runs first and may block."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    before: Callable[[], object] | None = None


class Scripted(NamedTuple):
    """A scripted server's address and the (method, path, body) it received, in order."""

    url: str
    received: list[tuple[str, str, bytes]]


@contextmanager
def scripted(*replies: Canned) -> Iterator[Scripted]:
    """A server that gives `replies` in order, whatever it is asked; the last one again and again."""
    received: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            received.append((self.command, self.path, self.rfile.read(length)))
            reply = replies[min(len(received), len(replies)) - 1]
            if reply.before:
                reply.before()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = _answer  # noqa: N815 - the base class looks for these names

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Scripted(f"http://127.0.0.1:{server.server_port}", received)
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
