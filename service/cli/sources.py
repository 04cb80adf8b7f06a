"""Commands around the domain list."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from domain_lists.records import Match
from domain_lists.validator import check
from service.cli.console import JsonOption, err, out, print_json, settings_of
from service.pipeline import load_sources

app = typer.Typer()
sources_app = typer.Typer()
app.add_typer(sources_app, name="sources")


@sources_app.callback(invoke_without_command=True)
def sources(
    context: typer.Context,
    profile: Annotated[str | None, typer.Option(help="Only the sources of this profile.")] = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """List sources and profiles, ask what a URL matches, check the data files.

    Without a command: the sources that may be crawled and cited, with tier and authority.

    Example: [bold]authority-search sources --profile medicine[/]
    """
    if context.invoked_subcommand is not None:
        return
    listed = load_sources(settings_of(context))
    chosen = listed.select(profile=profile)
    rows = [source for source in listed.sources if chosen is None or source.id in chosen]
    if as_json:
        print_json({"version": listed.version, "sources": rows, "profiles": sorted(listed.profiles)})
        return
    table = Table(
        Column("source", overflow="fold"), "name", "sector", "country", "language", "tier", "authority", box=None
    )
    for one in rows:
        facts = (one.id, escape(one.name), one.sector, one.country, one.language)
        table.add_row(*facts, str(one.tier), f"{one.authority:.2f}")
    out.print(table)
    out.print(f"{len(rows)} sources, list version {listed.version}; profiles: {', '.join(sorted(listed.profiles))}")


@sources_app.command()
def match(
    context: typer.Context,
    url: Annotated[list[str], typer.Argument(help="URLs.")],
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Tell which source each URL belongs to, and by which rule. Exit code 1 if one belongs to none.

    A URL that only its restricted suffix vouches for is rated by it, but neither crawled nor cited.

    Example: [bold]authority-search sources match https://whitehouse.gov.evil.com/[/]
    """
    listed = load_sources(settings_of(context))
    found = {one: listed.match(one) for one in url}
    if as_json:
        print_json({one: {"rule": m.rule, "source": m.source} if m else None for one, m in found.items()})
    else:
        for one, m in found.items():
            out.print(f"{escape(one)}: {escape(_verdict(m))}")
    if not all(m and m.rule != "suffix" for m in found.values()):
        raise typer.Exit(1)


@sources_app.command(name="check")
def check_command(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, dir_okay=False, help="Further source lists; default: those of the settings."),
    ] = None,
) -> None:
    """Check the list's data files: syntax, duplicates, shadowed rows, look-alikes, profiles that select nothing.

    Example: [bold]authority-search sources check my-sources.csv[/]
    """
    extra = files or list(settings_of(context).source_files)
    problems = check(extra)
    for problem in problems:
        err.print(escape(str(problem)))
    if problems:
        err.print(f"{len(problems)} problems")
        raise typer.Exit(1)
    out.print("the source lists are sound")


def _verdict(match: Match | None) -> str:
    if match is None:
        return "no source"
    standing = f"tier {match.source.tier}, authority {match.source.authority}"
    if match.rule == "suffix":
        return f"no source; {match.source.id} rates links to it ({standing})"
    return f"{match.source.id} ({match.rule}, {standing})"
