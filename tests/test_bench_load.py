"""The load bench: what is sent, how it is timed, what it is compared with, and what is shown."""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from http_server import Canned, scripted, service
from records import LetterEncoder, build_and_publish, small_pages, small_sources
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import InvalidCollection, LoadFailed
from bench.load.driving import drive
from bench.load.floor import PARTS, Floor
from bench.load.measure import OVER_ENCODER, OVER_HYBRID, load_aims
from bench.load.page import write_load
from bench.load.plan import Plan, fresh_queries
from bench.load.records import Against, Aim, Cell, LoadReport, Overhead, Spread
from bench.load.running import Running, attach, ended_by_sigterm, service_command, started
from bench.load.texts import load_texts
from bench.load.turns import Direct, against, overhead
from bench.peers.plain_server import create_app
from index.encoders import Vectors
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.live import LiveSearcher
from service.searcher import Searcher

SERVED = Canned(200, b'{"snapshot":"s","results":[],"degraded":[]}')

ALWAYS_READY = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"snapshot": "s"}')
http.server.HTTPServer(("127.0.0.1", int(sys.argv[-1])), Handler).serve_forever()
"""


def plan(url: str, seconds: float = 0.4, **changes: Any) -> Plan:
    return Plan(url, seconds, texts=("a", "b"), **changes)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("load")
    build_and_publish(root, small_pages(), small_sources(), LetterEncoder())
    return root


@pytest.fixture(scope="module")
def snapshot(data: Path) -> Snapshot:
    return SnapshotStore(DataFolder(data)).open()


class SlowEncoder(LetterEncoder):
    """Takes a quarter of a second for each pass."""

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        time.sleep(0.25)
        return super().encode_queries(texts)


@contextmanager
def running(data: Path, encoder: LetterEncoder) -> Iterator[str]:
    live = LiveSearcher(SnapshotStore(DataFolder(data)), lambda: encoder, RankingSettings(), poll_seconds=0.01)
    live.refresh()
    with service(cast(Any, live)) as url:
        yield url


def test_no_two_queries_of_a_run_are_equal() -> None:
    assert fresh_queries(("a", "b"), 1, 4) == ["b", "a (1)", "b (1)", "a (2)"]
    with scripted(SERVED) as server:
        drive(Running(server.url, None, None), plan(server.url, callers=3, batch=2, options={"top_k": 7}))
    bodies = [json.loads(body) for _, _, body in server.received]
    asked = [query for body in bodies for query in body["queries"]]
    assert len(asked) == len(set(asked)) > 6
    assert {(len(body["queries"]), body["top_k"]) for body in bodies} == {(2, 7)}


def test_a_closed_loop_counts_what_was_answered_and_names_what_was_not() -> None:
    failed = Canned(500), Canned(200, b'{"results":[],"degraded":[{"arm":"dense"}]}')
    with scripted(SERVED, *failed, Canned(429, b"", {"Retry-After": "1.1"}), SERVED) as server:
        cell, seen = drive(Running(server.url, None, None), plan(server.url, 1.0, callers=1, batch=5))
    assert cell.failed == {"500": 1, "degraded": 1, "429": 1}
    # After 429 the caller waits as long as it was told, which is longer than the load lasts.
    assert (cell.requests, len(server.received)) == (1, 4)
    assert cell.qps == pytest.approx(5 / (seen.ended - seen.began))
    assert cell.service_cores is None
    assert 0 < cell.generator_cores < 1


def test_an_open_loop_shows_the_queue_that_a_closed_loop_hides() -> None:
    with one_at_a_time(0.03) as url:
        attached = Running(url, None, None)
        closed, _ = drive(attached, plan(url, callers=1))
        opened, _ = drive(attached, plan(url, 1.0, rate=60, timeout=20))
    assert closed.p95 is not None
    assert opened.p95 is not None
    # A second's worth of arrivals takes nearly two seconds to answer: the last ones waited for most of one.
    assert opened.p95 > 3 * closed.p95
    assert opened.p95 > 300


def test_a_service_that_nobody_runs_is_an_error_in_words() -> None:
    with pytest.raises(LoadFailed, match=r"no service of ours answers at http://127\.0\.0\.1:9 .*check --url"):
        attach("http://127.0.0.1:9/")
    with pytest.raises(LoadFailed, match=r"it ended with 3\. It said: no luck"):  # noqa: SIM117
        with started("it", ["/bin/sh", "-c", "echo no luck; exit 3"]):
            pass


def test_our_service_is_started_by_its_own_command(tmp_path: Path) -> None:
    said = "the service did not come up: it ended with 3. It said: error: nothing is published in"
    with pytest.raises(LoadFailed, match=said):  # noqa: SIM117
        with started("the service", service_command(None, tmp_path)):
            pass


def test_a_command_that_is_told_to_end_ends_its_services_too() -> None:
    running = started("it", [sys.executable, "-c", ALWAYS_READY])
    with pytest.raises(SystemExit) as ended, ended_by_sigterm(), running as it:
        os.kill(os.getpid(), signal.SIGTERM)
    assert it.snapshot == "s"
    assert ended.value.code == 143
    with pytest.raises(LoadFailed):
        attach(it.url)


def test_the_overhead_is_what_the_service_takes_beyond_the_floor(data: Path, snapshot: Snapshot) -> None:
    encoder, settings, asked = LetterEncoder(), RankingSettings(), list[str]()

    def fresh(size: int) -> list[str]:
        asked.extend(fresh_queries(("policy rate", "央行"), len(asked), size))
        return asked[-size:]

    floor, searcher = Floor(snapshot, encoder, settings.depth), Searcher(snapshot, encoder, settings)
    with running(data, SlowEncoder()) as url:
        found = overhead(32, Direct(url, "/batch_search", {"top_k": 3}), floor, searcher, fresh, {"top_k": 3}, 3, 60)
    assert found.service.median > found.floor.median + 200
    assert found.ratio.low > 1
    assert (found.batch, found.ratio.rounds) == (32, 3)
    assert tuple(found.parts) == PARTS
    # The direct calls know nothing of the service's slow encoder, so its time falls to what is left: HTTP.
    assert max(found.parts, key=found.parts.__getitem__) == "HTTP"
    assert found.parts["HTTP"] > 100


def test_what_is_compared_takes_turns_at_being_first() -> None:
    order: list[str] = []

    def timed(name: str, value: float) -> float:
        order.append(name)
        return value

    found = against("x", lambda: timed("ours", 6.0), lambda: timed("theirs", 4.0), rounds=3)
    assert order == ["theirs", "ours", "ours", "theirs", "theirs", "ours"]
    assert found == Against("x", Spread(6, 6, 6, 3), Spread(4, 4, 4, 3), Spread(1.5, 1.5, 1.5, 3))


def test_the_plain_server_finds_what_our_dense_arm_finds(snapshot: Snapshot) -> None:
    encoder = LetterEncoder()
    queries = ["policy rate", "麻疹疫苗"]

    async def post(path: str) -> Any:
        transport = httpx.ASGITransport(create_app(snapshot, encoder))
        async with httpx.AsyncClient(transport=transport, base_url="http://plain") as client:
            return (await client.post(path, json={"queries": queries, "top_k": 3})).json()["result"]

    dense = asyncio.run(post("/retrieve"))
    found = Searcher(snapshot, encoder, RankingSettings()).search_arm("dense", queries)
    assert [[hit["document"]["id"] for hit in hits] for hits in dense] == [
        snapshot.columns.passage_ids(one.rows[:3]) for one in found
    ]
    title, _, text = dense[0][0]["document"]["contents"].partition("\n")
    assert title.startswith('"')
    assert text == snapshot.columns.passage(int(found[0].rows[0]))[0].text
    # First in both arms, hence 2 / (60 + 1), is the most that a fused score can be.
    hybrid = asyncio.run(post("/retrieve_hybrid"))
    assert all(2 / 61 >= hits[0]["score"] > 1 / 61 for hits in hybrid)


def test_aims_are_judged_from_batches_of_32_on_and_on_the_right_side() -> None:
    one = Spread(1, 1, 1, 1)
    overheads = [
        Overhead(batch, one, one, Spread(ratio, 0, 9, 3), {}) for batch, ratio in ((8, 3.0), (32, 1.3), (128, 1.25))
    ]
    compared = [
        Against(name, one, one, Spread(ratio, 0, 9, 3)) for name, ratio in ((OVER_ENCODER, 0.9), (OVER_HYBRID, 1.4))
    ]
    assert [aim.met for aim in load_aims(overheads, compared)] == [False, True, True, False]


def test_texts_are_read_from_lines_and_from_query_files_each_once(tmp_path: Path) -> None:
    plain, rows, bad = tmp_path / "q.txt", tmp_path / "q.jsonl", tmp_path / "bad.txt"
    plain.write_text("one\n\n二\none\n", encoding="utf-8")
    rows.write_text('{"_id": "1", "text": "one"}\n{"_id": "2", "text": " "}\n', encoding="utf-8")
    bad.write_text("\n", encoding="utf-8")
    assert load_texts(plain) == ("one", "二")
    assert load_texts(rows) == ("one",)
    assert len(load_texts()) == 215
    with pytest.raises(InvalidCollection, match=r"bad\.txt"):
        load_texts(bad)


def test_the_report_is_a_page_without_requests_and_json_with_all_figures(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    cells = (
        Cell("closed", 1, 8, 0.0, 10, 123.4, 5.0, 6.0, 7.0, {"429": 2}, 0.1, 0.05, 1.5),
        Cell("open", 1, 0, 50.0, 0, 0.0, None, None, None, {"timeout": 9}, 0.2, 0.05, None),
    )
    part = dict.fromkeys(PARTS, 1.0)
    overheads = (Overhead(32, Spread.of([4.0]), Spread.of([2.0]), Spread.of([1.5, 2.0, 2.5]), part),)
    aims = (Aim("time over the floor", 2.0, 1.25, at_most=True, unit="×"),)
    report = LoadReport("bench load", "2026-01-02", hostile, {}, cells, overheads, (), aims)
    json_file, page = write_load(report, tmp_path)
    values = json.loads(json_file.read_text(encoding="utf-8"))
    assert values["cells"][1]["failed"] == {"timeout": 9}
    assert values["overheads"][0]["ratio"] == {"median": 2.0, "low": 1.5, "high": 2.5, "rounds": 3}
    html = page.read_text(encoding="utf-8")
    assert hostile not in html
    assert "default-src 'none'" in html
    assert "src=" not in html
    assert html.count("<svg") == 3
    for said in ("0 of 1 aims met", "2.00× (1.50–2.50)", "9 timeout", "not met"):
        assert said in html


def test_the_command_drives_a_running_service_and_says_what_cannot_be_compared(data: Path, tmp_path: Path) -> None:
    options = ["--batch", "1", "--batch", "2", "--callers", "2", "--seconds", "0.2", "--rate", "20", "--in-flight", "2"]
    with running(data, LetterEncoder()) as url:
        arguments = ["--data-dir", str(tmp_path / "empty"), "bench", "load", "--url", url, *options, "--json"]
        result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert [(cell["loop"], cell["batch"], cell["callers"], cell["failed"]) for cell in report["cells"]] == [
        ("closed", 1, 2, {}),
        ("open", 1, 0, {}),
    ]
    assert (report["overheads"], report["against"]) == ([], [])
    assert "neither the floor nor the plain server can be compared" in result.stderr


@contextmanager
def one_at_a_time(seconds: float) -> Iterator[str]:
    """A server that takes so long for each request and answers one after another."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(seconds)
            self.send_response(200)
            self.send_header("Content-Length", str(len(SERVED.body)))
            self.end_headers()
            self.wfile.write(SERVED.body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(HTTPServer):
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
