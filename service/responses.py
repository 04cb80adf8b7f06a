"""What the routes have in common: JSON replies, and the errors that the API description names."""

from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from authority_search.models import ErrorReply

Responses = dict[int | str, dict[str, Any]]

BUSY: Responses = {
    429: {"model": ErrorReply, "description": "Too many requests under way; Retry-After says when to come back"},
    500: {"model": ErrorReply, "description": "A defect; the log has it under the reply's X-Request-Id"},
    503: {"model": ErrorReply, "description": "No snapshot is open yet; Retry-After says when to come back"},
}
ERRORS: Responses = {
    413: {"model": ErrorReply, "description": "The body is too large"},
    422: {"model": ErrorReply, "description": "The request is wrong; the message names the field and what to do"},
    **BUSY,
}


def json_response(reply: BaseModel, status: int = 200) -> Response:
    """`reply` as a JSON body."""
    return Response(reply.model_dump_json(), status, media_type="application/json")
