"""BERT as an OpenVINO graph, built operation by operation from the weights (Devlin et al., "BERT", 2019)."""

import numpy as np
import openvino as ov
from openvino import opset13 as op

from index.bert import Bert


def bert_graph(bert: Bert) -> ov.Model:
    """From token vectors, [texts, n, hidden], to one pooled vector a text, [texts, hidden], not yet of length 1.

    All texts have n tokens, so that there is no padding, and no mask to take it out again. Raises KeyError for a
    missing tensor and RuntimeError for one of another shape.
    """
    tokens = op.parameter([-1, -1, bert.hidden], np.float32, name="tokens")
    states = _layer_norm(bert, tokens, "embeddings.LayerNorm")
    for number in range(bert.layers):
        layer = f"encoder.layer.{number}"
        attended = _linear(bert, _attention(bert, states, f"{layer}.attention.self"), f"{layer}.attention.output.dense")
        states = _layer_norm(bert, op.add(attended, states), f"{layer}.attention.output.LayerNorm")
        wide = op.gelu(_linear(bert, states, f"{layer}.intermediate.dense"), "erf")
        narrow = _linear(bert, wide, f"{layer}.output.dense")
        states = _layer_norm(bert, op.add(narrow, states), f"{layer}.output.LayerNorm")
    pooled = op.reduce_mean(states, _ints(1)) if bert.pooling == "mean" else op.gather(states, _int(0), _int(1))
    return ov.Model([pooled], [tokens], "bert")


def _attention(bert: Bert, states: ov.Node, name: str) -> ov.Node:
    """Self-attention of all heads, [texts, n, hidden]: softmax(q kᵀ / √size) v (Vaswani et al., 2017)."""
    size = bert.hidden // bert.heads

    def heads(part: str) -> ov.Node:
        # 0 keeps a dimension as it is.
        split = op.reshape(_linear(bert, states, f"{name}.{part}"), _ints(0, 0, bert.heads, size), special_zero=True)
        return op.transpose(split, _ints(0, 2, 1, 3))

    scaled = op.multiply(heads("query"), op.constant(np.float32(size**-0.5)))
    weights = op.softmax(op.matmul(scaled, heads("key"), transpose_a=False, transpose_b=True), -1)
    mixed = op.matmul(weights, heads("value"), transpose_a=False, transpose_b=False)
    return op.reshape(op.transpose(mixed, _ints(0, 2, 1, 3)), _ints(0, 0, bert.hidden), special_zero=True)


def _linear(bert: Bert, states: ov.Node, name: str) -> ov.Node:
    product = op.matmul(states, _tensor(bert, f"{name}.weight"), transpose_a=False, transpose_b=True)
    return op.add(product, _tensor(bert, f"{name}.bias"))


def _layer_norm(bert: Bert, states: ov.Node, name: str) -> ov.Node:
    normed = op.mvn(states, _ints(-1), normalize_variance=True, eps=bert.epsilon, eps_mode="inside_sqrt")
    return op.add(op.multiply(normed, _tensor(bert, f"{name}.weight")), _tensor(bert, f"{name}.bias"))


def _tensor(bert: Bert, name: str) -> ov.Node:
    return op.constant(bert.tensor(name))


def _ints(*values: int) -> ov.Node:
    return op.constant(np.array(values, np.int64))


def _int(value: int) -> ov.Node:
    return op.constant(np.int64(value))
