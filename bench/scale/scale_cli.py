"""`bench scale`: what grows, and how fast, from ten thousand passages to a million."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bench.console import failing_clearly, noted
from bench.load.console import show_sections
from bench.load.running import ended_by_sigterm
from bench.machine import machine
from bench.scale.drawing import measured_strength
from bench.scale.measure import Scale, ScaleBench
from bench.scale.page import write_scale
from bench.scale.processes import in_fresh_process
from bench.scale.queries import Queries, make_queries
from bench.scale.records import ScaleReport
from bench.scale.sample import Sample, read_sample
from bench.scale.view import scale_sections
from index.encoders import load_encoder
from index.lock import write_lock
from index.store import DataFolder, SnapshotStore
from service.cli.console import EXIT_FAILED, JsonOption, print_json, settings_of, shown_progress
from service.settings import Settings

SIZES = "10000,100000,1000000"
_SMALLEST = 100


def scale(
    context: typer.Context,
    sizes: Annotated[str, typer.Option(help="Passages, parted by commas.")] = SIZES,
    sample: Annotated[
        list[Path] | None,
        typer.Option(exists=True, file_okay=False, help="A further data folder whose live snapshot is sampled too."),
    ] = None,
    methods: Annotated[bool, typer.Option(help="Compare dense methods at the largest size.")] = True,
    hnsw: Annotated[bool, typer.Option(help="HNSW among them, which builds for minutes.")] = False,
    incremental: Annotated[bool, typer.Option(help="Build again after a change of 1 %.")] = True,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of hybrid search and encoding.")] = 7,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is grown.")] = 1,
    work_dir: Annotated[
        Path, typer.Option(file_okay=False, help="Where corpora are built, kept and reused; some 8 GB a million.")
    ] = Path("data/bench"),
    out_dir: Annotated[
        Path | None, typer.Option("--out", file_okay=False, help="Folder for scale.json and scale.html.")
    ] = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Measure build, opening, memory, disk, search and recall at several sizes, and how fast each grows.

    The live snapshot of the data folder is a sample, from which corpora of each size are grown: texts out of sentences
    of two or three real passages, vectors around real ones with noise that is chosen by measurement. Each is built by
    the product's own builder and searched by its own searcher. Sizes that were built before, from the same sample by
    the same code, are measured again and not built again. Nothing but queries is encoded.

    Exits with 1 when equal queries had different answers alone, in a batch or after opening again.

    Example: [bold]authority-search --data-dir demo-data bench scale --sizes 10000,100000 --out report[/]

    English and Chinese together: [bold]--sample other-data[/], whose live snapshot has the same encoder.
    """
    wanted = _sizes(sizes)
    settings = settings_of(context)
    with failing_clearly(), shown_progress() as progress, ended_by_sigterm(), write_lock(work_dir):
        progress("sample", 0, None)
        stores = [SnapshotStore(DataFolder(folder)) for folder in (settings.data_dir, *(sample or ()))]
        read = read_sample([store.open() for store in stores])
        closeness = measured_strength(read, seed)
        load = partial(load_encoder, settings.encoder)
        encoder = load()
        read.encoder.require(encoder.description)
        progress("sample", len(read.passages), len(read.passages))
        queries = make_queries(read, encoder, seed)
        asked = Scale(wanted, work_dir, seed, rounds, incremental, methods, hnsw)
        bench = ScaleBench(
            read, closeness, queries, load, settings.ranking, asked, in_fresh_process, progress, noted
        )  # fmt: skip
        found = bench.sizes()
        report = ScaleReport(
            "bench scale", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", machine(),
            _told(settings, [store.current_id() or "" for store in stores], read, queries, asked), closeness,
            tuple(found), tuple(bench.methods()) if methods else (),
        )  # fmt: skip
        files = write_scale(report, out_dir) if out_dir else ()
    for path in files:
        noted(f"wrote {path}")
    if as_json:
        print_json(report)
    else:
        show_sections(scale_sections(report))
    if not report.deterministic:
        raise typer.Exit(EXIT_FAILED)


def _sizes(told: str) -> tuple[int, ...]:
    try:
        sizes = sorted({int(one.replace("_", "")) for one in told.split(",")})
    except ValueError:
        raise typer.BadParameter(f"--sizes {told!r}: write numbers of passages, such as {SIZES}") from None
    if sizes[0] < _SMALLEST:
        raise typer.BadParameter(f"--sizes {told!r}: {sizes[0]} is too small, {_SMALLEST} is the least")
    return tuple(sizes)


def _told(settings: Settings, snapshots: list[str], sample: Sample, queries: Queries, asked: Scale) -> dict[str, str]:
    return {
        "sample": f"{', '.join(snapshots)}: {len(sample.passages):,} passages, {sample.tokens():.0f} tokens each",
        "encoder.model": settings.encoder.model,
        "texts": "A page of the sample is a folder of like pages; the first is the real one. In the others a passage "
        "keeps half of its sentences and takes the rest from one or two real passages of the language, and so "
        "do titles and headings. No new words come with size, so that lists of terms grow as fast as passages: "
        "lexical search is dearer than in a real corpus of that size.",
        "vectors": "Real passages have their real vectors. Others: the mean of the language, plus a real vector's "
        "way from it shortened, plus the way between two other real vectors; scaled to length 1.",
        "queries": f"{len(queries.texts)} titles and headings of the sample, by the encoder; beyond as many in a "
        "batch, vectors drawn around these. Filters and recall: 64 of them. Lexical: words and sentences of passages.",
        "seed": str(asked.seed),
        "hybrid rounds": str(asked.rounds),
    }
