"""The command that tells what is covered."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Column, Table

from index.catalog import Catalog
from index.files import write_atomically
from index.lock import write_lock
from index.store import DataFolder
from service.cli.console import JsonOption, out, print_json, settings_of
from service.coverage import coverage_of
from service.coverage_page import HEADINGS, cells, coverage_page
from service.pipeline import load_sources

app = typer.Typer()
"""Joined into the command line by `service.cli.main`."""


@app.command()
def coverage(
    context: typer.Context,
    by: Annotated[
        Literal["tiers", "sectors", "sources"], typer.Option(help="What makes a line of the table.")
    ] = "sources",
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML page to this file.")] = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Tell what the catalogue covers: pages, passages, age, errors and refusals by source, sector and tier.

    Ages are the days since pages were last looked at: their median, and the oldest. Errors and denials (by robots.txt)
    are of the newest run of each source. Noted is what the list of sources says that a
    crawler meets there.

    Example: [bold]authority-search coverage --by sectors --html coverage.html[/]
    """
    settings = settings_of(context)
    # The catalogue is open to one process at a time.
    with write_lock(settings.data_dir), Catalog(DataFolder(settings.data_dir).catalog) as catalog:
        report = coverage_of(catalog, load_sources(settings), datetime.now(UTC))
    if html:
        write_atomically(html, coverage_page(report).encode())
    if as_json:
        print_json(report)
        return
    table = Table(Column("", overflow="fold"), *(Column(heading, justify="right") for heading in HEADINGS), box=None)
    for line in (*getattr(report, by), report.total):
        table.add_row(escape(line.name), *cells(line))
    out.print(table)
    out.print(f"{report.total.sources:,} of {report.listed:,} listed sources were crawled")
