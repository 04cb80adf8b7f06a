"""`bench run`: systems compared on judged collections."""

import re
from pathlib import Path
from typing import Annotated

import typer

from bench.console import failing_clearly, noted
from bench.output import write_outcome
from bench.run import Bench, Inputs, read_inputs
from bench.systems import DEFAULT, PEERS, parse_systems
from bench.table import legend, results_table
from index.encoders import load_encoder
from service.cli.console import JsonOption, out, print_json, settings_of, shown_progress
from service.settings import Settings

_WORDS = """
Compare systems on judged collections, with the product's own searcher.

A FOLDER is a collection in BEIR layout: corpus.jsonl, queries.jsonl, qrels/<split>.tsv. Its documents are indexed once
under --work-dir; vectors and results are kept there too, and used again while nothing changed.

Example: [bold]authority-search bench run collections/scifact collections/nfcorpus --out report[/]

Systems are lexical, dense, hybrid (authority off), hybrid+tie, hybrid+boost, and the peers bm25s and flat-dense. Any of
them but peers takes settings of ranking, and a name:

Example: [bold]authority-search bench run collections/scifact --system hybrid --system "narrow: hybrid+tie
ranking.band_width=0.05"[/]

Queries may also be TREC topics or lines of id, tab, text; judgments may be TREC's; a run file is one more system:

Example: [bold]authority-search bench run collections/robust --queries topics.301-450 --qrels qrels.txt --run-file
anserini.run --baseline anserini[/]

A snapshot that you published is measured where it lies. Its judgments name pages by URL, or passages by id:

Example: [bold]authority-search bench run --snapshot data --queries questions.jsonl --qrels judgments.tsv
--system hybrid --system hybrid+tie[/]
"""
# A line break would be kept as it is, whatever the width of the terminal.
HELP = re.sub(r"(?<!\n)\n(?!\n)", " ", _WORDS.strip())


def run(
    context: typer.Context,
    folders: Annotated[
        list[Path] | None, typer.Argument(exists=True, file_okay=False, help="Collections in BEIR layout.")
    ] = None,
    split: Annotated[str, typer.Option(help="Which judgments of a folder: qrels/<split>.tsv.")] = "test",
    system: Annotated[
        list[str] | None,
        typer.Option(help="A system, WAY or NAME: WAY ranking.SETTING=VALUE ... Default: lexical, dense and hybrid."),
    ] = None,
    peers: Annotated[bool, typer.Option("--peers", help="Add the peers bm25s and flat-dense (extra `peers`).")] = False,
    run_file: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="A TREC run as one more system, named as its file is."),
    ] = None,
    snapshot: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="A data folder whose live snapshot is measured."),
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option("--queries", "--topics", exists=True, dir_okay=False, help="Queries: JSON lines, TSV or topics."),
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Judgments of these queries: TREC's or BEIR's.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="The system that others are compared with. Default: hybrid, or the first.")
    ] = None,
    latency: Annotated[bool, typer.Option(help="Time the systems.")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute again what an earlier run has computed.")] = False,
    work_dir: Annotated[Path, typer.Option(help="Where indexes, vectors and results are kept.")] = Path("data/bench"),
    out_dir: Annotated[
        Path | None, typer.Option("--out", file_okay=False, help="Folder for the report, the runs and the differences.")
    ] = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Compare systems on judged collections; the words for users are HELP."""
    inputs = Inputs(tuple(folders or ()), split, snapshot, queries, qrels, tuple(run_file or ()))
    _require_usable(inputs)
    settings = settings_of(context)
    with failing_clearly(), shown_progress() as progress:
        written = [*(system or DEFAULT), *(PEERS if peers else ())]
        bench = Bench(
            tuple(parse_systems(written, settings.ranking)), work_dir, _told(settings), baseline, latency, fresh
        )
        judged = read_inputs(inputs, noted)
        outcome = bench.run(judged, load_encoder(settings.encoder), inputs.run_files, progress, noted)
        if out_dir is not None:
            write_outcome(outcome, out_dir)
            # Drawing takes matplotlib, which only a report needs.
            from bench.report import write_report

            noted(f"wrote {write_report(outcome.report, out_dir)}")
    if as_json:
        print_json(outcome.report)
        return
    out.print(results_table(outcome.report))
    if outcome.report.comparisons:
        out.print(legend(outcome.report))


def _require_usable(inputs: Inputs) -> None:
    collections = len(inputs.folders) + (inputs.snapshot is not None)
    if not collections:
        raise typer.BadParameter("name a FOLDER in BEIR layout, or a --snapshot")
    if (inputs.queries is None) != (inputs.qrels is None):
        raise typer.BadParameter("--queries and --qrels go together")
    if inputs.snapshot is not None and inputs.queries is None:
        raise typer.BadParameter("--snapshot needs --queries and --qrels")
    if inputs.snapshot is None and inputs.queries is not None and len(inputs.folders) > 1:
        raise typer.BadParameter("--queries and --qrels go with one FOLDER, which has their documents")
    if inputs.run_files and collections > 1:
        raise typer.BadParameter("--run-file goes with one collection")


def _told(settings: Settings) -> dict[str, str]:
    encoder = {"encoder.model": settings.encoder.model, "encoder.precision": settings.encoder.precision}
    return encoder | {f"ranking.{name}": str(value) for name, value in settings.ranking}
