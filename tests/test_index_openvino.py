"""The OpenVINO runtime: the vectors of sentence-transformers, from the same folder, without torch."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from tiny_encoders import write_encoder

from index.encoders import Encoder, SentenceTransformerEncoder, load_encoder
from index.errors import EncoderUnavailable
from index.openvino_encoder import OpenVinoEncoder, equal_lengths
from index.settings import EncoderSettings

TEXTS = [
    "The policy rate is the rate at which a central bank lends overnight.",
    "Measles vaccination takes two doses, four weeks apart; a third is not needed.",
    "The committee voted 7 to 2 (2024-06-30): no change — “steady as she goes”.",
    "policy",
    "",
    "政策利率是中央银行向商业银行提供隔夜贷款的利率。",
    "地震震级每增加一级，能量约增加三十二倍；烈度则表示地面受到的影响。",
    "rate " * 90,
]


def load(folder: Path, runtime: str = "openvino", **others: Any) -> Encoder:
    return load_encoder(
        EncoderSettings.model_validate(
            {"model": str(folder), "hub": False, "device": "cpu", "precision": "fp32", "runtime": runtime} | others
        )
    )


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.fixture(scope="module")
def tiny(tiny_folder: Path) -> Encoder:
    return load(tiny_folder)


@pytest.mark.parametrize(
    ("kind", "pooling", "dtype"),
    [
        ("bert", "mean_tokens", "float32"),
        ("bert", "cls_token", "float16"),
        ("xlm-roberta", "mean_tokens", "bfloat16"),
    ],
)
def test_both_runtimes_give_the_same_vectors_and_description(
    tmp_path: Path, kind: str, pooling: str, dtype: str
) -> None:
    folder = write_encoder(tmp_path / "model", kind, pooling, dtype)
    ours, theirs = load(folder), load(folder, "torch")
    assert (type(ours), type(theirs)) == (OpenVinoEncoder, SentenceTransformerEncoder)
    assert np.abs(ours.encode_passages(TEXTS) - theirs.encode_passages(TEXTS)).max() < 1e-5
    assert np.abs(ours.encode_queries(TEXTS[:1]) - theirs.encode_queries(TEXTS[:1])).max() < 1e-5
    assert ours.description == theirs.description
    # Unlike texts are told apart, so equality above means something.
    assert ours.encode_queries(TEXTS[:1])[0] @ ours.encode_queries(TEXTS[5:6])[0] < 0.99


def test_e5_gives_the_same_vectors_under_both_runtimes(e5_settings: EncoderSettings) -> None:
    texts = TEXTS[:7]
    theirs = load_encoder(e5_settings.model_copy(update={"runtime": "torch"}))
    # In the precision that the product would take here.
    ours = load_encoder(e5_settings.model_copy(update={"runtime": "openvino", "precision": "auto"}))
    assert (ours.encode_passages(texts) * theirs.encode_passages(texts)).sum(axis=1).min() >= 0.999
    assert (ours.encode_queries(texts) * theirs.encode_queries(texts)).sum(axis=1).min() >= 0.999
    assert ours.description == theirs.description


def test_a_vector_does_not_depend_on_the_texts_beside_it(minilm: Encoder) -> None:
    assert isinstance(minilm, OpenVinoEncoder)
    texts = [*TEXTS, "rates", "doses", "policy rate", "measles dose"]
    together = minilm.encode_queries(texts)
    assert minilm.encode_queries(texts).tobytes() == together.tobytes()
    # They are equal where this was measured; a processor may have another kernel for more texts or threads.
    assert np.abs(minilm.encode_queries(texts[::-1])[::-1] - together).max() < 1e-6
    assert np.abs(minilm.encode_queries(texts[2:4]) - together[2:4]).max() < 1e-6
    assert np.abs(np.concatenate([minilm.encode_queries([text]) for text in texts]) - together).max() < 1e-6


def test_texts_of_one_length_share_an_inference_and_those_of_most_tokens_come_first() -> None:
    tokens = [[0] * length for length in (3, 300, 100, 3, 100, 4, 100, 300)]
    assert equal_lengths(tokens, 256) == [[1], [7], [2, 4], [6], [0, 3], [5]]
    assert equal_lengths(tokens[:4], 0) == [[1], [2], [0], [3]]
    assert equal_lengths([], 256) == []


CONFIG, POOLING, MODULES = "config.json", "1_Pooling/config.json", "modules.json"


def changed(source: Path, target: Path, name: str, fields: dict[str, Any] | list[Any] | None) -> Path:
    """A copy of a folder in which one JSON file has other fields, is another list, or is gone."""
    for path in source.rglob("*.*"):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    path = target / name
    if fields is None:
        path.unlink()
    elif isinstance(fields, dict):
        path.write_text(json.dumps((json.loads(path.read_text()) if path.is_file() else {}) | fields))
    else:
        path.write_text(json.dumps(fields))
    return target


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        (CONFIG, {"model_type": "mpnet"}, "a model of type 'mpnet'; only bert and xlm-roberta"),
        (CONFIG, {"hidden_act": "relu"}, "config.json has hidden_act 'relu'; only 'gelu'"),
        (CONFIG, {"position_embedding_type": "relative_key"}, "position_embedding_type 'relative_key'"),
        (CONFIG, {"hidden_size": 48}, "word vectors of 32 numbers do not fit"),
        (CONFIG, {"num_hidden_layers": 3}, r"do not fit config\.json: .*encoder\.layer\.2"),
        (CONFIG, {"num_attention_heads": "4"}, "is damaged: TypeError"),
        (POOLING, {"pooling_mode_max_tokens": True}, "pooling is .'mean', 'pooling_mode_max_tokens'.; only"),
        (POOLING, {"include_prompt": False}, "pooling leaves out the prompt"),
        (
            MODULES,
            [{"path": "", "type": "x.Transformer"}, {"path": "1_Dense", "type": "x.Dense"}],
            "Transformer, Dense",
        ),
        ("sentence_bert_config.json", {"do_lower_case": True}, "do_lower_case"),
        ("config_sentence_transformers.json", {"default_prompt_name": "query"}, "a default prompt"),
        ("tokenizer.json", None, "no tokenizer.json"),
        ("tokenizer.json", {"model": 3}, "tokenizer.json is damaged"),
        ("model.safetensors", None, "no weights in safetensors|encoder"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_reason(
    tiny_folder: Path, tmp_path: Path, name: str, fields: dict[str, Any] | list[Any] | None, said: str
) -> None:
    with pytest.raises(EncoderUnavailable, match=said):
        load(changed(tiny_folder, tmp_path / "model", name, fields))


def test_what_is_not_understood_runs_under_torch_and_the_log_says_why(
    tiny_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = changed(tiny_folder, tmp_path / "model", CONFIG, {"hidden_act": "relu"})
    with caplog.at_level(logging.INFO, "index.encoders"):
        encoder = load(folder, "auto")
    assert isinstance(encoder, SentenceTransformerEncoder)
    assert caplog.messages == [
        f"encoding under torch: {folder}: config.json has hidden_act 'relu'; only 'gelu' is understood"
    ]


def test_by_default_a_cpu_encodes_under_openvino(tiny_folder: Path) -> None:
    assert isinstance(load(tiny_folder, "auto"), OpenVinoEncoder)


def test_openvino_on_a_gpu_is_refused_by_the_settings() -> None:
    with pytest.raises(ValidationError, match=r"encoder\.runtime openvino computes on the CPU"):
        EncoderSettings(runtime="openvino", device="cuda")


# Runs in a process in which these packages are not found, as if they were not installed.
WITHOUT = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {absent} else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""
TORCH = {"torch", "sentence_transformers", "transformers"}
SERVE_LIGHT = """
from pathlib import Path
from records import build_and_publish, small_pages, small_sources
from http_server import service
from authority_search import Client
from index.encoders import load_encoder
from index.settings import EncoderSettings
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.live import LiveSearcher

