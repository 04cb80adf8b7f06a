"""The whole command line: the product's commands and the bench's."""

import typer

from bench import cli_run
from bench.authority_cli import authority
from bench.encoders_cli import encoders
from bench.gate_cli import gate
from bench.kills_cli import kills
from bench.load.load_cli import load
from bench.load.soak_cli import soak
from bench.passages_cli import passages
from bench.report_cli import report
from bench.scale.scale_cli import scale
from service.cli.console import run_command
from service.cli.main import app

bench_app = typer.Typer(no_args_is_help=True, help="Measure retrieval offline, on judged collections.")
app.add_typer(bench_app, name="bench")


bench_app.command("run", help=cli_run.HELP)(cli_run.run)
bench_app.command("report")(report)
bench_app.command("gate")(gate)
bench_app.command("authority")(authority)
bench_app.command("passages")(passages)
bench_app.command("kills")(kills)
bench_app.command("encoders")(encoders)
bench_app.command("load")(load)
bench_app.command("soak")(soak)
bench_app.command("scale")(scale)


def main() -> None:
    """Run the command line; the console script."""
    run_command(app)
