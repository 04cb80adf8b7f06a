"""Runtimes of one encoder on the CPU: passages a second against the processor's floor, and a query's delay.

All of them encode the same texts in turns, round after round, so that whatever else the machine does meets all alike.
The floor is what the processor's own matrix products allow: of a large one, measured in the same rounds.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from statistics import median

import numpy as np

from index.bert import Bert, read_bert
from index.encoders import Encoder, Vectors, load_encoder
from index.progress import Progress, silent
from index.settings import EncoderSettings
from index.tokens import skip
from index.weights import find_weights

PASSAGE_TOKENS = (100, 300)
QUERY_TOKENS = (4, 20)
_SIDE = 2048


@dataclass(frozen=True, slots=True)
class RuntimeTimes:
    """One runtime: seconds to load it, and the medians of its rounds. `of_floor` is the share of the best rate."""

    runtime: str
    load_seconds: float
    passages_per_second: float
    of_floor: float
    queries_per_second: float
    query_p50_ms: float
    query_p95_ms: float


@dataclass(frozen=True, slots=True)
class EncoderTimes:
    """What was measured. Ratios are medians over rounds of the first runtime against each other one; > 1 is better.

    `floor_passages_per_second` is for the passages' own lengths; `least_cosine` is of a text under two runtimes.
    """

    model: str
    precision: str
    passage_tokens: float
    gflop_per_passage: float
    gflops_of_matmul: float
    floor_passages_per_second: float
    runtimes: tuple[RuntimeTimes, ...]
    passages_ratio: dict[str, float]
    query_ratio: dict[str, float]
    least_cosine: float


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds of one round: all passages, all queries in a batch, and each query alone."""

    passages: float
    batch: float
    alone: tuple[float, ...]


def measure_runtimes(
    settings: EncoderSettings,
    runtimes: Sequence[str],
    passages: Sequence[str],
    queries: Sequence[str],
    rounds: int = 5,
    progress: Progress = silent,
) -> EncoderTimes:
    """Measure on the CPU. Raises EncoderUnavailable where the model does not run under one of the runtimes."""
    settings = settings.model_copy(update={"device": "cpu"})
    bert = read_bert(find_weights(settings))
    started = {name: _started(settings.model_copy(update={"runtime": name})) for name in runtimes}
    encoders = {name: encoder for name, (encoder, _) in started.items()}
    precision, multiply = _matmul(settings)
    vectors = {name: _warmed_up(encoder, passages, queries) for name, encoder in encoders.items()}
    rounds_of, matmuls = {name: list[Round]() for name in runtimes}, list[float]()
    for number in range(rounds):
        progress("measure", number, rounds)
        matmuls.append(_seconds(multiply))
        for name, encoder in encoders.items():
            rounds_of[name].append(_round(encoder, passages, queries))
    progress("measure", rounds, rounds)
    first = runtimes[0]
    prefix = encoders[first].description.passage_prefix
    lengths = [len(one.ids) for one in bert.tokenizer.encode_batch_fast([prefix + text for text in passages])]
    gflop = sum(_operations(bert, length) for length in lengths) / len(lengths) / 1e9
    # The best of the rounds: other work on the machine must not make the floor look near.
    gflops = 2 * _SIDE**3 / min(matmuls) / 1e9
    return EncoderTimes(
        model=settings.model,
        precision=precision,
        passage_tokens=sum(lengths) / len(lengths),
        gflop_per_passage=gflop,
        gflops_of_matmul=gflops,
        floor_passages_per_second=gflops / gflop,
        runtimes=tuple(
            _times(name, started[name][1], rounds_of[name], len(passages), gflops / gflop) for name in runtimes
        ),
        passages_ratio={
            name: _ratio(rounds_of[name], rounds_of[first], lambda one: one.passages) for name in runtimes[1:]
        },
        query_ratio={
            name: _ratio(rounds_of[name], rounds_of[first], lambda one: median(one.alone)) for name in runtimes[1:]
        },
        least_cosine=min((_least_cosine(vectors[a], vectors[b]) for a, b in combinations(runtimes, 2)), default=1.0),
    )


def sample_texts(count: int, tokens: tuple[int, int], seed: int = 1) -> list[str]:
    """English texts of so many tokens (from, to; as `index.tokens` counts): pieces of Python's own documentation."""
    from pydoc_data.topics import topics

    words = " ".join(topics.values()).split()
    generator, texts = np.random.default_rng(seed), list[str]()
    for start in generator.integers(len(words) - tokens[1], size=count):
        # A word is at least one token.
        text = " ".join(words[start : start + tokens[1]])
        texts.append(text[: skip(text, int(generator.integers(*tokens)))])
    return texts


def _started(settings: EncoderSettings) -> tuple[Encoder, float]:
    """An encoder, and the seconds it took to load it; imports are part of them."""
    start = time.perf_counter()
    return load_encoder(settings), time.perf_counter() - start


def _warmed_up(encoder: Encoder, passages: Sequence[str], queries: Sequence[str]) -> Vectors:
    """The first pass over everything, which compiles and allocates what later ones do not."""
    encoder.encode_queries(queries[:1])
    return np.concatenate([encoder.encode_passages(passages), encoder.encode_queries(queries)])


def _round(encoder: Encoder, passages: Sequence[str], queries: Sequence[str]) -> Round:
    return Round(
        passages=_seconds(lambda: encoder.encode_passages(passages)),
        batch=_seconds(lambda: encoder.encode_queries(queries)),
        alone=tuple(_seconds(partial(encoder.encode_queries, [query])) for query in queries),
    )


def _times(runtime: str, load: float, rounds: Sequence[Round], passages: int, floor: float) -> RuntimeTimes:
    rate = passages / median(one.passages for one in rounds)
    alone = [seconds * 1000 for one in rounds for seconds in one.alone]
    return RuntimeTimes(
        runtime=runtime,
        load_seconds=load,
        passages_per_second=rate,
        of_floor=rate / floor,
        queries_per_second=len(rounds[0].alone) / median(one.batch for one in rounds),
        query_p50_ms=float(np.percentile(alone, 50)),
        query_p95_ms=float(np.percentile(alone, 95)),
    )


def _ratio(slow: Sequence[Round], fast: Sequence[Round], seconds: Callable[[Round], float]) -> float:
    return median(seconds(one) / seconds(other) for one, other in zip(slow, fast, strict=True))


def _least_cosine(some: Vectors, others: Vectors) -> float:
    return float((some * others).sum(axis=1).min())


def _operations(bert: Bert, tokens: int) -> int:
    """Floating-point operations of a text's matrix products: four of the attention, two wide ones, and the heads'."""
    wide = len(bert.tensor("encoder.layer.0.intermediate.dense.bias"))
    weights = 4 * bert.hidden**2 + 2 * bert.hidden * wide
    return bert.layers * (2 * tokens * weights + 4 * tokens**2 * bert.hidden)


def _matmul(settings: EncoderSettings) -> tuple[str, Callable[[], object]]:
    """The precision on this processor, and one large matrix product in it on all cores."""
    import openvino as ov
    from openvino import opset13 as op

    from index.openvino_encoder import cpu_precision

    core, square = ov.Core(), np.ones((_SIDE, _SIDE), np.float32)
    precision = cpu_precision(core, settings)
    left = op.parameter(square.shape, np.float32)
    product = op.matmul(left, op.constant(square), transpose_a=False, transpose_b=True)
    request = core.compile_model(
        ov.Model([product], [left], "matmul"), "CPU", {"INFERENCE_PRECISION_HINT": precision}
    ).create_infer_request()
    request.infer([square])
    return precision, lambda: request.infer([square])


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
