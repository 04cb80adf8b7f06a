"""A BERT encoder read out of a sentence-transformers folder, without torch.

What is read is what decides over a vector. Whatever is not understood is refused: a vector that is nearly right
would pass unnoticed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from tokenizers import Tokenizer

from index.errors import EncoderUnavailable
from index.tensors import as_float32, map_tensors

Pooling = Literal["mean", "cls"]

_POOLINGS: dict[str, Pooling] = {"mean": "mean", "cls": "cls"}
_OLD_POOLING = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
# What the keys of config.json must say, where they are there; the defaults of transformers are these.
_EXPECTED = {
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "quantization_config": None,
}


@dataclass(frozen=True, slots=True)
class Bert:
    """An encoder of Devlin et al. ("BERT", 2019): its weights and all that decides over a vector.

    `layer(number, name)` is a tensor of an encoder layer. `positions` holds, for each position of a text, what is
    added to the word vector of the token there: position and token type.
    """

    tokenizer: Tokenizer
    max_tokens: int
    hidden: int
    layers: int
    heads: int
    epsilon: float
    pooling: Pooling
    query_prefix: str
    passage_prefix: str
    positions: NDArray[np.float32]
    _tensors: Mapping[str, NDArray[Any]]

    def token_vectors(self, ids: list[int]) -> NDArray[np.float32]:
        """The input of the encoder, shape [len(ids), hidden]. Only the rows of these words are read from disk."""
        words = self._tensors["embeddings.word_embeddings.weight"]
        return as_float32(words[ids]) + self.positions[: len(ids)]

    def tensor(self, name: str) -> NDArray[np.float32]:
        """A copy of a tensor. Raises KeyError."""
        return as_float32(self._tensors[name])


def read_bert(folder: Path) -> Bert:
    """Read the folder. Raises EncoderUnavailable with the reason where there is anything that is not understood."""
    try:
        return _read(folder)
    except _NotUnderstood as error:
        raise EncoderUnavailable(f"{folder}: {error}") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, SafetensorError) as error:
        raise EncoderUnavailable(f"{folder} is damaged: {type(error).__name__}: {error}") from error


class _NotUnderstood(Exception):
    """Why the folder cannot be read; the beginning of the sentence is the folder."""


def _read(folder: Path) -> Bert:
    base, pooling = _modules(folder)
    config = _json(base / "config.json")
    kind = config.get("model_type")
    if kind not in ("bert", "xlm-roberta"):
        raise _NotUnderstood(f"a model of type {kind!r}; only bert and xlm-roberta are understood")
    for key, expected in _EXPECTED.items():
        if config.get(key, expected) not in (expected, None):
            raise _NotUnderstood(f"config.json has {key} {config[key]!r}; only {expected!r} is understood")
    tensors = _tensors(base)
    words = tensors["embeddings.word_embeddings.weight"]
    if words.shape[1] != config["hidden_size"] or words.shape[1] % config["num_attention_heads"]:
        raise _NotUnderstood(f"word vectors of {words.shape[1]} numbers do not fit config.json")
    positions = as_float32(tensors["embeddings.position_embeddings.weight"])
    if kind == "xlm-roberta":
        # RoBERTa's rows up to the padding token's id stand for no position.
        positions = positions[int(config["pad_token_id"]) + 1 :]
    options = _json(base / "sentence_bert_config.json", needed=False)
    max_tokens = _max_tokens(options, _json(base / "tokenizer_config.json", needed=False), len(positions))
    tokenizer = _tokenizer(base, max_tokens, len(words))
    if options.get("do_lower_case"):
        raise _NotUnderstood("sentence_bert_config.json has do_lower_case, which is not understood")
    query, passage = _prompts(_json(folder / "config_sentence_transformers.json", needed=False))
    return Bert(
        tokenizer=tokenizer,
        max_tokens=max_tokens,
        hidden=int(config["hidden_size"]),
        layers=int(config["num_hidden_layers"]),
        heads=int(config["num_attention_heads"]),
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        pooling=pooling,
        query_prefix=query,
        passage_prefix=passage,
        positions=positions + as_float32(tensors["embeddings.token_type_embeddings.weight"][0]),
        _tensors=tensors,
    )


def _modules(folder: Path) -> tuple[Path, Pooling]:
    """The folder of the transformer, and how its outputs become one vector."""
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    # With or without the last: vectors are scaled to length 1 in any case.
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise _NotUnderstood(f"modules.json lists {', '.join(kinds) or 'nothing'}; only a transformer with pooling is")
    pooling = _json(folder / modules[1]["path"] / "config.json")
    if not pooling.get("include_prompt", True):
        raise _NotUnderstood("pooling leaves out the prompt, which is not understood")
    modes = pooling.get("pooling_mode") or [
        _OLD_POOLING.get(key, key) for key, on in pooling.items() if key.startswith("pooling_mode_") and on
    ]
    modes = [modes] if isinstance(modes, str) else modes
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise _NotUnderstood(f"pooling is {modes}; only mean or cls is understood")
    return folder / modules[0]["path"], _POOLINGS[modes[0]]


def _tensors(base: Path) -> dict[str, NDArray[Any]]:
    """Tensors by the names that BertModel gives them; a checkpoint with a head has a prefix before these."""
    paths = sorted(base.glob("*.safetensors"))
    if not paths:
        raise _NotUnderstood("no weights in safetensors")
    tensors = map_tensors(paths)
    words = "embeddings.word_embeddings.weight"
    prefix = next((name.removesuffix(words) for name in tensors if name.endswith(words)), "")
    return {name.removeprefix(prefix): values for name, values in tensors.items() if name.startswith(prefix)}


def _tokenizer(base: Path, max_tokens: int, words: int) -> Tokenizer:
    path = base / "tokenizer.json"
    if not path.is_file():
        raise _NotUnderstood("no tokenizer.json")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # The library raises nothing narrower.
        raise _NotUnderstood(f"tokenizer.json is damaged: {error}") from error
    if tokenizer.get_vocab_size() > words:
        raise _NotUnderstood(f"tokenizer.json knows {tokenizer.get_vocab_size()} tokens, the weights {words}")
    # Some files bring truncation and padding of their own, MiniLM's at 128 tokens.
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def _max_tokens(options: dict[str, Any], tokenizer: dict[str, Any], positions: int) -> int:
    """As sentence-transformers has it: its own limit, else the tokenizer's, which may be a number without meaning."""
    limit = options.get("max_seq_length") or tokenizer.get("model_max_length") or positions
    return int(min(limit, positions))


def _prompts(config: dict[str, Any]) -> tuple[str, str]:
    if config.get("default_prompt_name"):
        raise _NotUnderstood("config_sentence_transformers.json has a default prompt, which is not understood")
    prompts = config.get("prompts") or {}
    return prompts.get("query", ""), prompts.get("passage", prompts.get("document", ""))


def _json(path: Path, needed: bool = True) -> dict[str, Any]:
    if not needed and not path.is_file():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise _NotUnderstood(f"{path.name} is no JSON object")
    return content
