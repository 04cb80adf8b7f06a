"""A real cross-encoder for tests, tiny and of random but fixed weights."""

import string
from pathlib import Path

from index.torch_runtime import quieten

WORDS = ["policy", "rate", "bank", "inflation", "measles", "vaccine", "dose", "leaves", "green", "energy", *"利率地震"]


def write_cross_encoder(folder: Path, labels: int = 1, layers: int = 2, hidden: int = 32, positions: int = 128) -> Path:
    """A transformers folder as hubs have them: BERT that scores pairs. Equal arguments give equal weights."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    quieten()
    config = BertConfig(
        vocab_size=write_tokenizer(folder),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 16,
        intermediate_size=4 * hidden,
        max_position_embeddings=positions,
        num_labels=labels,
        # Wide enough that unlike texts get unlike scores.
        initializer_range=0.5,
    )
    with torch.random.fork_rng():
        torch.manual_seed(7)
        BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def write_tokenizer(folder: Path) -> int:
    """A new folder with a tokenizer of few words and all letters; returns how many tokens it knows."""
    from transformers import BertTokenizerFast

    folder.mkdir(parents=True)
    letters = [*string.ascii_lowercase, *string.digits]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *letters, *(f"##{one}" for one in letters)]
    (folder / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    return len(pieces)
