"""The one place that turns errors into HTTP: every error body is `{"error": …, "error_type": …}`.

But for routes that speak another service's protocol, whose shapes `service.error_shapes` knows.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from authority_search.models import ErrorReply
from authority_search.validation import clip, explain
from service.error_shapes import write_error
from service.errors import Internal, InvalidRequest, NotFound, ServiceError, TooLarge
from service.request_facts import FACTS

MAX_MESSAGE_CHARACTERS = 1000
REQUEST_ID = "X-Request-Id"

_log = logging.getLogger(__name__)
_USABLE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_UNREADABLE = {
    UnicodeDecodeError: "it is not UTF-8 text",
    RecursionError: "it is nested too deeply",
    ValueError: "a number in it has too many digits",
}


def error_response(
    kind: type[ServiceError],
    message: str,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    path: str = "",
) -> Response:
    """The reply of the route at `path` for an error of `kind`; `status` only where it is not the one of `kind`."""
    error = ErrorReply(error=clip(message, MAX_MESSAGE_CHARACTERS), error_type=kind.error_type)
    written = write_error(path, error, status or kind.status)
    return Response(written.body, written.status, headers, media_type="application/json")


def service_error_response(error: ServiceError, path: str) -> Response:
    """The reply of the route at `path` for an error as it was raised."""
    return error_response(type(error), str(error), headers=retry_header(error), path=path)


def retry_header(error: ServiceError) -> Mapping[str, str]:
    """When to come back, where the error says so."""
    return {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}


async def _on_service_error(request: Request, error: Exception) -> Response:
    if isinstance(error, Internal):
        _log_defect(request.scope, error)
    return service_error_response(cast(ServiceError, error), request.url.path)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    path = request.url.path
    problems = cast(RequestValidationError, error).errors()
    first = problems[0]
    if first["type"] == "json_invalid":
        reason = f"{first['ctx']['error']} at character {first['loc'][-1]}"
        return error_response(InvalidRequest, f"the body is not JSON: {reason}; send a JSON object", path=path)
    return error_response(InvalidRequest, explain([_within_body(problem) for problem in problems]), path=path)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: unknown routes and methods, bodies too large or not JSON."""
    refused, path = cast(HTTPException, error), request.url.path
    if refused.status_code == 404:
        return error_response(NotFound, f"there is no {clip(path)}; /docs lists what there is", path=path)
    if refused.status_code == 405:
        allowed = (refused.headers or {}).get("Allow", "")
        message = f"{clip(path)} does not take {clip(request.method)}; send {allowed}"
        return error_response(InvalidRequest, message, 405, refused.headers, path=path)
    if refused.status_code == TooLarge.status:
        return error_response(TooLarge, refused.detail, path=path)
    reason = _UNREADABLE.get(type(refused.__cause__), "it broke off")
    return error_response(InvalidRequest, f"the body cannot be read as JSON: {reason}; send a JSON object", path=path)


HANDLERS: Mapping[Any, ExceptionHandler] = {
    ServiceError: _on_service_error,
    RequestValidationError: _on_validation_error,
    HTTPException: _on_http_exception,
}


class RequestIds:
    """ASGI middleware: each reply carries `X-Request-Id`, given or made here, and so does the log of a defect.

    It stands outside of all that may fail, and turns what nobody caught into a 500 without a trace of the inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        # An id goes into the log, so only one that cannot break a line there is taken over.
        request_id = given if _USABLE_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        if facts := FACTS.get():
            facts.request_id = request_id
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            _log_defect(scope, error)
            if started:
                raise
            message = f"the service failed; its log has the details under {request_id}"
            failed = error_response(Internal, message, path=scope["path"])
            await failed(scope, receive, send_with_id)


def _log_defect(scope: Scope, error: Exception) -> None:
    request_id = scope["state"]["request_id"]
    _log.error("%s %r failed; request %s", scope["method"], scope["path"], request_id, exc_info=error)


def _within_body(problem: Mapping[str, Any]) -> Any:
    return {**problem, "loc": problem["loc"][1:]}
