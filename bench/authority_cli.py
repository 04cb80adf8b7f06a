"""`bench authority`: what authority costs, and whether trust decides where relevance does not."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bench.authority import Judged, TradeOff, curves, judged_queries, trade_offs, widest
from bench.beir import read_collection
from bench.cached_encoder import CachedEncoder
from bench.console import failing_clearly, noted
from bench.corpus import open_collection
from bench.machine import machine
from bench.records import Collection, Report
from bench.report_file import dump_report
from bench.trust import Trust, measure_trust, open_placed, placed
from bench.view import View
from index.encoders import Encoder, load_encoder
from index.lock import write_lock
from index.progress import Progress
from ranking.settings import RankingSettings
from service.cli.console import JsonOption, out, print_json, settings_of, shown_progress


def authority(
    context: typer.Context,
    folders: Annotated[list[Path], typer.Argument(exists=True, file_okay=False, help="Collections in BEIR layout.")],
    split: Annotated[str, typer.Option(help="Which judgments of a folder: qrels/<split>.tsv.")] = "test",
    seeds: Annotated[int, typer.Option(min=1, help="Random assignments of authority.")] = 20,
    trust_documents: Annotated[
        int, typer.Option(min=0, help="Collections up to this size are laid out on hosts of different trust as well.")
    ] = 500,
    work_dir: Annotated[Path, typer.Option(help="Where indexes and vectors are kept.")] = Path("data/bench"),
    out_dir: Annotated[Path | None, typer.Option("--out", file_okay=False, help="Folder for the report.")] = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Measure what the width of the band costs in nDCG@10 and gains in authority@5 when authority is random.

    Small collections are also laid out with a trusted and a weak copy of each relevant document, mirrored or
    paraphrased, and the order of the two is looked at in every mode.

    Example: [bold]authority-search bench authority collections/* --out report[/]
    """
    settings = settings_of(context)
    ranking, judged, trust = settings.ranking, dict[str, Judged](), list[Trust]()
    with failing_clearly(), shown_progress() as progress, write_lock(work_dir):
        encoder = load_encoder(settings.encoder)
        queries = CachedEncoder(encoder, work_dir / "vectors")
        for collection in [read_collection(folder, split, noted) for folder in folders]:
            view = View(collection, open_collection(collection, work_dir, encoder, progress))
            judged[collection.name] = judged_queries(collection, view, queries, ranking, progress)
            if len(collection.documents) <= trust_documents:
                trust += _trust(collection, work_dir, queries, ranking, progress)
        found = trade_offs(judged, seeds=seeds, progress=progress)
    report = Report(
        title="Authority on " + ", ".join(judged),
        created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        machine=machine(),
        settings={"encoder.model": settings.encoder.model} | {f"ranking.{name}": str(value) for name, value in ranking},
        results=(),
        curves=tuple(curves(found, ranking.band_width)),
    )
    if out_dir is not None:
        dump_report(report, out_dir / "results.json")
        # Only here, because drawing brings matplotlib.
        from bench.report import write_report

        noted(f"wrote {write_report(report, out_dir)}")
    if as_json:
        print_json({"trade_offs": found, "widest": widest(found), "trust": trust})
        return
    out.print(_trade_off_table(found), f"widest band for a mean loss of .002: {widest(found):.4f}", _trust_table(trust))


def _trust(
    collection: Collection, work_dir: Path, encoder: Encoder, ranking: RankingSettings, progress: Progress
) -> list[Trust]:
    pages = placed(collection)
    snapshot = open_placed(collection, pages, work_dir, encoder, progress)
    return list(measure_trust(collection, pages.copies, snapshot, encoder, ranking, progress=progress))


def _trade_off_table(found: list[TradeOff]) -> Table:
    table = Table(
        "band width", "nDCG@10 lost", "± between seeds", "most in one collection", "authority@5 gained", box=None
    )
    for one in found:
        worst = max(one.losses, key=lambda name: one.losses[name])
        table.add_row(
            f"{one.width:g}", f"{one.loss:.4f}", f"{one.deviation:.4f}", f"{one.losses[worst]:.4f} ({worst})",
            f"{one.gain:.4f}",
        )  # fmt: skip
    return table


def _trust_table(trust: list[Trust]) -> Table:
    table = Table("collection", "authority", "copy", "pairs", "one hit", "trusted first", "inversions", box=None)
    for one in trust:
        table.add_row(
            one.collection, one.authority, one.copy, f"{one.pairs:,}", f"{one.folded:,}", f"{one.first:.3f}",
            f"{one.inversions} of {one.hits:,} hits",
        )  # fmt: skip
    return table
