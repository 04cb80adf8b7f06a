"""The command line: `authority-search COMMAND`. Thin: each command calls one function and prints its report."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from service.cli import coverage, demo, gather, keys, look, mcp, refresh, serve, settings, snapshots, sources
from service.cli.console import EXIT_CODES, GlobalOptions

app = typer.Typer(
    name="authority-search",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_HELP = f"""
Paragraph search over a curated web of sources that can be cited.

The usual way: [bold]sources[/] to see what is listed, [bold]crawl[/] (or [bold]ingest[/] WARC files you have), then
[bold]publish[/] to build a snapshot, then [bold]serve[/] it, or [bold]search[/] from here. [bold]refresh[/] does all
of it again at the cost of what changed.

{EXIT_CODES}
"""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("authority-search-server"))
        raise typer.Exit


@app.callback(help=_HELP)
def _global_options(
    context: typer.Context,
    settings_file: Annotated[
        Path | None,
        typer.Option("--settings", help="Settings file (TOML). Default: ./authority-search.toml where there is one."),
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data folder; overrides the settings.")] = None,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del show_version
    context.obj = GlobalOptions(settings_file, data_dir)


for _commands in (sources, gather, refresh, coverage, snapshots, look, serve, mcp, keys, settings, demo):
    app.add_typer(_commands.app)