root, model = Path(sys.argv[1]), sys.argv[2]
load = lambda: load_encoder(EncoderSettings(model=model, hub=False))
build_and_publish(root, small_pages(), small_sources(), load())
live = LiveSearcher(SnapshotStore(DataFolder(root)), load, RankingSettings(), poll_seconds=0.01)
with service(live) as url, Client(url, retries=9) as client:
    reply = client.search(["what is the policy rate", "measles"], top_k=1, explain=True)
    print([one.hits[0].explanation.dense.raw is not None for one in reply.results], reply.degraded)
assert not {absent} & set(sys.modules)
"""


def run_without(absent: set[str], code: str, *arguments: str | Path) -> str:
    """What it prints, or the last line of its error."""
    code = (WITHOUT + code).replace("{absent}", repr(absent))
    run = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout.strip() or run.stderr.strip().splitlines()[-1]


def test_without_torch_the_index_is_built_and_served(tiny_folder: Path, tmp_path: Path) -> None:
    assert run_without(TORCH, SERVE_LIGHT, tmp_path, tiny_folder) == "[True, True] []"


def test_without_both_runtimes_it_says_what_to_install(tiny_folder: Path) -> None:
    code = """
from index.encoders import load_encoder
from index.settings import EncoderSettings
load_encoder(EncoderSettings(model=sys.argv[1], hub=False))
"""
    said = run_without({*TORCH, "openvino"}, code, tiny_folder)
    assert said.startswith("index.errors.EncoderUnavailable: openvino cannot be imported")
    assert said.endswith("pip install openvino; or install sentence-transformers, which takes any model")
