"""Commands around the domain list."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from domain_lists.explain import Explainer, Explanation
from domain_lists.records import Match, Source
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
    profile: Annotated[
        str | None, typer.Option(help="Only what this profile holds, unlisted hosts under its suffixes included.")
    ] = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Tell which source each URL belongs to, and by which rule. Exit code 1 if one belongs to none.

    A URL that only its restricted suffix vouches for is rated by it, but neither crawled nor cited, unless the setting
    source_suffixes names it. A page that anyone may have written, such as a forum's or a home directory's on the host
    of a source, never is.

    Example: [bold]authority-search sources match https://whitehouse.gov.evil.com/[/]
    """
    listed = load_sources(settings_of(context))
    found = {one: listed.match(one) for one in url}
    admitted = {one: listed.admitted(one, profile) if profile else listed.listed(one) for one in url}
    if profile:
        found = {one: m if admitted[one] else None for one, m in found.items()}
    if as_json:
        print_json({one: {"rule": m.rule, "source": m.source} if m else None for one, m in found.items()})
    else:
        for one, m in found.items():
            out.print(f"{escape(one)}: {escape(_verdict(m, admitted[one]))}")
    if not all(admitted.values()):
        raise typer.Exit(1)


@sources_app.command()
def score(
    context: typer.Context,
    name: Annotated[list[str], typer.Argument(help="Source ids, restricted suffixes, hosts or URLs.")],
    explain: Annotated[bool, typer.Option("--explain", help="Show each term with its value.")] = False,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Tell the score of sources and suffixes, and with --explain every term that made it.

    A host that is not listed has the score of its restricted suffix, if there is one.

    Example: [bold]authority-search sources score --explain gov.cn[/]
    """
    explainer = Explainer(settings_of(context).source_files)
    found = {one: explainer.explain(one) for one in name}
    if as_json:
        print_json({one: [_explained(each) for each in several] for one, several in found.items()})
        return
    for each in (each for several in found.values() for each in several):
        out.print(f"[bold]{escape(each.id)}[/] {escape(each.name)}: {_standing(each.score.tier, each.score.authority)}")
        if explain:
            out.print(_terms_table(each))


@sources_app.command(name="check")
def check_command(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, dir_okay=False, help="Further source lists; default: those of the settings."),
    ] = None,
) -> None:
    """Check the list's data files and name each fault with file and line.

    Syntax, duplicates, rows that can never match, look-alikes, scores that do not follow from their terms, licences of
    the evidence, profiles that select nothing, quotas. Exit code 1 if there is a fault.

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


def _verdict(match: Match | None, admitted: Source | None) -> str:
    if match is None:
        return "no source"
    standing = _standing(match.source.tier, match.source.authority)
    if admitted:
        return f"{admitted.id} ({match.rule}, {standing})"
    if match.rule == "suffix":
        return f"no source; {match.source.id} rates links to it ({standing})"
    return f"no source; pages of users below {match.source.id}, capped as {', '.join(match.caps)} ({standing})"


def _standing(tier: int, authority: float) -> str:
    return f"tier {tier}, authority {authority:.2f}"


def _terms_table(explanation: Explanation) -> Table:
    table = Table("term", Column("value", justify="right"), "tier", "meaning", box=None)
    for term in (*explanation.terms, *explanation.caps):
        value = {"base": f"{term.value:.2f}", "add": f"{term.value:+.2f}", "cap": f"<= {term.value:.2f}"}[term.effect]
        table.add_row(term.name, value, str(term.tier or ""), escape(term.meaning))
    if not explanation.terms:
        table.add_row("", f"{explanation.score.authority:.2f}", "", "set by a source list of your own, without terms")
    if override := explanation.override:
        table.add_row("override", f"{override.score.authority:.2f}", str(override.score.tier), escape(override.reason))
    table.add_row("[bold]score[/]", f"[bold]{explanation.score.authority:.2f}[/]", str(explanation.score.tier))
    return table


def _explained(explanation: Explanation) -> dict[str, object]:
    terms = [*explanation.terms, *explanation.caps]
    override = explanation.override
    return {
        "id": explanation.id,
        "name": explanation.name,
        "rule": explanation.rule or None,
        "tier": explanation.score.tier,
        "authority": explanation.score.authority,
        "terms": [{"term": term.name, **dict(zip(term._fields[1:], term[1:], strict=True))} for term in terms],
        "by_terms": explanation.by_terms and explanation.by_terms.authority,
        "override": override and {"reason": override.reason, "reviewed": override.reviewed},
    }
