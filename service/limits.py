"""How much the service takes on at once: bytes of a head and of a body, requests under way."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Overloaded, TooLarge
from service.http_errors import error_response

ResultT = TypeVar("ResultT")


class Permits:
    """Runs blocking work on threads: `running` at once, `waiting` in line, and Overloaded at once for one more."""

    def __init__(self, running: int, waiting: int) -> None:
        self._most = running + waiting
        self._threads = CapacityLimiter(running)
        self._taken = 0

    async def run(self, work: Callable[[], ResultT]) -> ResultT:
        """The result of `work`. Called on the event loop's thread only, so that counting needs no lock."""
        if self._taken >= self._most:
            raise Overloaded(f"{self._taken} requests are under way, as many as are taken; try again in a second")
        self._taken += 1
        try:
            return await to_thread.run_sync(work, limiter=self._threads)
        finally:
            self._taken -= 1


class BodyLimit:
    """ASGI middleware: a body over the limit ends in 413, after Content-Length or as soon as one byte too many came."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with the bytes of its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # A length that is no number never gets here: the server refuses it.
        expected, received = int(Headers(scope=scope).get("content-length", "0")), 0

        async def counted() -> Message:
            nonlocal received
            if expected <= self._max_bytes:
                message = await receive()
                received += len(message.get("body", b""))
                if received <= self._max_bytes:
                    return message
            # Not TooLarge itself: FastAPI passes only HTTPException through while it reads a body.
            limit = f"the body is over {self._max_bytes:,} bytes; send fewer or shorter queries"
            raise HTTPException(TooLarge.status, limit)

        await self._app(scope, counted, send)


class HeadLimit:
    """ASGI middleware: a request line and header over `max_bytes`, or more fields than anyone needs, end in 431.

    The server stops a head that is too long while it arrives; this one also stops a head that came in one piece.
    """

    MAX_FIELDS = 100

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and (limit := self._exceeded(scope)):
            await error_response(TooLarge, f"the head of the request is over {limit}", 431, path=scope["path"])(
                scope, receive, send
            )
            return
        await self._app(scope, receive, send)

    def _exceeded(self, scope: Scope) -> str | None:
        fields = scope["headers"]
        size = len(scope["path"]) + len(scope["query_string"]) + sum(len(name) + len(value) for name, value in fields)
        if size > self._max_bytes:
            return f"{self._max_bytes:,} bytes"
        return f"{self.MAX_FIELDS} fields" if len(fields) > self.MAX_FIELDS else None
