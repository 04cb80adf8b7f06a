"""`bench encoders`: both runtimes on the same texts, and the floor they are held against."""

import json
from pathlib import Path

import pytest
from tiny_encoders import write_encoder

from bench.cli import app
from bench.encoders import measure_runtimes, sample_texts
from index.settings import EncoderSettings
from index.tokens import count_tokens
from service.cli.console import run_command


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


def test_sample_texts_are_as_long_as_asked_and_the_same_each_time() -> None:
    texts = sample_texts(40, (4, 20))
    assert texts == sample_texts(40, (4, 20)) != sample_texts(40, (4, 20), seed=2)
    assert {4 <= count_tokens(text) < 20 for text in texts} == {True}
    assert len(set(texts)) > 30


def test_the_floor_is_the_operations_of_the_passages_at_the_rate_of_a_matrix_product(tiny_folder: Path) -> None:
    settings = EncoderSettings(model=str(tiny_folder), hub=False, precision="fp32")
    # [CLS] policy rate [SEP], and one passage that is cut at the model's 32 tokens.
    times = measure_runtimes(settings, ["openvino"], ["policy rate", "policy " * 99], ["rate"], rounds=1)
    assert times.passage_tokens == 18
    # 2 layers; multiply and add: weights of 4 × 32² and 2 × 32 × 64 for each token, twice tokens² × 32 for the heads.
    each = [2 * (2 * tokens * (4 * 32**2 + 2 * 32 * 64) + 4 * tokens**2 * 32) for tokens in (4, 32)]
    assert times.gflop_per_passage == pytest.approx(sum(each) / 2 / 1e9)
    assert times.floor_passages_per_second == pytest.approx(times.gflops_of_matmul / times.gflop_per_passage)
    [one] = times.runtimes
    assert one.of_floor == pytest.approx(one.passages_per_second / times.floor_passages_per_second)
    assert 0 < one.of_floor < 1


def test_the_command_compares_openvino_with_torch(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("authority-search.toml").write_text(f'[encoder]\nmodel = "{tiny_folder}"\nhub = false\nprecision = "fp32"')
    options = ["--passages", "3", "--queries", "2", "--rounds", "2"]
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: app(["bench", "encoders", *options, "--json"]))
    found = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    assert [one["runtime"] for one in found["runtimes"]] == ["openvino", "torch"]
    assert found["passages_ratio"].keys() == found["query_ratio"].keys() == {"torch"}
    assert found["least_cosine"] > 0.9999
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: app(["bench", "encoders", *options]))
    assert ended.value.code == 0
    assert "openvino against torch, median of rounds" in capsys.readouterr().out
