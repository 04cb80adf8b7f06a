"""The command that serves."""

import gc
import logging
import socket
from contextlib import suppress
from typing import Annotated

import typer
from rich.markup import escape

from index.encoders import load_encoder
from index.rerankers import load_reranker
from service.cli.console import err, settings_of
from service.pipeline import open_store

app = typer.Typer()


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address; overrides server.host.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; overrides server.port.")] = None,
) -> None:
    """Serve the live snapshot over HTTP: POST /batch_search and /batch_open, GET /sources, /coverage, /health, /ready.

    A newly published snapshot is picked up without a restart. The page /docs describes the API.

    Example: [bold]authority-search serve --port 8080[/]
    """
    import uvicorn

    from service.app import create_app
    from service.live import LiveSearcher

    settings = settings_of(context)
    changes = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    server = settings.server.model_copy(update=changes)
    store = open_store(settings)
    store.open()  # Fails here, with advice, rather than in a server that never becomes ready.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("httpx", "sentence_transformers"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    live = LiveSearcher(
        store,
        lambda: load_encoder(settings.encoder),
        settings.ranking,
        server.poll_seconds,
        lambda: load_reranker(settings.reranker, settings.encoder),
        server.arm_seconds,
    )
    # A reply is some hundred short-lived objects: looking for cycles among them took a fifth of the time.
    gc.set_threshold(50_000, 20, 50)
    config = uvicorn.Config(create_app(live, server), log_level="warning")
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.create_server((server.host, server.port), family=family, backlog=config.backlog) as listener:
        shown = f"[{server.host}]" if ":" in server.host else server.host
        address = f"http://{shown}:{listener.getsockname()[1]}"
        err.print(f"serving on {escape(address)} (API: /docs); Ctrl-C ends it")
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run([listener])
