"""`bench report`: draws a report again from its `results.json`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.console import failing_clearly
from bench.report_file import load_report
from service.cli.console import JsonOption, out, print_json


def report(
    results: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A results.json of the bench.")],
    folder: Annotated[Path | None, typer.Option("--out", help="Where to write. Default: beside the results.")] = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Draw the report of earlier results again: report.html, which needs no network, and plots/*.png.

    Example: [bold]authority-search bench report data/bench/results.json[/]
    """
    # Only here, because it brings the template engine.
    from bench.report import write_report

    with failing_clearly():
        page = write_report(load_report(results), folder or results.parent)
    if as_json:
        print_json({"report": page})
    else:
        out.print(escape(str(page)))
