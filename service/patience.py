"""How long a request is worked on: until its deadline, and only while its caller is there."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import DeadlineExceeded, InvalidRequest
from service.http_errors import service_error_response

DEADLINE = "X-Deadline-Ms"


class Patience:
    """ASGI middleware: cancels a request whose caller hung up, or whose deadline passes, and answers the latter 504.

    A request may set its own deadline in milliseconds by the header `X-Deadline-Ms`, up to `seconds`. Cancelling is all
    there is to it: what waits for a place or an answer ends with the task that waits.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, as long as someone waits for it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            seconds = _deadline(Headers(scope=scope).get(DEADLINE), self._seconds)
        except InvalidRequest as error:
            await service_error_response(error, scope["path"])(scope, receive, send)
            return
        watched = _Watched(receive)
        deadline = asyncio.timeout(seconds)

        async def begun(message: Message) -> None:
            # What is being answered is in time, however long the caller takes to read it.
            deadline.reschedule(None)
            await send(message)

        try:
            async with deadline:
                await self._app(scope, watched.receive, begun)
        except TimeoutError:
            if not deadline.expired():
                raise
            late = DeadlineExceeded(f"not answered within {seconds:g} s; send fewer queries, or try again later")
            await service_error_response(late, scope["path"])(scope, receive, send)
        except asyncio.CancelledError:
            # Nobody is there to be answered. Any other cancelling is the server's own.
            if not watched.left:
                raise
        finally:
            watched.end()


class _Watched:
    """What a caller sends. Once the body is complete, a task waits for the one thing left to come: that it hangs up."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._request = asyncio.current_task()
        self._watch: asyncio.Task[None] | None = None
        self.left = False

    async def receive(self) -> Message:
        """The next message."""
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body") and self._watch is None:
            self._watch = asyncio.create_task(self._until_left())
        return message

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        if self._request is not None:
            self._request.cancel()

    def end(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.cancel()


def _deadline(given: str | None, most: float) -> float:
    """Seconds. Raises InvalidRequest for what is no whole number above 0."""
    if given is None:
        return most
    with suppress(ValueError):
        if given.isascii() and int(given) > 0:
            return min(int(given) / 1000, most)
    raise InvalidRequest(f"header {DEADLINE}: write milliseconds as a whole number above 0, such as 2500")
