"""The demonstration: a live site on loopback, crawled, published, served and searched.

The site is what every Python has: the pydoc server, which renders the standard library's documentation.
"""

import csv
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn

from service.app import create_app
from service.errors import NotReady
from service.http_server import server_config
from service.live import LiveSearcher
from service.settings import ServerSettings

SITE_PORT = 18650
SITE_HOST = "127.0.0.1"
MODULES = ("bisect", "heapq", "statistics", "sqlite3", "zipfile", "csv", "json", "fractions")
QUESTIONS = (
    "insert into a list and keep it sorted without sorting again",
    "get the smallest item first with a priority queue",
    "如何执行 SQL 查询并读取结果？",
)
_SOURCE = {
    "id": SITE_HOST, "name": "Python standard library (pydoc on this machine)", "sector": "technical-docs",
    "country": "INT", "language": "en", "kind": "technical", "tier": "1", "authority": "0.90", "evidence": "",
    "notes": "demonstration",
}  # fmt: skip
_SETTINGS = """# Written by `authority-search demo`; the demonstration's own settings.
data_dir = {data_dir!r}
source_files = [{source_file!r}]

[crawl]
delay = 0.0
max_pages = {pages}
max_depth = 2
allow_private_addresses = true
"""


def write_settings(folder: Path, pages: int) -> Path:
    """Write the settings file and the source list of the demonstration; return the settings file."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    source_file = folder / "sources.csv"
    with source_file.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(_SOURCE), lineterminator="\n")
        writer.writeheader()
        writer.writerow(_SOURCE)
    settings_file = folder / "authority-search.toml"
    content = _SETTINGS.format(data_dir=str(folder), source_file=str(source_file), pages=pages)
    settings_file.write_text(content, encoding="utf-8")
    return settings_file


@contextmanager
def documentation_site(port: int = SITE_PORT) -> Iterator[str]:
    """Run the pydoc server and give its address. Without third-party packages: documenting one imports it."""
    with tempfile.TemporaryDirectory() as empty:
        # BROWSER: one module of the standard library opens a browser when it is imported.
        environment = os.environ | {"BROWSER": "true"}
        command = [sys.executable, "-I", "-S", "-m", "pydoc", "-n", SITE_HOST, "-p", str(port)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, stdin=pipe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=empty, env=environment
        )
        try:
            address = f"http://{SITE_HOST}:{port}/"
            _wait_for(address, process)
            yield address
        finally:
            process.terminate()
            process.wait()


@contextmanager
def serving(live: LiveSearcher, server: ServerSettings) -> Iterator[str]:
    """Serve in a thread of this process, on a free port, and give the address once it answers searches."""
    server = server.model_copy(update={"port": 0, "access_log": "off"})
    running = uvicorn.Server(server_config(create_app(live, server), server))
    thread = threading.Thread(target=running.run, name="demo-server")
    thread.start()
    try:
        while not running.started or live.readiness().status != "ready":
            if not thread.is_alive():
                raise NotReady("the service ended while it started; its messages are above")
            time.sleep(0.05)
        port = running.servers[0].sockets[0].getsockname()[1]
        yield f"http://{server.host}:{port}"
    finally:
        running.should_exit = True
        thread.join()


def _wait_for(address: str, process: "subprocess.Popen[bytes]", seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx.get(address, timeout=10)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise NotReady(f"the documentation site did not come up at {address}; is the port taken? Try --site-port")
