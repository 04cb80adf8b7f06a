"""Client of authority-search: paragraph search over authoritative sources, for research agents."""

from authority_search._client import AsyncClient, Client
from authority_search._errors import (
    AccessDenied,
    AuthoritySearchError,
    ConnectionFailed,
    InvalidRequest,
    NotReady,
    Overloaded,
    ServerError,
    Timeout,
    TooLarge,
    UnknownName,
)
from authority_search.tool import BATCH_WEB_SURFER, run_tool, run_tool_async, tool_definition

__all__ = [
    "BATCH_WEB_SURFER",
    "AccessDenied",
    "AsyncClient",
    "AuthoritySearchError",
    "Client",
    "ConnectionFailed",
    "InvalidRequest",
    "NotReady",
    "Overloaded",
    "ServerError",
    "Timeout",
    "TooLarge",
    "UnknownName",
    "run_tool",
    "run_tool_async",
    "tool_definition",
]
