"""MCP over standard input and output, answered here or by a service elsewhere."""

from mcp.server.stdio import stdio_server

from authority_search import AsyncClient
from authority_search.models import OpenReply, OpenRequest, SearchReply, SearchRequest, SourcesReply
from service.adapters.mcp import Answers, mcp_server


class Remote:
    """Asks a running service."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def search(self, request: SearchRequest) -> SearchReply:
        """As `AsyncClient.search`."""
        return await self._client.search(**dict(request))

    async def open(self, request: OpenRequest) -> OpenReply:
        """As `AsyncClient.open`."""
        return await self._client.open(**dict(request))

    async def sources(self) -> SourcesReply:
        """As `AsyncClient.sources`."""
        return await self._client.sources()


async def serve_stdio(answers: Answers, version: str) -> None:
    """Serve until standard input ends."""
    server = mcp_server(answers, version)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


async def serve_remote(url: str, version: str) -> None:
    """Serve what the service at `url` answers, until standard input ends."""
    async with AsyncClient(url) as client:
        await serve_stdio(Remote(client), version)
