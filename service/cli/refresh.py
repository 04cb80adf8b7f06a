"""The command that cron runs: refresh."""

from typing import Annotated

import typer
from rich.markup import escape

from index.encoders import load_encoder
from service.cli.console import (
    EXIT_INTERRUPTED,
    EXIT_REFUSED,
    EXIT_UNREACHABLE,
    KNOWN_ERRORS,
    JsonOption,
    StageOption,
    counts_in_words,
    out,
    print_json,
    print_removed,
    settings_of,
    shown_progress,
)
from service.pipeline import load_sources
from service.refresh import Asked, RefreshResult, run_refresh

app = typer.Typer()
"""Joined into the command line by `service.cli.main`."""

_EXIT_OF = {"refused": EXIT_REFUSED, "unreachable": EXIT_UNREACHABLE, "stopped": EXIT_INTERRUPTED}


@app.command()
def refresh(
    context: typer.Context,
    source: Annotated[list[str] | None, typer.Argument(help="Source ids; default: all that were ever crawled.")] = None,
    profile: Annotated[str | None, typer.Option(help="Refresh all sources of this profile as well.")] = None,
    start: Annotated[
        list[str] | None, typer.Option(help="Begin sources that are new at this URL; may be repeated.")
    ] = None,
    recheck: Annotated[
        bool, typer.Option("--recheck", help="Ask again for every known page, whether it is due or not.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Publish even where more than refresh.max_lost_share would be lost.")
    ] = False,
    stage: Annotated[bool, StageOption] = False,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Fetch what is due, take in what changed, and publish it: one command for cron and systemd timers.

    Pages are asked for again with the conditions of their last answer, sooner where they were seen to change; sitemaps
    and feeds bring new ones. A page that is missing twice, or gone, leaves the snapshot. Only text that was never
    embedded before is encoded; a source that fails is kept as it was. With --json the run is one line, also when it
    failed.

    Exit codes besides the common ones: 5 too much would be lost and nothing was published (see --force), 6 no source
    could be read. Sources that fail while others answer are named in the report, and the code is 0.

    Example: [bold]authority-search refresh --profile medicine --json[/]
    """
    settings = settings_of(context)
    try:
        chosen = list(source or [])
        if profile:
            chosen += sorted(load_sources(settings).select(profile=profile) or ())
        asked = Asked(list(dict.fromkeys(chosen)), start or (), recheck, force, stage)
        with shown_progress() as progress:
            result = run_refresh(settings, asked, lambda: load_encoder(settings.encoder), progress)
    except KNOWN_ERRORS as error:
        if as_json:
            print_json({"status": "failed", "reason": str(error), "error": type(error).__name__})
        raise
    except KeyboardInterrupt:
        if as_json:
            print_json({"status": "stopped", "reason": "interrupted; the next run goes on with it"})
        raise
    if as_json:
        print_json(result)
    else:
        _print_result(result)
    raise typer.Exit(_EXIT_OF.get(result.status, 0))


def _print_result(result: RefreshResult) -> None:
    requests, pages = result.requests, result.pages
    out.print(
        f"Run {result.run or '(nothing to ask)'}: {result.sources:,} sources, {requests.requests:,} requests, "
        f"{requests.bytes:,} bytes in {result.fetch_seconds:.1f} s; {result.seconds:.1f} s in all"
    )
    out.print(
        f"Answers: {requests.pages:,} pages, {requests.unchanged:,} not modified, {requests.gone:,} missing, "
        f"{requests.errors:,} errors, {requests.denied:,} denied by robots.txt"
    )
    if result.refused:
        out.print(f"URLs not fetched: {counts_in_words(result.refused)}")
    out.print(f"Pages: {pages.new:,} new, {pages.changed:,} changed, {pages.unchanged:,} unchanged in content")
    for source, tally in result.failing.items():
        out.print(f"Failing, kept as it was: {escape(source)} ({tally.errors:,} errors)")
    if result.resting:
        out.print(f"Left in peace after failures: {', '.join(map(escape, result.resting))}")
    for url, why in result.failures:
        out.print(f"Failed: {escape(url)}: {escape(why)}")
    if result.snapshot:
        what = {"published": "Published", "staged": "Staged"}.get(result.status, "Nothing changed; still live:")
        out.print(f"{what} {result.snapshot}: {result.passages:,} passages, {result.embedded:,} embedded")
        print_removed(result.removed)
    else:
        out.print(f"Not published: {escape(result.reason)}")
