"""The server under the app: uvicorn, with a bound on connections and on how long a caller may keep one waiting.

Without it a caller that sends a byte now and then ("slow loris"), or never takes its reply, holds one for ever.
"""

import asyncio
import resource
import socket
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.errors import InvalidRequest, Overloaded, ServiceError, TooLarge
from service.http_errors import error_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from service.settings import ServerSettings

_Part = Literal["head", "body"]

# Those of two snapshots, models and logs.
_OTHER_FILES = 1024


def server_config(app: "ASGIApp", settings: "ServerSettings", **others: Any) -> uvicorn.Config:
    """How uvicorn serves `app`; `others` are further options of uvicorn."""

    class Bounded(_BoundedConnection):
        limits = settings

    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=Bounded,
        # The app has none, and an upgraded connection would be out of reach of the bounds.
        ws="none",
        h11_max_incomplete_event_size=settings.max_header_bytes,
        timeout_keep_alive=settings.keep_alive_seconds,
        server_header=False,
        access_log=False,
        **{"log_level": "warning", **others},
    )


def make_room(connections: int) -> bool:
    """Raise this process's limit of open files, as far as it may, so that each connection has one. Whether it sufficed.

    Many systems begin with 1,024, which thousands of callers would use up.
    """
    wanted = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft == resource.RLIM_INFINITY or soft >= wanted


class _BoundedConnection(H11Protocol):
    """One connection. Each head and each body has a time of its own in which it must be whole."""

    limits: "ClassVar[ServerSettings]"
    _timer: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None
    _awaited: tuple[_Part | None, object] = (None, None)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Head and body of a reply are two writes, and the second would wait for the caller to confirm the first: 40 ms.
        # asyncio sees to it only for sockets that it opened itself.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self.connections) > self.limits.max_connections:
            message = "as many connections are open as are taken; try again in a second"
            self._refuse(Overloaded, 429, message, {"Retry-After": "1"})
        else:
            self._set_timer()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._set_timer()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._set_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._end_if_stuck()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stuck and not self.transport.is_closing():
            self._stuck.cancel()
            self._stuck = None

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._end_if_stuck()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._timer, self._stuck):
            if timer:
                timer.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Uvicorn calls it for what h11 cannot read, and for a head that grows over its limit."""
        del msg
        if len(self.conn.trailing_data[0]) > self.limits.max_header_bytes:
            self._refuse(TooLarge, 431, f"the head of the request is over {self.limits.max_header_bytes:,} bytes")
        else:
            self._refuse(InvalidRequest, 400, "the request is not HTTP/1.1 as RFC 9112 has it")

    def _end_if_stuck(self) -> None:
        """Give the caller its time to take what is written; closing alone would wait for that without end."""
        if self._stuck is None:
            self._stuck = self.loop.call_later(self.limits.body_seconds, self.transport.abort)

    def _set_timer(self) -> None:
        if self.transport.is_closing():
            self._end_if_stuck()
            return
        # By request: what is awaited of the next one gets its full time.
        awaited = (self._part_awaited(), self.cycle)
        if awaited == self._awaited:
            return
        self._awaited = awaited
        if self._timer:
            self._timer.cancel()
        if part := awaited[0]:
            seconds = self.limits.header_seconds if part == "head" else self.limits.body_seconds
            self._timer = self.loop.call_later(seconds, self._too_late, part, seconds)

    def _part_awaited(self) -> _Part | None:
        """What the caller owes. Between two requests nothing: that is the time of keep-alive."""
        if self.conn.their_state is h11.SEND_BODY:
            return "body"
        begun = self.cycle is None or self.conn.trailing_data[0]
        return "head" if self.conn.their_state is h11.IDLE and begun else None

    def _too_late(self, part: _Part, seconds: float) -> None:
        self._refuse(InvalidRequest, 408, f"the {part} of the request was not whole after {seconds:g} seconds")

    def _refuse(
        self, kind: type[ServiceError], status: int, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Say why, unless a reply has begun, and close."""
        if self.cycle is not None:
            # The app gets to know that its caller has left, and whatever it still sends is dropped.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            reply = error_response(kind, message, status, {"Connection": "close", **(headers or {})})
            head = h11.Response(status_code=status, headers=reply.raw_headers, reason=HTTPStatus(status).phrase)
            bodiless = self.conn.our_state is h11.SEND_RESPONSE and self.scope["method"] == "HEAD"
            body = [] if bodiless else [h11.Data(data=bytes(reply.body))]
            for event in (head, *body, h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        self._end_if_stuck()
