"""What the bench's commands share: notes to the user, and its errors as one line and an exit code."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.markup import escape

from bench.errors import BenchError
from service.cli.console import EXIT_FAILED, err


def noted(sentence: str) -> None:
    """Show a note on standard error."""
    err.print(f"[dim]note:[/] {escape(sentence)}")


@contextmanager
def failing_clearly() -> Iterator[None]:
    """An error of the bench is one line and exit code 1."""
    try:
        yield
    except BenchError as error:
        err.print(f"[bold red]error:[/] {escape(str(error))}")
        raise typer.Exit(EXIT_FAILED) from error
