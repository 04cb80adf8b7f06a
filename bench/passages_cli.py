"""`bench passages`: our passages against fixed windows and whole pages."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from bench.answers import QuestionSet
from bench.articles import article_set
from bench.console import failing_clearly, noted
from bench.contexts import NoEncoder
from bench.documentation import documentation_sets
from bench.passages import CONTEXTS, CUTS, VARIANTS, PassageArm, PassageBench
from bench.passages_report import HEADLINE, passages_report
from bench.records import Report
from bench.report_file import dump_report
from bench.table import legend, results_table
from index.encoders import load_encoder
from index.store import DataFolder
from service.cli.console import JsonOption, out, print_json, settings_of, shown_progress
from service.pipeline import load_sources
from service.settings import Settings


class ArmName(StrEnum):
    """The arms, as typer wants them."""

    lexical = "lexical"
    dense = "dense"
    hybrid = "hybrid"


class Asked(NamedTuple):
    """Which questions are asked of which pages."""

    folders: tuple[Path, ...]
    split: str
    documentation: bool
    pages: int
    questions: int
    group: int
    seed: int


def passages(
    context: typer.Context,
    folders: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, file_okay=False, help="Collections of paragraphs, in BEIR layout."),
    ] = None,
    split: Annotated[str, typer.Option(help="Which judgments of a folder: qrels/<split>.tsv.")] = "test",
    documentation: Annotated[
        bool, typer.Option(help="Ask our questions of the documentation pages in the data folder's catalogue.")
    ] = True,
    arm: Annotated[list[ArmName] | None, typer.Option(help="Arms to ask; lexical alone needs no encoder.")] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(help=f"Some of: {'; '.join(VARIANTS)}. Default: all but {' and '.join(CONTEXTS)}."),
    ] = None,
    pages: Annotated[int, typer.Option(min=1, help="Documentation pages, those that answer among them.")] = 450,
    questions: Annotated[int, typer.Option(min=1, help="Most questions asked of one collection.")] = 500,
    group: Annotated[int, typer.Option(min=1, help="Documents to an article where they have no titles.")] = 5,
    seed: Annotated[int, typer.Option(help="Of both samples.")] = 1,
    work_dir: Annotated[Path, typer.Option(help="Where indexes and vectors are kept.")] = Path("data/bench"),
    out_dir: Annotated[Path | None, typer.Option("--out", file_okay=False, help="Folder for the report.")] = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Compare passages with 100-word windows, 512-token windows and whole pages by answer recall.

    Recall is that of replies cut to 128 to 4,096 tokens. An encoder reads of a whole page what its limit allows.

    Example: [bold]authority-search bench passages --arm lexical[/]
    """
    settings = settings_of(context)
    variants = _known(variant or list(CUTS))
    asked = Asked(tuple(folders or ()), split, documentation, pages, questions, group, seed)
    with failing_clearly():
        report = _measured(settings, asked, variants, [one.value for one in arm or list(ArmName)], work_dir)
        if out_dir is not None:
            _write(report, out_dir)
    if as_json:
        print_json(report)
        return
    out.print(results_table(report, HEADLINE))
    if report.comparisons:
        out.print(legend(report))


def _known(variants: list[str]) -> list[str]:
    if unknown := sorted(set(variants) - set(VARIANTS)):
        raise typer.BadParameter(f"no variant {unknown[0]!r}; there are {'; '.join(VARIANTS)}")
    return variants


def _measured(settings: Settings, asked: Asked, variants: list[str], arms: list[PassageArm], work_dir: Path) -> Report:
    sets = list(_sets(settings, asked))
    encoder = NoEncoder() if arms == ["lexical"] else load_encoder(settings.encoder)
    bench = PassageBench(work_dir, encoder, settings.ranking)
    with shown_progress() as progress:
        results = [result for one in sets for result in bench.run(one, variants, arms, progress)]
    return passages_report(results, sets, _told(settings, sets))


def _told(settings: Settings, sets: Sequence[QuestionSet]) -> dict[str, str]:
    told = {"encoder.model": settings.encoder.model, "encoder.precision": settings.encoder.precision}
    for group in ("ranking", "passages"):
        told |= {f"{group}.{name}": str(value) for name, value in getattr(settings, group)}
    return told | {f"{one.name}: pages": f"{len(one.pages):,}" for one in sets}


def _sets(settings: Settings, asked: Asked) -> Iterator[QuestionSet]:
    if asked.documentation:
        catalog = DataFolder(settings.data_dir).catalog
        yield from documentation_sets(catalog, load_sources(settings), asked.pages, asked.seed, noted)
    for folder in asked.folders:
        yield article_set(folder, asked.split, settings.passages, asked.questions, asked.group, asked.seed, noted)


def _write(report: Report, folder: Path) -> None:
    # Drawing takes matplotlib, which only a report needs.
    from bench.report import write_report

    dump_report(report, folder / "results.json")
    noted(f"wrote {write_report(report, folder)}")
