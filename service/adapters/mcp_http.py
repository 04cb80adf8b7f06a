"""MCP over streamable HTTP: one POST route, no sessions, and no page of another origin can reach it.

Without the extra `mcp` the route is absent, and a line of the log says so.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.routing import Route

from service.access.settings import AccessSettings
from service.gateway import Gateway

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from service.settings import ServerSettings

PATH = "/mcp"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

_log = logging.getLogger(__name__)


class McpEndpoint:
    """The endpoint and what must run while it serves."""

    def __init__(self, gateway: Gateway, limits: "ServerSettings", access: AccessSettings, version: str) -> None:
        self._manager = _manager(gateway, limits, access, version)

    @property
    def routes(self) -> list[Route]:
        """The route, none without the SDK. There is no GET: nothing is ever sent that was not asked for."""
        if self._manager is None:
            return []
        return [Route(PATH, self._manager.asgi_app, methods=["POST"], include_in_schema=False)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve within this context; once only."""
        if self._manager is None:
            yield
            return
        async with self._manager.run():
            yield


def _manager(
    gateway: Gateway, limits: "ServerSettings", access: AccessSettings, version: str
) -> "StreamableHTTPSessionManager | None":
    try:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
        from mcp.server.transport_security import TransportSecuritySettings
    except ModuleNotFoundError:
        _log.info("%s is not served: the extra is missing; pip install 'authority-search-server[mcp]'", PATH)
        return None
    from service.adapters.mcp import mcp_server

    hosts = [*LOOPBACK, _host(limits.host), *access.host_names]
    security = TransportSecuritySettings(
        allowed_hosts=[name for host in hosts for name in (host, f"{host}:*")],
        allowed_origins=[
            f"{scheme}://{name}" for scheme in ("http", "https") for host in hosts for name in (host, f"{host}:*")
        ],
    )
    return StreamableHTTPSessionManager(
        mcp_server(gateway, version),
        json_response=True,
        stateless=True,
        security_settings=security,
        max_request_body_size=limits.max_body_bytes,
    )


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
