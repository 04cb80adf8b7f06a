"""The command that speaks MCP over standard input and output."""

import asyncio
from importlib.metadata import version
from importlib.util import find_spec
from typing import Annotated

import typer

from service.cli.console import settings_of
from service.cli.serve import live_searcher
from service.errors import InvalidSettings
from service.gateway import Gateway

app = typer.Typer()


@app.command()
def mcp(
    context: typer.Context,
    url: Annotated[
        str | None, typer.Option("--url", help="Ask this running service instead of opening the snapshot here.")
    ] = None,
) -> None:
    """Speak the Model Context Protocol over standard input and output, for clients that start their servers.

    A running service speaks it at /mcp too, and needs no second encoder in memory. Needs the extra mcp.

    Example: [bold]authority-search mcp --url http://127.0.0.1:8080[/]
    """
    if find_spec("mcp") is None:
        raise InvalidSettings("MCP needs its SDK; pip install 'authority-search-server[mcp]'")
    from service.adapters.mcp_stdio import serve_remote, serve_stdio

    release = version("authority-search-server")
    if url is not None:
        asyncio.run(serve_remote(url, release))
        return
    settings = settings_of(context)
    live = live_searcher(settings)
    # Loaded before the first call, which would have to wait; afterwards new snapshots are followed.
    live.refresh()
    live.current()
    gateway = Gateway(live, settings.server)
    gateway.start()
    try:
        asyncio.run(serve_stdio(gateway, release))
    finally:
        gateway.close()
