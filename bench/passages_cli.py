"""`bench passages`: our passages against fixed windows and whole pages."""

import random
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from bench.articles import articles
from bench.beir import read_collection
from bench.contexts import NoEncoder, RememberingEncoder
from bench.corpus import collection_sources
from bench.documentation import askable, read_questions, sample_pages
from bench.errors import BenchError
from bench.passages import BASELINE, BUDGETS, HEADLINE, VARIANTS, Arm, QuestionSet, Recall, curves, measure, pair
from crawler.passages import split
from index.catalog import Catalog
from index.encoders import Encoder, load_encoder
from service.cli.console import EXIT_FAILED, JsonOption, err, out, print_json, settings_of, shown_progress
from service.pipeline import load_sources
from service.settings import Settings

NOTHING_REPEATED: frozenset[int] = frozenset()


class ArmName(StrEnum):
    """The arms, as typer wants them."""

    lexical = "lexical"
    dense = "dense"
    hybrid = "hybrid"


def passages(
    context: typer.Context,
    collections: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, file_okay=False, help="Collections of paragraphs, in BEIR layout."),
    ] = None,
    split_name: Annotated[str, typer.Option("--split", help="Which judgments: qrels/<split>.tsv.")] = "test",
    documentation: Annotated[
        bool, typer.Option(help="Ask our questions of the documentation pages in the data folder's catalogue.")
    ] = True,
    arm: Annotated[list[ArmName] | None, typer.Option(help="Arms to ask; lexical alone needs no encoder.")] = None,
    variant: Annotated[list[str] | None, typer.Option(help=f"Some of: {'; '.join(VARIANTS)}.")] = None,
    pages: Annotated[int, typer.Option(min=1, help="Documentation pages, those that answer among them.")] = 450,
    questions: Annotated[int, typer.Option(min=1, help="Most questions asked of one collection.")] = 500,
    group: Annotated[int, typer.Option(min=1, help="Documents to an article where they have no titles.")] = 5,
    seed: Annotated[int, typer.Option(help="Of both samples.")] = 1,
    work_dir: Annotated[Path, typer.Option(help="Where indexes and vectors are kept.")] = Path("data/bench/passages"),
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Compare passages with 100-word windows, 512-token windows and whole pages by answer recall.

    Recall is that of replies cut to 128 to 4,096 tokens. An encoder reads of a whole page what its limit allows.

    Example: [bold]authority-search bench passages --arm lexical[/]
    """
    settings = settings_of(context)
    arms: list[Arm] = [one.value for one in arm or list(ArmName)]
    unknown = sorted(set(variant or ()) - set(VARIANTS))
    if unknown:
        raise typer.BadParameter(f"no variant {unknown[0]!r}; there are {', '.join(VARIANTS)}")
    try:
        sets = list(_sets(settings, collections or [], split_name, documentation, pages, questions, group, seed))
        only_lexical = arms == ["lexical"]
        encoder: Encoder = NoEncoder() if only_lexical else RememberingEncoder(load_encoder(settings.encoder))
        found: list[Recall] = []
        with shown_progress() as progress:
            for one in sets:
                folder = work_dir / ("lexical" if only_lexical else "encoded") / one.home
                names = variant or list(VARIANTS)
                found += measure(one, names, arms, BUDGETS, folder, encoder, settings.ranking, progress)
    except BenchError as error:
        err.print(f"[bold red]error:[/] {escape(str(error))}")
        raise typer.Exit(EXIT_FAILED) from error
    if as_json:
        print_json({"rows": [_row(one, found) for one in found], "curves": curves(found)})
    else:
        out.print(*_tables(found))


def _sets(
    settings: Settings,
    folders: Sequence[Path],
    split_name: str,
    documentation: bool,
    pages: int,
    most: int,
    group: int,
    seed: int,
) -> Iterator[QuestionSet]:
    if documentation:
        yield from _documentation(settings, pages, seed)
    for folder in folders:
        found = articles(read_collection(folder, split_name), group)
        cut = [(page, list(split(page, NOTHING_REPEATED, settings.passages))) for page in found.pages]
        asked = found.questions
        if len(asked) > most:
            asked = random.Random(seed).sample(asked, most)  # noqa: S311 - no secret
        yield QuestionSet(folder.resolve().name, folder.resolve().name, cut, collection_sources(), asked)


def _documentation(settings: Settings, pages: int, seed: int) -> Iterator[QuestionSet]:
    """A set for each language, over the same pages."""
    every = read_questions()
    with Catalog(settings.data_dir / "catalog.duckdb") as catalog:
        drawn = sample_pages(catalog, every, pages, seed)
    for language in sorted({question.language for question in every}):
        those = [question for question in every if question.language == language]
        asked = askable(those, drawn)
        if len(asked) < len(those):
            err.print(f"{language}: {len(those) - len(asked)} of {len(those)} questions have no answer in these pages")
        yield QuestionSet(f"documentation-{language}", "documentation", drawn, load_sources(settings), asked)


def _row(one: Recall, found: Sequence[Recall]) -> dict[str, object]:
    against = pair(one, found)
    return {
        "collection": one.collection, "rule": one.rule, "arm": one.arm, "variant": one.variant, "budget": one.budget,
        "questions": len(one.per_question), "recall": one.mean,
        f"against {BASELINE}": against._asdict() if against else None,
    }  # fmt: skip


def _tables(found: Sequence[Recall]) -> Iterator[Table]:
    """A table for each collection, arm and rule; better and worse count questions against the baseline."""
    heads = [f"{budget:,}" for budget in HEADLINE]
    places = {(one.collection, one.arm, one.rule, one.variant, one.budget): one for one in found}
    for group in dict.fromkeys(key[:3] for key in places):
        table = Table("cut into", *heads, *(f"better, worse at {head}" for head in heads), box=None)
        for variant in dict.fromkeys(key[3] for key in places if key[:3] == group):
            row = [places[*group, variant, budget] for budget in HEADLINE]
            pairs = [pair(one, found) for one in row if variant != BASELINE]
            table.add_row(
                variant,
                *(f"{one.mean:.3f}" for one in row),
                *(f"+{one.better} −{one.worse}" for one in pairs if one is not None),
            )
        questions = len(row[0].per_question)
        table.title = f"{group[0]}: {group[1]}, by {group[2]}, {questions:,} questions"
        table.title_justify = "left"
        yield table
