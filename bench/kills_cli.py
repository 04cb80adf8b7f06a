"""`bench kills`: kill -9 at random moments; exit code 1 where anything was corrupt, lost or fetched in vain."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bench.console import failing_clearly, noted
from bench.kills import KillBench, KillsReport
from bench.kills_site import changing_site
from service.cli.console import EXIT_FAILED, JsonOption, counts_in_words, err, out, print_json, shown_progress


def kills(
    count: Annotated[int, typer.Option("--kills", min=1, help="Refreshes to kill.")] = 100,
    pages: Annotated[int, typer.Option(min=8, help="Pages on each of the two hosts of the site.")] = 25,
    seed: Annotated[int, typer.Option(help="Of the moments and of who is killed.")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="Processes that extract; 0: none of their own.")] = 1,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Kill refreshes of a changing site at random moments, and see that nothing is corrupt, lost or fetched in vain.

    Every second kill aims at a stage, each in turn. Needs neither network nor model weights. Fails with 1 where
    anything was wrong after a kill.

    Example: [bold]authority-search bench kills --kills 20 --seed 7[/]
    """
    with (
        failing_clearly(),
        tempfile.TemporaryDirectory() as folder,
        changing_site(pages) as site,
        shown_progress() as progress,
    ):
        report = KillBench(Path(folder), site, workers).run(count, seed, progress)
    if as_json:
        print_json(report)
    else:
        _print(report)
    for one in report.failures:
        err.print(f"[bold red]kill {one.number}[/] at {one.stage}: {escape('; '.join(one.wrong))}")
    if report.failures or len(report.kills) < count:
        noted(f"the same moments again: --seed {report.seed}")
        raise typer.Exit(EXIT_FAILED)


def _print(report: KillsReport) -> None:
    kills = report.kills
    out.print(
        f"{len(kills)} kills in {report.seconds:,.0f} s, seed {report.seed}, {report.pages} pages a host; "
        f"{report.late} more came after the end"
    )
    out.print(f"Stages met: {counts_in_words(report.by_stage)}")
    if kills:
        out.print(
            f"{sum(one.first for one in kills)} in a first crawl, {sum(one.victim == 'group' for one in kills)} of the "
            f"whole process group; what was left ended within {max(one.orphan_seconds for one in kills):.1f} s; "
            f"{sum(one.sent_twice for one in kills)} pages sent twice, at most "
            f"{max(one.sent_twice for one in kills)} after one kill"
        )
    out.print(f"{len(report.failures)} with something wrong")
