"""BERT encoders under OpenVINO, on the CPU: faster there than torch, and a fraction of its size on disk.

Only texts of the same number of tokens share an inference, so nothing is padded or masked, and a vector depends on
nothing but its text. Inferences of a batch run side by side, each on one core, the largest first.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np
import openvino as ov

from index.bert import read_bert
from index.bert_graph import bert_graph
from index.encoders import EncoderDescription, Vectors, unit_rows
from index.errors import EncoderUnavailable
from index.settings import EncoderSettings
from index.weights import KNOWN_MODELS, weights_digest

# Tokens that share an inference. Short texts alone leave a core waiting for weights; more of them gain nothing. In
# bf16 none share one: there, texts beside a text changed its vector by .001.
_GROUP_TOKENS = {"f32": 256, "bf16": 0}
_PRECISIONS = {"fp32": "f32", "bf16": "bf16"}


class OpenVinoEncoder:
    """A BERT or XLM-RoBERTa folder of sentence-transformers, in bf16 where the processor computes in it.

    Threads may share it. Raises EncoderUnavailable, with the reason, for a folder that it does not understand.
    """

    def __init__(self, folder: Path, settings: EncoderSettings) -> None:
        self._bert = read_bert(folder)
        self._core = ov.Core()
        self._precision = cpu_precision(self._core, settings)
        self._lock = Lock()
        known = KNOWN_MODELS.get(settings.model, self._bert)
        self.description = EncoderDescription(
            model=settings.model,
            dimensions=self._bert.hidden,
            max_tokens=self._bert.max_tokens,
            query_prefix=known.query_prefix,
            passage_prefix=known.passage_prefix,
            digest=weights_digest(folder),
        )
        try:
            # Kept, so that both ways to run it share the weights.
            self._graph = bert_graph(self._bert)
            # One text on all cores, for the least delay.
            self._alone = self._compiled({"PERFORMANCE_HINT": "LATENCY"})
        except (KeyError, RuntimeError) as error:
            raise EncoderUnavailable(f"{folder}: the weights do not fit config.json: {error}") from error

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode(self.description.query_prefix, texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self._encode(self.description.passage_prefix, texts)

    def _encode(self, prefix: str, texts: Sequence[str]) -> Vectors:
        encodings = self._bert.tokenizer.encode_batch_fast([prefix + text for text in texts])
        tokens = [encoding.ids for encoding in encodings]
        vectors = np.zeros((len(texts), self.description.dimensions), np.float32)
        if len(tokens) == 1:
            vectors[:] = self._infer(self._alone, tokens)
        elif tokens:
            with self._lock:
                model, threads = self._side_by_side
            groups = equal_lengths(tokens, _GROUP_TOKENS[self._precision])
            found = threads.map(lambda group: self._infer(model, [tokens[number] for number in group]), groups)
            for group, values in zip(groups, found, strict=True):
                vectors[group] = values
        return unit_rows(vectors)

    def _infer(self, model: ov.CompiledModel, tokens: Sequence[list[int]]) -> Vectors:
        # A request of its own for each inference: they are cheap, and threads cannot get into each other's way.
        request = model.create_infer_request()
        request.infer([np.stack([self._bert.token_vectors(ids) for ids in tokens])])
        return np.array(request.get_output_tensor(0).data, np.float32)

    @cached_property
    def _side_by_side(self) -> tuple[ov.CompiledModel, ThreadPoolExecutor]:
        """Compiled when the first batch comes: a stream for each core, and the threads that feed them.

        Two threads a stream, so that no core waits for Python between two inferences. Not OpenVINO's own queue, whose
        callbacks want the interpreter lock in the streams' threads: the end of the model waits for those, holding it.
        """
        cores = len(os.sched_getaffinity(0))
        model = self._compiled({"NUM_STREAMS": cores, "INFERENCE_NUM_THREADS": cores})
        return model, ThreadPoolExecutor(2 * cores, thread_name_prefix="encoder")

    def _compiled(self, how: dict[str, str | int]) -> ov.CompiledModel:
        # Not pinned to cores: other threads and processes work on the same ones.
        options = {"INFERENCE_PRECISION_HINT": self._precision, "ENABLE_CPU_PINNING": False, **how}
        return self._core.compile_model(self._graph, "CPU", options)


def equal_lengths(tokens: Sequence[Sequence[int]], most: int) -> list[list[int]]:
    """Numbers of texts in groups of one length and at most `most` tokens, or of one text; those of most tokens first.

    So no core is left with much to do at the end.
    """
    groups: list[list[int]] = []
    for number in sorted(range(len(tokens)), key=lambda number: -len(tokens[number])):
        length = len(tokens[number])
        last = groups[-1] if groups else []
        if last and len(tokens[last[0]]) == length and (len(last) + 1) * length <= most:
            last.append(number)
        else:
            groups.append([number])
    return sorted(groups, key=lambda group: -len(group) * len(tokens[group[0]]))


def cpu_precision(core: ov.Core, settings: EncoderSettings) -> str:
    """OpenVINO's name of the precision asked for; `auto` is bf16 where the processor computes in it, f32 elsewhere."""
    if settings.precision != "auto":
        return _PRECISIONS[settings.precision]
    return "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
