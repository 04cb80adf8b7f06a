"""The whole command line: the product's commands and the bench's."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from bench.beir import read_collection
from bench.errors import BenchError
from bench.evaluate import MEASURES, evaluate, open_collection
from index.encoders import load_encoder
from service.cli.console import (
    EXIT_FAILED,
    JsonOption,
    err,
    out,
    print_json,
    run_command,
    settings_of,
    shown_progress,
)
from service.cli.main import app

bench_app = typer.Typer(no_args_is_help=True, help="Measure retrieval offline, on judged collections.")
app.add_typer(bench_app, name="bench")


@bench_app.callback()
def _bench() -> None:
    """A callback, so that `bench` stays a group of commands."""


@bench_app.command()
def beir(
    context: typer.Context,
    folders: Annotated[list[Path], typer.Argument(exists=True, file_okay=False, help="Collections in BEIR layout.")],
    split: Annotated[str, typer.Option(help="Which judgments: qrels/<split>.tsv.")] = "test",
    work_dir: Annotated[Path, typer.Option(help="Where indexes and vectors of collections are kept.")] = Path(
        "data/bench"
    ),
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Index BEIR collections and judge both arms and their fusion with the product's own searcher.

    Example: [bold]authority-search bench beir collections/scifact[/]
    """
    settings = settings_of(context)
    try:
        collections = [read_collection(folder, split) for folder in folders]
    except BenchError as error:
        err.print(f"[bold red]error:[/] {escape(str(error))}")
        raise typer.Exit(EXIT_FAILED) from error
    encoder = load_encoder(settings.encoder)
    rows = []
    with shown_progress() as progress:
        for collection in collections:
            searcher = open_collection(collection, work_dir / collection.name, encoder, settings.ranking, progress)
            rows += evaluate(collection, searcher, progress)
    if as_json:
        print_json(rows)
        return
    table = Table("collection", "system", "queries", *MEASURES, box=None)
    for row in rows:
        table.add_row(row.collection, row.system, str(row.queries), *(f"{value:.4f}" for value in row.values.values()))
    out.print(table)


def main() -> None:
    """Run the command line; the console script."""
    run_command(app)
