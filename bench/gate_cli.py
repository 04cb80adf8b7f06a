"""`bench gate`: results against pinned floors; exit code 0 when all hold, 1 when one does not."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from bench.console import failing_clearly
from bench.floors import Floor, read_floors, write_floors
from bench.gate import PINNED, Verdict, check, count_changes, update
from bench.records import Report
from bench.report_file import load_report
from service.cli.console import EXIT_FAILED, JsonOption, err, out, print_json

FLOORS = Path("bench/floors.toml")


def gate(
    results: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A results.json of the bench.")],
    floors: Annotated[Path, typer.Option(dir_okay=False, help="The file of pinned floors.")] = FLOORS,
    present: Annotated[
        bool, typer.Option("--present", help="Check only the floors of collections that the results hold.")
    ] = False,
    raise_floors: Annotated[
        bool, typer.Option("--update", help="Raise floors to these results and add new ones; never lowers any.")
    ] = False,
    measures: Annotated[
        list[str] | None, typer.Option("--measure", help=f"What --update adds floors for. Default: {PINNED[0]}.")
    ] = None,
    allow_lower: Annotated[bool, typer.Option(help="Let --update lower floors too; wants --reason.")] = False,
    reason: Annotated[str, typer.Option(help="Why floors may be lowered; kept beside each.")] = "",
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Check results of the bench against pinned floors, or raise the floors to them.

    Fails with 1 when a floor is broken, when its data changed, and when the results lack it.

    Example: [bold]authority-search bench gate results.json --floors bench/floors.toml[/]
    """
    if present and raise_floors:
        raise typer.BadParameter("--present belongs to checking; --update leaves the floors of other collections")
    if (allow_lower or reason or measures) and not raise_floors:
        raise typer.BadParameter("--allow-lower, --reason and --measure belong to --update")
    if allow_lower != bool(reason.strip()):
        raise typer.BadParameter("--allow-lower and --reason belong together")
    with failing_clearly():
        report = load_report(results)
        if raise_floors:
            _update(floors, report, measures or PINNED, reason, as_json)
        else:
            _check(floors, report, present, as_json)


def _update(path: Path, report: Report, measures: list[str] | tuple[str, ...], reason: str, as_json: bool) -> None:
    old: tuple[Floor, ...] = read_floors(path) if path.exists() else ()
    new = update(old, report.results, bool(reason), reason, measures)
    write_floors(new, path)
    counts = count_changes(old, new)
    if as_json:
        print_json({"floors": path, "changes": counts})
    else:
        out.print(escape(f"{path}: " + ", ".join(f"{count} {name}" for name, count in counts.items())))


def _check(path: Path, report: Report, present: bool, as_json: bool) -> None:
    floors = read_floors(path)
    if present:
        measured = {one.collection for one in report.results}
        floors = tuple(one for one in floors if one.collection in measured)
        if not floors:
            err.print(f"[dim]note:[/] {escape(str(path))} pins none of these collections")
            return
    verdicts = check(floors, report.results)
    passed = bool(verdicts) and all(one.status == "passed" for one in verdicts)
    if as_json:
        print_json({"passed": passed, "verdicts": verdicts})
    elif verdicts:
        out.print(_table(verdicts))
    if not verdicts:
        err.print(f"[bold red]error:[/] {escape(str(path))} pins nothing; --update adds floors")
    elif not as_json:
        counts = Counter(one.status for one in verdicts)
        out.print(", ".join(f"{count} {status}" for status, count in counts.items()))
    if not passed:
        raise typer.Exit(EXIT_FAILED)


def _table(verdicts: list[Verdict]) -> Table:
    table = Table("collection", "split", "system", "measure", box=None)
    for name in ("floor", "epsilon", "measured"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for one in verdicts:
        floor, styled = one.floor, one.status if one.status == "passed" else f"[bold red]{one.status}[/]"
        measured = "" if one.measured is None else f"{one.measured:.4f}"
        numbers = (f"{floor.floor:.4f}", f"{floor.epsilon:g}", measured)
        table.add_row(*map(escape, floor.place), *numbers, styled)
    return table
