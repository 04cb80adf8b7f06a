"""Services as child processes on loopback: our own, by its own command, and the plain server to compare with."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple, NoReturn

import httpx

from bench.errors import LoadFailed

HOST = "127.0.0.1"
_START_SECONDS = 180.0
_LOG_TAIL = 2000


class Running(NamedTuple):
    """A service that answers searches. `pid` is None where the bench did not start it; `snapshot` is what it serves."""

    url: str
    pid: int | None
    snapshot: str | None


def attach(url: str) -> Running:
    """A service that runs somewhere. Raises LoadFailed when it answers no searches there."""
    url = url.rstrip("/")
    try:
        reply = httpx.get(f"{url}/ready", timeout=10)
        snapshot = reply.json().get("snapshot")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError) as error:
        raise LoadFailed(
            f"no service of ours answers at {url} ({error or type(error).__name__}); check --url"
        ) from error
    if reply.status_code != 200:
        raise LoadFailed(f"the service at {url} is not ready: {reply.text[:200]}")
    return Running(url, None, snapshot)


@contextmanager
def started(name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Run `command` with `--port N` until it is ready, and end it after. Raises LoadFailed with what it said."""
    port = _free_port()
    with TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)], stdout=log, stderr=log, env=os.environ | (environment or {})
        )
        try:
            yield _ready(name, process, port, log)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM unwinds the command as Ctrl-C does, so that no service or generator of it is left behind."""

    def end(_signal: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def service_command(settings_file: Path | None, data_dir: Path) -> list[str]:
    """Our service over the live snapshot of a data folder, by the command that serves in earnest."""
    options = ["--settings", str(settings_file)] if settings_file else []
    program = [sys.executable, "-c", "from bench.cli import main; main()"]
    return [*program, *options, "--data-dir", str(data_dir), "serve", "--host", HOST]


def plain_command(settings_file: Path | None, data_dir: Path) -> list[str]:
    """The plain server over the same snapshot."""
    options = ["--settings", str(settings_file)] if settings_file else []
    return [sys.executable, "-m", "bench.peers.plain_server", *options, "--data-dir", str(data_dir)]


def _ready(name: str, process: "subprocess.Popen[bytes]", port: int, log: IO[bytes]) -> Running:
    url, end = f"http://{HOST}:{port}", time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            reply = httpx.get(f"{url}/ready", timeout=10)
        except httpx.TransportError:
            pass
        else:
            if reply.status_code == 200:
                return Running(url, process.pid, reply.json()["snapshot"])
        time.sleep(0.1)
    log.seek(0)
    said = log.read().decode(errors="replace").strip()[-_LOG_TAIL:]
    why = f"ended with {process.returncode}" if process.poll() is not None else f"took over {_START_SECONDS:.0f} s"
    raise LoadFailed(f"{name} did not come up: it {why}. It said: {said or 'nothing'}")


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])
