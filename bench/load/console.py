"""Sections of a load report on the terminal."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from bench.load.view import Section
from service.cli.console import out


def show_sections(sections: Sequence[Section]) -> None:
    """Print the tables, without the curves."""
    for section in sections:
        table = Table(box=None, pad_edge=False, title=escape(section.title), title_justify="left", title_style="bold")
        for number, name in enumerate(section.columns):
            table.add_column(escape(name), justify="right" if number else "left", overflow="fold")
        for row in section.rows:
            table.add_row(*map(escape, row))
        out.print(table)
        out.print()
