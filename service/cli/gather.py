"""Commands that gather: crawl, ingest and reindex."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from service.cli.console import (
    EXIT_INTERRUPTED,
    JsonOption,
    counts_in_words,
    out,
    print_json,
    settings_of,
    shown_progress,
)
from service.pipeline import CrawlResult, IngestResult, load_sources, run_crawl, run_ingest, run_reindex

app = typer.Typer()
"""Joined into the command line by `service.cli.main`."""

_NEXT = "Next: [bold]authority-search publish[/]"


@app.command()
def crawl(
    context: typer.Context,
    source: Annotated[
        list[str] | None, typer.Argument(help="Source ids, as `authority-search sources` lists them.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="Crawl all sources of this profile as well.")] = None,
    start: Annotated[
        list[str] | None, typer.Option(help="Begin at this URL instead of the source's root; may be repeated.")
    ] = None,
    max_pages: Annotated[int | None, typer.Option(min=1, help="Pages per source; overrides crawl.max_pages.")] = None,
    max_depth: Annotated[int | None, typer.Option(min=0, help="Links to follow; overrides crawl.max_depth.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew instead of going on with an unfinished run.")
    ] = False,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Fetch pages of listed sources, archive every response, and cut the pages into passages.

    Obeys robots.txt, waits between two requests to a host, and never leaves the sources named. A run that was
    killed or interrupted goes on where it stopped when the same command is given again.

    Example: [bold]authority-search crawl docs.python.org --max-pages 200[/]
    """
    settings = settings_of(context)
    limits = {key: value for key, value in (("max_pages", max_pages), ("max_depth", max_depth)) if value is not None}
    settings = settings.model_copy(update={"crawl": settings.crawl.model_copy(update=limits)})
    chosen = list(source or [])
    if profile:
        chosen += sorted(load_sources(settings).select(profile=profile) or ())
    with shown_progress() as progress:
        result = run_crawl(settings, list(dict.fromkeys(chosen)), start or (), fresh, progress)
    if as_json:
        print_json(result)
    else:
        print_crawl(result)
        out.print(_NEXT)
    if not result.fetched.finished:
        raise typer.Exit(EXIT_INTERRUPTED)


@app.command()
def ingest(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, help="WARC files (.warc.gz).")
    ],
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Take the pages of listed sources out of WARC files: our own archives, or Common Crawl's.

    Pages of other hosts are counted and left out. A file that was read to its end before costs nothing again.

    Example: [bold]authority-search ingest CC-MAIN-20260101-00000.warc.gz[/]
    """
    with shown_progress() as progress:
        result = run_ingest(settings_of(context), files, progress)
    if as_json:
        print_json(result)
    else:
        _print_ingest(result)
        out.print(_NEXT)


@app.command()
def reindex(
    context: typer.Context,
    from_archive: Annotated[
        bool,
        typer.Option(
            "--from-archive", help="Extract all archived responses again; needed, so that nobody is surprised."
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Do it even though this version has extracted everything already.")
    ] = False,
    forget_missing: Annotated[
        bool, typer.Option("--forget-missing", help="Let pages go whose archive files are no longer there.")
    ] = False,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Extract the whole archive again after an upgrade, without fetching anything.

    Costs nothing where this version has read everything already. A run that was killed goes on where it stopped;
    until it is done the old pages stay. `publish` makes the outcome searchable, and embeds only new texts.

    Example: [bold]authority-search reindex --from-archive[/]
    """
    if not from_archive:
        raise typer.BadParameter("say where from: reindex --from-archive")
    with shown_progress() as progress:
        result = run_reindex(settings_of(context), force, forget_missing, progress)
    if as_json:
        print_json(result)
        return
    what = "Extracted all anew" if result.rebuilt else "All was extracted by this version; read what was new"
    out.print(f"{what}: {result.ingested.responses:,} responses")
    _print_ingest(IngestResult(result.ingested, result.split))
    out.print(_NEXT)


def print_crawl(result: CrawlResult) -> None:
    """Print what a crawl did."""
    fetched = result.fetched
    pages = sum(fetched.pages.values())
    out.print(f"Run {result.run}: {pages:,} pages, {fetched.bytes:,} bytes in {fetched.seconds:.1f} s")
    out.print(f"Responses by status: {counts_in_words(fetched.responses)}")
    if fetched.refused:
        out.print(f"URLs not fetched: {counts_in_words(fetched.refused)}")
    for failure in fetched.failures[:5]:
        out.print(f"Failed: {escape(str(failure))}")
    _print_ingest(IngestResult(result.ingested, result.split))


def _print_ingest(result: IngestResult) -> None:
    pages, split = result.ingested.pages, result.split
    out.print(f"Pages: {pages.new:,} new, {pages.changed:,} changed, {pages.unchanged:,} unchanged")
    if result.ingested.skipped:
        out.print(f"Skipped: {counts_in_words(result.ingested.skipped)}")
    out.print(f"Split into passages: {split.resplit:,} of {split.pages:,} pages, {split.passages:,} passages")
    if split.copies:
        out.print(f"Pages with the content of another URL of their host: {split.copies:,}")
