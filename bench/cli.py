"""The whole command line: the product's commands and the bench's."""

import typer

from bench import cli_run
from service.cli.console import run_command
from service.cli.main import app

bench_app = typer.Typer(no_args_is_help=True, help="Measure retrieval offline, on judged collections.")
app.add_typer(bench_app, name="bench")


@bench_app.callback()
def _bench() -> None:
    """A callback, so that `bench` stays a group of commands."""


bench_app.command("run", help=cli_run.HELP)(cli_run.run)


def main() -> None:
    """Run the command line; the console script."""
    run_command(app)
