"""`bench load`: how much the service takes, how fast, and against what."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bench.console import failing_clearly, noted
from bench.load.console import show_sections
from bench.load.floor import Floor
from bench.load.measure import BATCHES, CALLERS, Load, LoadBench, load_aims
from bench.load.page import write_load
from bench.load.records import Against, LoadReport, Overhead
from bench.load.running import Running, attach, ended_by_sigterm, plain_command, service_command, started
from bench.load.texts import load_texts
from bench.load.view import load_sections
from bench.machine import machine
from index.encoders import load_encoder
from index.rerankers import load_reranker
from index.snapshot import Snapshot
from service.cli.console import GlobalOptions, JsonOption, print_json, settings_of, shown_progress
from service.pipeline import open_store
from service.searcher import Searcher
from service.settings import Settings


def load(
    context: typer.Context,
    url: Annotated[
        str | None, typer.Option(help="A running service. Default: one is started over the live snapshot.")
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Queries: JSON lines, TSV, topics, or .txt with one a line."),
    ] = None,
    batch: Annotated[list[int] | None, typer.Option(min=1, max=2560, help="Queries in a request.")] = None,
    callers: Annotated[list[int] | None, typer.Option(min=1, max=4096, help="Concurrent callers.")] = None,
    rate: Annotated[
        list[float] | None,
        typer.Option(min=0.1, help="Requests a second of the open loop. Default: shares of its most."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long each load lasts at least.")] = 5.0,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of what is compared.")] = 5,
    in_flight: Annotated[int, typer.Option(min=1, help="Largest batch × callers that is tried.")] = 4096,
    top_k: Annotated[int, typer.Option(min=1, max=100, help="Hits asked for.")] = 10,
    floor: Annotated[bool, typer.Option(help="Compare with the engines called directly.")] = True,
    peer: Annotated[bool, typer.Option(help="Compare with the plain server.")] = True,
    out_dir: Annotated[
        Path | None, typer.Option("--out", file_okay=False, help="Folder for load.json and load.html.")
    ] = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Measure queries a second and latency by batch size and concurrency, and what the service adds to its engines.

    The service runs in a process of its own over the live snapshot of the data folder, and so do the load generator
    and the plain server that it is compared with. No two queries are equal, so that no cache answers.

    Example: [bold]authority-search --data-dir demo-data bench load --out report[/]

    A quick look: [bold]authority-search bench load --batch 1 --batch 32 --callers 64 --seconds 2 --rounds 3[/]

    With --url the load goes to a service that runs already. The floor and the plain server are then measured only if
    the data folder's live snapshot is the one it serves.
    """
    settings = settings_of(context)
    asked = Load(
        tuple(batch or BATCHES),
        tuple(callers or CALLERS),
        tuple(rate or ()),
        seconds,
        rounds,
        in_flight,
        {"top_k": top_k},
    )
    options: GlobalOptions = context.obj
    with failing_clearly(), shown_progress() as progress, ended_by_sigterm(), ExitStack() as running:
        texts = load_texts(queries)
        service = _service(url, settings, options.settings_file, running)
        snapshot = _compared_snapshot(settings, service) if floor or peer else None
        plain = None
        if peer and snapshot:
            command = plain_command(options.settings_file, settings.data_dir)
            plain = running.enter_context(started("the plain server", command))
        bench = LoadBench(service, texts, asked, progress, noted)
        report = _report(bench, settings, service, plain, snapshot if floor else None)
        files = write_load(report, out_dir) if out_dir else ()
    for path in files:
        noted(f"wrote {path}")
    if as_json:
        print_json(report)
    else:
        show_sections(load_sections(report))


def _service(url: str | None, settings: Settings, settings_file: Path | None, running: ExitStack) -> Running:
    if url:
        return attach(url)
    open_store(settings).open()  # Says what to do where nothing is published.
    return running.enter_context(started("the service", service_command(settings_file, settings.data_dir)))


def _compared_snapshot(settings: Settings, service: Running) -> Snapshot | None:
    """The snapshot that the service serves, None (and said) where the data folder does not have it live."""
    store = open_store(settings)
    live = store.current_id()
    if live == service.snapshot and live is not None:
        return store.open()
    noted(
        f"{settings.data_dir} has {live or 'nothing'} live and the service serves {service.snapshot}: neither the "
        "floor nor the plain server can be compared; --data-dir names another folder"
    )
    return None


def _report(
    bench: LoadBench, settings: Settings, service: Running, plain: Running | None, compared: Snapshot | None
) -> LoadReport:
    closed = bench.closed()
    cells = (*closed, *bench.open(closed))
    overheads, against = list[Overhead](), list[Against]()
    if compared:
        encoder = load_encoder(settings.encoder)
        engines = Floor(compared, encoder, settings.ranking.depth)
        reranker = load_reranker(settings.reranker, settings.encoder)
        overheads = bench.overheads(engines, Searcher(compared, encoder, settings.ranking, reranker))
        against += bench.over_encoder(engines)
    if plain:
        against += bench.over_plain(plain)
    aims = tuple(load_aims(overheads, against))
    told = {
        "snapshot": service.snapshot or "",
        "passages": f"{len(compared.columns):,}" if compared else "unknown",
        "encoder.model": settings.encoder.model,
        "reranker.model": settings.reranker.model or "none",
        **bench.told(),
    }
    created = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return LoadReport("bench load", created, machine(), told, cells, tuple(overheads), tuple(against), aims)
