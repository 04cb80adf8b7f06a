"""Cross-encoders from folders: found, loaded, read by their logits; and what is none is refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cross_encoders import write_cross_encoder

from index.errors import EncoderUnavailable, RerankerUnavailable
from index.rerankers import Reranker, load_reranker
from index.settings import EncoderSettings, RerankerSettings

LOCAL = EncoderSettings(hub=False, device="cpu", precision="fp32")
PAIRS = [
    ("policy rate", "The bank sets the policy rate."),
    ("policy rate", "A measles vaccine takes two doses."),
    ("地震", "地震震级"),
    ("why are leaves green?", "Chlorophyll."),
]


def load(model: Path | str, encoder: EncoderSettings = LOCAL, **others: int) -> Reranker:
    reranker = load_reranker(RerankerSettings(model=str(model), **others), encoder)
    assert reranker is not None
    return reranker


@pytest.fixture(scope="module")
def reranker(cross_encoder_folder: Path) -> Reranker:
    return load(cross_encoder_folder)


def test_by_default_there_is_none_and_no_engine_is_loaded() -> None:
    code = (
        "import sys; from index.rerankers import load_reranker; from index.settings import *; "
        "assert load_reranker(RerankerSettings(), EncoderSettings()) is None; "
        "assert not {'torch', 'sentence_transformers', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_scores_are_the_logits_of_the_model_itself(reranker: Reranker, cross_encoder_folder: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(cross_encoder_folder)
    model = AutoModelForSequenceClassification.from_pretrained(cross_encoder_folder).eval()
    with torch.inference_mode():
        expected = [model(**tokenizer(*pair, return_tensors="pt")).logits.item() for pair in PAIRS]
    scores = reranker.scores(PAIRS)
    assert (scores.dtype, scores.shape) == (np.float32, (4,))
    assert scores == pytest.approx(expected, abs=1e-4)
    assert len(set(scores.tolist())) == 4


def test_no_pairs_have_no_scores(reranker: Reranker) -> None:
    assert reranker.scores([]).shape == (0,)


def test_the_same_pairs_get_the_same_scores_in_any_batch(cross_encoder_folder: Path, reranker: Reranker) -> None:
    assert reranker.scores(PAIRS).tobytes() == reranker.scores(PAIRS).tobytes()
    assert load(cross_encoder_folder, batch_size=1).scores(PAIRS) == pytest.approx(reranker.scores(PAIRS), abs=1e-4)


def test_a_pair_is_cut_at_the_setting_and_at_the_models_own_limit(cross_encoder_folder: Path) -> None:
    long = [("policy", "rate " * count) for count in (14, 30, 4000)]
    # [CLS] policy [SEP] rate … [SEP]: 16 tokens hold 12 times "rate".
    short = load(cross_encoder_folder, max_tokens=16)
    assert len(set(short.scores(long).tolist())) == 1
    assert short.scores(long[:1]) == pytest.approx(short.scores([("policy", "rate " * 12)]), abs=1e-5)
    # The model has 128 positions, fewer than the setting's default.
    assert len(set(load(cross_encoder_folder).scores(long).tolist())) == 3


def test_precision_follows_the_encoders(cross_encoder_folder: Path, reranker: Reranker) -> None:
    half = load(cross_encoder_folder, LOCAL.model_copy(update={"precision": "bf16"})).scores(PAIRS)
    assert half != pytest.approx(reranker.scores(PAIRS), abs=1e-6)
    assert half == pytest.approx(reranker.scores(PAIRS), abs=0.1)


def test_a_model_is_found_by_name_in_the_models_folder(cross_encoder_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "owner--tiny").symlink_to(cross_encoder_folder)
    found = load("owner/tiny", LOCAL.model_copy(update={"models_dir": tmp_path}), depth=7)
    assert (found.model, found.depth) == ("owner/tiny", 7)


def test_a_folder_that_sentence_transformers_saved_is_taken(
    cross_encoder_folder: Path, reranker: Reranker, tmp_path: Path
) -> None:
    from sentence_transformers import CrossEncoder

    CrossEncoder(str(cross_encoder_folder), device="cpu").save_pretrained(str(tmp_path / "saved"))
    assert (tmp_path / "saved" / "modules.json").is_file()
    assert load(tmp_path / "saved").scores(PAIRS) == pytest.approx(reranker.scores(PAIRS), abs=1e-5)


def test_a_model_that_is_nowhere_is_an_error_with_every_place_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RerankerUnavailable) as caught:
        load(tmp_path / "nowhere", LOCAL.model_copy(update={"models_dir": tmp_path / "models"}))
    said = str(caught.value)
    assert said.startswith(f"no cross-encoder '{tmp_path}/nowhere'. Tried: local folders {tmp_path}/nowhere and ")
    assert "the hub (not asked" in said
    assert "Set reranker.model to such a folder" in said


def test_an_encoder_is_no_reranker(minilm_folder: Path) -> None:
    with pytest.raises(RerankerUnavailable, match="an encoder's folder is none"):
        load(minilm_folder)


@pytest.mark.parametrize("config", ["{}", "[1]", "no json", '{"architectures": ["BertModel"]}', None])
def test_weights_without_a_head_for_pairs_are_refused(
    cross_encoder_folder: Path, tmp_path: Path, config: str | None
) -> None:
    (tmp_path / "model.safetensors").symlink_to(cross_encoder_folder / "model.safetensors")
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(RerankerUnavailable, match="no cross-encoder"):
        load(tmp_path)


def test_a_model_with_several_scores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RerankerUnavailable, match=r"classes cannot be used .*it gives 3 scores for a pair"):
        load(write_cross_encoder(tmp_path / "classes", labels=3))


def test_a_damaged_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "bert", "architectures": ["BertForSequenceClassification"]})
    )
    (tmp_path / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(RerankerUnavailable, match=rf"^{tmp_path} cannot be used as a reranker .*or leave it empty"):
        load(tmp_path)


def test_a_gpu_that_is_not_there_is_named(cross_encoder_folder: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(EncoderUnavailable, match=r"encoder\.device is cuda"):
        load(cross_encoder_folder, LOCAL.model_copy(update={"device": "cuda"}))
