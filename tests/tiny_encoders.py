"""Real encoders for tests, tiny and of random but fixed weights, as sentence-transformers saves them."""

import json
from pathlib import Path
from typing import Any

from cross_encoders import write_tokenizer

from index.torch_runtime import quieten

_MODULE = "sentence_transformers.models."


def write_encoder(folder: Path, kind: str = "bert", pooling: str = "mean_tokens", dtype: str = "float32") -> Path:
    """A folder of that architecture. Equal arguments give equal weights."""
    import torch
    from transformers import AutoConfig, AutoModel

    quieten()
    config = AutoConfig.for_model(
        kind,
        vocab_size=write_tokenizer(folder),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=40,
        # XLM-RoBERTa's first position follows it.
        pad_token_id=0,
        initializer_range=0.5,
    )
    with torch.random.fork_rng():
        torch.manual_seed(7)
        AutoModel.from_config(config).to(getattr(torch, dtype)).save_pretrained(folder)
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    _write(folder / "modules.json", [_module(number, *one) for number, one in enumerate(modules)])
    _write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 32, f"pooling_mode_{pooling}": True})
    _write(folder / "sentence_bert_config.json", {"max_seq_length": 32, "do_lower_case": False})
    return folder


def _module(number: int, path: str, name: str) -> dict[str, Any]:
    return {"idx": number, "name": str(number), "path": path, "type": _MODULE + name}


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
