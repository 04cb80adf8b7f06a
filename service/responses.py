"""What the routes have in common: JSON replies, and the errors that the API description names."""

from collections.abc import Iterable, Mapping
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
        "description": "More waits than can be answered in time, or the key's quota is used up; see Retry-After",
    },
    500: {"model": ErrorReply, "description": "A defect; the log has it under the reply's X-Request-Id"},
    503: {"model": ErrorReply, "description": "No snapshot is open yet; Retry-After says when to come back"},
    504: {"model": ErrorReply, "description": "Not answered in time: by the service's deadline or X-Deadline-Ms"},
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
    return written_response(reply.model_dump_json(), status, headers)


def written_response(body: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A body that is JSON already."""
    return Response(body, status, headers, media_type="application/json")
