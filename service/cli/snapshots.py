"""Commands around snapshots: publish, list, roll back, remove, verify."""

from typing import Annotated

import typer
from rich.table import Column, Table

from index.approximate import DenseMethod
from index.encoders import load_encoder
from index.lock import write_lock
from service.cli.console import JsonOption, StageOption, out, print_json, print_removed, settings_of, shown_progress
from service.memory import snapshot_memory
from service.pipeline import open_store, run_publish

app = typer.Typer()
snapshots_app = typer.Typer()
app.add_typer(snapshots_app, name="snapshots")

IdArgument = typer.Argument(help="Snapshot id, as `authority-search snapshots` lists them.")


@app.command()
def publish(
    context: typer.Context,
    force: Annotated[
        bool, typer.Option("--force", help="Publish even where more than refresh.max_lost_share would be lost.")
    ] = False,
    stage: Annotated[bool, StageOption] = False,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Build a snapshot of everything gathered, validate it, and make it the live one.

    Only text that was never embedded before is encoded; if nothing changed, the live snapshot stays. A running
    service takes the new one over by itself. Killed at any moment, the old one stays live. Of older snapshots the
    newest stay, index.keep_snapshots of them with the live one.

    With --stage the live one stays: measure the new one first (bench run --snapshot-id), then `snapshots use` it.

    Example: [bold]authority-search publish[/]
    """
    settings = settings_of(context)
    with shown_progress() as progress:
        report = run_publish(settings, lambda: load_encoder(settings.encoder), progress, force, stage)
    if as_json:
        print_json(report)
        return
    done = "Staged" if stage else "Published"
    what = done if report.built else "Nothing changed; still live:"
    out.print(
        f"{what} {report.snapshot}: {report.pages:,} pages, {report.passages:,} passages, {report.embedded:,} embedded"
    )
    print_removed(report.removed)


@snapshots_app.callback(invoke_without_command=True)
def snapshots(context: typer.Context, as_json: Annotated[bool, JsonOption] = False) -> None:
    """List snapshots, take one back, remove or verify one.

    Without a command: the snapshots, oldest first; * is live. Memory is what a service wants for it besides its
    encoder: its own, and files that searches read. Dense is how vectors are searched, and the share of the exact first
    100 that held-out queries got.

    Example: [bold]authority-search snapshots --json[/]
    """
    if context.invoked_subcommand is not None:
        return
    store = open_store(settings_of(context))
    live, manifests = store.current_id(), store.manifests()
    memory = {one.id: snapshot_memory(store, one.id) for one in manifests}
    if as_json:
        print_json({"live": live, "snapshots": manifests, "memory": memory})
        return
    if not manifests:
        out.print("no snapshots yet; run `authority-search publish`")
        return
    # Ids are what other commands are given: never shortened, however narrow the terminal.
    table = Table(
        "",
        Column("snapshot", min_width=25, no_wrap=True),
        "created",
        "pages",
        "passages",
        "memory",
        "dense",
        "encoder",
        box=None,
    )
    for one in manifests:
        mark = "*" if one.id == live else ""
        sizes = (f"{one.pages:,}", f"{one.passages:,}", f"{memory[one.id].total / 1e9:.2f} GB")
        table.add_row(mark, one.id, one.created, *sizes, _dense(one.dense), one.encoder.model)
    out.print(table)


def _dense(method: DenseMethod) -> str:
    return f"{method.name} {method.recall:.3f}"


@snapshots_app.command()
def use(context: typer.Context, snapshot_id: Annotated[str, IdArgument]) -> None:
    """Make an earlier (or later) snapshot the live one; running services follow.

    Example: [bold]authority-search snapshots use 20260101T000000Z-0123abcd[/]
    """
    settings = settings_of(context)
    with write_lock(settings.data_dir):
        open_store(settings).publish(snapshot_id)
    out.print(f"live: {snapshot_id}")


@snapshots_app.command()
def remove(context: typer.Context, snapshot_id: Annotated[str, IdArgument]) -> None:
    """Delete a snapshot that is not live.

    Example: [bold]authority-search snapshots remove 20260101T000000Z-0123abcd[/]
    """
    settings = settings_of(context)
    with write_lock(settings.data_dir):
        open_store(settings).remove(snapshot_id)
    out.print(f"removed: {snapshot_id}")


@snapshots_app.command()
def verify(
    context: typer.Context,
    snapshot_id: Annotated[str | None, typer.Argument(help="Snapshot id; default: the live one.")] = None,
) -> None:
    """Compare every file of a snapshot with the digests in its manifest.

    Example: [bold]authority-search snapshots verify[/]
    """
    snapshot = open_store(settings_of(context)).open(snapshot_id)
    snapshot.verify()
    out.print(f"{snapshot.manifest.id}: {len(snapshot.manifest.files)} files are as published")
