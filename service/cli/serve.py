"""The command that serves."""

import gc
import logging
import socket
import sys
from contextlib import suppress
from typing import Annotated

import typer
from rich.markup import escape

from index.encoders import load_encoder
from index.rerankers import load_reranker
from service.access.door import require_safe
from service.access.keys import KeyFile
from service.access.settings import KeysNeeded
from service.cli.console import err, settings_of
from service.live import LiveSearcher
from service.memory import require_memory
from service.pipeline import open_store
from service.settings import Settings

app = typer.Typer()


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address; overrides server.host.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; overrides server.port.")] = None,
    keys: Annotated[KeysNeeded | None, typer.Option(help="Who needs an API key; overrides access.keys.")] = None,
) -> None:
    """Serve the live snapshot over HTTP: POST /batch_search and /batch_open, GET /sources, /coverage, /health, /ready.

    A newly published snapshot is picked up without a restart. The page /docs describes the API. On an address that
    other machines reach, callers need an API key (`authority-search keys create`).

    Example: [bold]authority-search serve --port 8080[/]
    """
    import uvicorn

    from service.app import create_app
    from service.http_server import make_room, server_config
    from service.tracing import exported_traces

    settings = settings_of(context)
    changes = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    server = settings.server.model_copy(update=changes)
    access = settings.access.model_copy(update={"keys": keys} if keys else {})
    key_file = KeyFile(settings.data_dir)
    require_safe(server.host, access, key_file)
    live = live_searcher(settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("httpx", "mcp", "sentence_transformers"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # A reply is some hundred short-lived objects: looking for cycles among them took a fifth of the time.
    gc.set_threshold(50_000, 20, 50)
    # How long a thread may keep the interpreter lock from one that waits for it, as the encoder with its next batch.
    sys.setswitchinterval(0.0005)
    if not make_room(server.max_connections):
        err.print(f"this process may not open {server.max_connections:,} connections; raise its limit (ulimit -n)")
    traces = exported_traces(server.traces) if server.traces else None
    config = server_config(create_app(live, server, key_file, access, traces=traces), server)
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.create_server((server.host, server.port), family=family, backlog=config.backlog) as listener:
        shown = f"[{server.host}]" if ":" in server.host else server.host
        address = f"http://{shown}:{listener.getsockname()[1]}"
        err.print(f"serving on {escape(address)} (console: /, API: /docs); Ctrl-C ends it")
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run([listener])


def live_searcher(settings: Settings) -> LiveSearcher:
    """What follows the published snapshots, not started.

    Raises SnapshotNotFound where none is published yet, NotReady where memory for it is lacking.
    """
    store = open_store(settings)
    # Fails here, with advice, rather than in a server that never becomes ready.
    snapshot = store.open()
    require_memory(store, snapshot.manifest.id, settings.index.memory_gb, encoder_loaded=False)
    return LiveSearcher(
        store,
        lambda: load_encoder(settings.encoder),
        settings.ranking,
        settings.server.poll_seconds,
        lambda: load_reranker(settings.reranker, settings.encoder),
        settings.server.arm_seconds,
        settings.dense.device,
        settings.index.memory_gb,
    )
