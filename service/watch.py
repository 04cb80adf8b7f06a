"""Watching requests: each is counted, timed, logged and traced, whatever became of it."""

from time import perf_counter
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authority_search.validation import clip
from service.access_log import AccessLine, AccessLog
from service.metrics import Metrics
from service.request_facts import FACTS, RequestFacts
from service.tracing import Traces

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ROUTE: Final = "other"
# What nginx writes when the caller left before there was a reply.
_LEFT: Final = 499


class Watch:
    """ASGI middleware. It stands outermost, so that it sees every refusal and the last byte."""

    def __init__(self, app: ASGIApp, metrics: Metrics, log: AccessLog, traces: Traces) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and tell how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, size, began = _LEFT, 0, perf_counter()
        facts = RequestFacts()
        before = FACTS.set(facts)

        async def counted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
            await send(message)

        with self._traces.request(scope):
            try:
                await self._app(scope, receive, counted)
            finally:
                FACTS.reset(before)
                self._tell(scope, facts, status, size, perf_counter() - began)

    def _tell(self, scope: Scope, facts: RequestFacts, status: int, size: int, seconds: float) -> None:
        route, method = _route(scope), scope["method"] if scope["method"] in _METHODS else _NO_ROUTE
        self._metrics.request(method, route, status, seconds)
        self._traces.answered(method, route, status, facts)
        line = AccessLine(
            request_id=facts.request_id,
            caller=facts.key.name if facts.key else None,
            client=scope["client"][0] if scope.get("client") else None,
            method=method,
            route=route if route != _NO_ROUTE else clip(ascii(scope["path"])),
            status=status,
            bytes=size,
            seconds=round(seconds, 6),
            queries=facts.queries,
            snapshot=facts.snapshot,
            degraded=sorted(facts.degraded),
        )
        self._log.write(line)


def metrics_route(metrics: Metrics) -> APIRouter:
    """`GET /metrics`. With keys it wants one of scope admin, see `service.access.guard`."""
    router = APIRouter(tags=["state"])

    # Not for the callers of the API, whose description leaves it out.
    @router.get("/metrics", include_in_schema=False)
    def read_metrics() -> Response:
        """Text format 0.0.4. In a thread, so that no search waits for it."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    return router


def _route(scope: Scope) -> str:
    """The template of the route that took the request, or where the app that took it is mounted: a bounded set."""
    path = getattr(scope.get("route"), "path", None)
    return str(path or scope.get("root_path") or _NO_ROUTE)
