"""What the routes have in common: JSON replies, and the errors that the API description names."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from authority_search.models import Degraded, ErrorReply

Responses = dict[int | str, dict[str, Any]]

BUSY: Responses = {
    401: {"model": ErrorReply, "description": "No valid API key; the message says how to send one"},
    403: {"model": ErrorReply, "description": "The API key does not have the scope that is needed"},
    429: {
        "model": ErrorReply,
        "description": "Too many requests under way, or the key's quota is used up; Retry-After says when to come back",
    },
    500: {"model": ErrorReply, "description": "A defect; the log has it under the reply's X-Request-Id"},
    503: {"model": ErrorReply, "description": "No snapshot is open yet; Retry-After says when to come back"},
}
ERRORS: Responses = {
    413: {"model": ErrorReply, "description": "The body is too large"},
    422: {"model": ErrorReply, "description": "The request is wrong; the message names the field and what to do"},
    **BUSY,
}


DEGRADED = "X-Degraded"


def json_response(reply: BaseModel, status: int = 200, degraded: Iterable[Degraded] = ()) -> Response:
    """`reply` as a JSON body; a header names what failed where another protocol's body has no place for it."""
    failed = ", ".join(one.arm for one in degraded)
    headers = {DEGRADED: failed} if failed else None
    return Response(reply.model_dump_json(), status, headers, media_type="application/json")
