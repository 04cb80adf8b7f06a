"""`bench soak`: mixed load with publishes and killed writers under it, every answer checked."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bench.console import failing_clearly, noted
from bench.load.console import show_sections
from bench.load.page import write_soak
from bench.load.running import ended_by_sigterm, service_command, started
from bench.load.soak import Soak, SoakRun
from bench.load.soak_data import prepare, soak_folder
from bench.load.soak_report import check_answers, soak_report
from bench.load.texts import load_texts
from bench.load.view import soak_sections
from index.encoders import load_encoder
from index.lock import write_lock
from index.rerankers import load_reranker
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from service.cli.console import (
    EXIT_FAILED,
    GlobalOptions,
    JsonOption,
    print_json,
    settings_of,
    shown_progress,
)
from service.pipeline import open_store
from service.searcher import Searcher
from service.settings import Settings

# Swaps are told apart from quiet time: the service looks often, so that little of either is in the other.
_ENVIRONMENT = {"AUTHORITY_SEARCH_SERVER__POLL_SECONDS": "0.1"}


def soak(
    context: typer.Context,
    minutes: Annotated[float, typer.Option(min=0.05, help="How long the load lasts.")] = 1.0,
    swaps: Annotated[int, typer.Option(min=1, help="Snapshots published meanwhile.")] = 10,
    kills: Annotated[int, typer.Option(min=0, help="Writers killed at their work meanwhile.")] = 3,
    pages: Annotated[int, typer.Option(min=2, help="Most pages of the live snapshot that are used.")] = 2000,
    rate: Annotated[
        float, typer.Option(min=0, help="Requests a second; 0 takes half of what 4 callers reach at first.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Of requests, arrivals and the moments of kills.")] = 1,
    queries: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Queries: JSON lines, TSV, topics, or .txt with one a line."),
    ] = None,
    work_dir: Annotated[Path, typer.Option(help="Where the soak's own data folder is made and removed.")] = Path(
        "data/bench"
    ),
    out_dir: Annotated[
        Path | None, typer.Option("--out", file_okay=False, help="Folder for soak.json and soak.html.")
    ] = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Soak a service in mixed load while snapshots are published under it and writers are killed with SIGKILL.

    Variants of the live snapshot, each without every 17th page, are published in a data folder of the soak's own; the
    live one is only read. Every answer is compared with a direct call on the snapshot it names. Exits with 1 when an
    answer was wrong or a request failed.

    Example: [bold]authority-search bench soak --minutes 10 --out report[/]
    """
    settings = settings_of(context)
    options: GlobalOptions = context.obj
    asked = Soak(minutes * 60, swaps, min(kills, swaps), pages, rate, seed)
    folder = soak_folder(work_dir)
    with failing_clearly(), shown_progress() as progress, ended_by_sigterm(), write_lock(work_dir):
        texts = load_texts(queries)
        source = open_store(settings).open()
        shutil.rmtree(folder.root, ignore_errors=True)
        try:
            keep = folder.root / "replies"
            keep.mkdir(parents=True)
            prepare(source, folder, pages)
            command = service_command(options.settings_file, folder.root)
            with started("the service", command, _ENVIRONMENT) as service:
                run = SoakRun(service, source, folder, texts, asked, progress)
                observed, journal = run.run(keep)
            # The service has ended: checking has the machine for itself.
            checked = check_answers(observed, run.mix, keep, _searchers(folder, settings), progress)
            report = soak_report(observed, journal, checked, _told(settings, source, asked, run.rate))
        finally:
            shutil.rmtree(folder.root, ignore_errors=True)
        files = write_soak(report, out_dir) if out_dir else ()
    for path in files:
        noted(f"wrote {path}")
    if as_json:
        print_json(report)
    else:
        show_sections(soak_sections(report))
        for one in report.wrong:
            noted(f"wrong: {one}")
        for one in report.differences:
            noted(f"rounded: {one}")
    if report.wrong_answers or report.failed:
        raise typer.Exit(EXIT_FAILED)


def _told(settings: Settings, source: Snapshot, asked: Soak, rate: float) -> dict[str, str]:
    return {
        "snapshot": source.manifest.id,
        "pages": f"{min(asked.pages, source.columns.page_count):,}",
        "encoder.model": settings.encoder.model,
        "reranker.model": settings.reranker.model or "none",
        "seconds": f"{asked.seconds:g}",
        "requests a second": f"{rate:.1f}",
        "swaps": str(asked.swaps),
        "kills": str(asked.kills),
        "seed": str(asked.seed),
    }


def _searchers(folder: DataFolder, settings: Settings) -> Callable[[str], Searcher]:
    """Opens searchers by snapshot id. The models are loaded here, after the load, which they would disturb."""
    encoder = load_encoder(settings.encoder)
    reranker = load_reranker(settings.reranker, settings.encoder)
    store = SnapshotStore(folder)
    return lambda snapshot_id: Searcher(store.open(snapshot_id), encoder, settings.ranking, reranker)
