"""`bench encoders`: the encoder's runtimes on this CPU, in one run."""

from importlib.util import find_spec
from typing import Annotated

import typer
from rich.table import Table

from bench.console import failing_clearly, noted
from bench.encoders import PASSAGE_TOKENS, QUERY_TOKENS, EncoderTimes, measure_runtimes, sample_texts
from bench.errors import PeerMissing
from bench.machine import machine
from service.cli.console import JsonOption, out, print_json, settings_of, shown_progress

_PACKAGES = {"openvino": "openvino", "torch": "sentence_transformers"}


def encoders(
    context: typer.Context,
    passages: Annotated[int, typer.Option(min=1, help="Passages encoded in each round.")] = 64,
    queries: Annotated[int, typer.Option(min=1, help="Queries of each round, in one batch and one at a time.")] = 32,
    rounds: Annotated[int, typer.Option(min=1, help="Times that each runtime has its turn.")] = 5,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Measure the encoder of the settings under OpenVINO and torch on this CPU: passages a second and a query's delay.

    The floor is the passages' floating-point operations at the rate of a large matrix product, measured in between.

    Example: [bold]authority-search bench encoders --rounds 9[/]
    """
    with failing_clearly(), shown_progress() as progress:
        if find_spec("openvino") is None:
            raise PeerMissing("openvino is not installed: pip install openvino (it is in the extras cpu and light)")
        for runtime in (missing := [name for name, package in _PACKAGES.items() if find_spec(package) is None]):
            noted(f"{_PACKAGES[runtime]} is not installed, so {runtime} is not measured")
        times = measure_runtimes(
            settings_of(context).encoder,
            [name for name in _PACKAGES if name not in missing],
            sample_texts(passages, PASSAGE_TOKENS),
            sample_texts(queries, QUERY_TOKENS, seed=2),
            rounds,
            progress,
        )
    if as_json:
        print_json(times)
        return
    out.print(_table(times), *_sentences(times), sep="\n")


def _table(times: EncoderTimes) -> Table:
    table = Table("runtime", "load s", "passages/s", "of the floor", "queries/s", "one query p50", "p95 ms", box=None)
    for one in times.runtimes:
        table.add_row(
            one.runtime, f"{one.load_seconds:.1f}", f"{one.passages_per_second:.1f}", f"{one.of_floor:.0%}",
            f"{one.queries_per_second:.0f}", f"{one.query_p50_ms:.1f}", f"{one.query_p95_ms:.1f}",
        )  # fmt: skip
    return table


def _sentences(times: EncoderTimes) -> list[str]:
    first = times.runtimes[0].runtime
    against = [
        f"{first} against {name}, median of rounds: {ratio:.2f} x the passages/s, "
        f"{times.query_ratio[name]:.2f} x as fast with one query"
        for name, ratio in times.passages_ratio.items()
    ]
    return [
        *against,
        f"least cosine between runtimes: {times.least_cosine:.6f}",
        f"floor: {times.floor_passages_per_second:.1f} passages/s of {times.passage_tokens:.0f} tokens and "
        f"{times.gflop_per_passage:.1f} GFLOP, at {times.gflops_of_matmul:.0f} GFLOP/s of a large product",
        f"{times.model} in {times.precision} on {machine()}",
    ]
