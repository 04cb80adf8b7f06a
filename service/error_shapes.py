"""How errors are written, by route: one that speaks another service's protocol writes them as its clients read them.

Everywhere else the body is `ErrorReply`.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from authority_search.models import ErrorReply
from service.adapters.tavily_models import TavilyDetail, TavilyError


class WrittenError(NamedTuple):
    """The body and the status of an error reply."""

    body: str
    status: int


def write_error(path: str, error: ErrorReply, status: int) -> WrittenError:
    """The error as the clients of the route at `path` read it."""
    return _BY_PATH.get(path, _ours)(error, status)


def _ours(error: ErrorReply, status: int) -> WrittenError:
    return WrittenError(error.model_dump_json(), status)


def _tavily(error: ErrorReply, status: int) -> WrittenError:
    # Its clients know 400, 401, 403 and 429 by name and take the message from `detail.error`.
    body = TavilyError(detail=TavilyDetail(error=error.error), error_type=error.error_type)
    return WrittenError(body.model_dump_json(), 400 if status == 422 else status)


_BY_PATH: Mapping[str, Callable[[ErrorReply, int], WrittenError]] = {"/search": _tavily, "/extract": _tavily}
