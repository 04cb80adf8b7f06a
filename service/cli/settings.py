"""The command that shows the table of settings."""

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from service.cli.console import JsonOption, out, print_json, settings_of
from service.settings import Settings, setting_rows

app = typer.Typer()


@app.command(name="settings")
def settings_command(context: typer.Context, as_json: Annotated[bool, JsonOption] = False) -> None:
    """Show every setting: its value in force, its default, what it means.

    Set one in authority-search.toml ([crawl] max_pages = 50), or by environment variable
    (AUTHORITY_SEARCH_CRAWL__MAX_PAGES=50).

    Example: [bold]authority-search settings --json[/]
    """
    settings = settings_of(context)
    if as_json:
        print_json(settings)
        return
    table = Table("setting", "value", "default", "what it means", box=None)
    for row in setting_rows():
        value = _value(settings, row.name)
        shown = f"[bold]{escape(str(value))}[/]" if value != row.default else str(value)
        table.add_row(row.name, shown, escape(str(row.default)), escape(row.description))
    out.print(table)


def _value(settings: Settings, name: str) -> Any:
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value
