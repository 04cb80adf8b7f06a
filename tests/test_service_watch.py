"""What can be watched from outside: metrics, the access log, traces. And what must not be seen there."""

import io
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from http_server import CannedLive, CannedSearcher, service
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from authority_search.models import Degraded, Readiness, SearchReply, SearchRequest
from service.access.keys import KeyFile
from service.access_log import AccessLine, AccessLog
from service.app import create_app
from service.errors import InvalidSettings
from service.ledger import Ledger
from service.metrics import Metrics
from service.settings import ServerSettings
from service.tracing import Traces, exported_traces


class Degrading(CannedSearcher):
    """Without its dense arm for queries in Chinese, and broken for "break"."""

    def search(self, request: SearchRequest) -> SearchReply:
        reply = super().search(request)
        if "break" in request.queries:
            raise RuntimeError(f"cannot answer {request.queries}")
        failed = [Degraded(arm="dense", reason="on purpose")] if "脓毒症" in request.queries else []
        return reply.model_copy(update={"degraded": failed})


def values(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Prometheus' own parser's view: (name, label values by label) -> value."""
    return {
        (sample.name.removeprefix("authority_search_"), tuple(sample.labels[name] for name in sorted(sample.labels))):
        sample.value for family in text_string_to_metric_families(text) for sample in family.samples
    }  # fmt: skip


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with service(CannedLive(Degrading())) as url, httpx.Client(base_url=url) as client:
        yield client


def test_requests_queries_and_degraded_parts_are_counted(http: httpx.Client) -> None:
    http.post("/batch_search", json={"queries": ["a", "b", "脓毒症"]})
    http.post("/batch_search", json={"queries": ["break"]})
    http.post("/batch_open", json={"targets": ["x", "y"]})
    http.get("/no/such/path")
    http.request("BREW", "/sources")
    found = values(http.get("/metrics").text)
    assert found["requests_total", ("POST", "/batch_search", "200")] == 1
    assert found["requests_total", ("POST", "/batch_search", "500")] == 1
    assert found["requests_total", ("GET", "other", "404")] == 1
    assert found["requests_total", ("other", "/sources", "405")] == 1
    assert found["request_seconds_count", ("/batch_search",)] == 2
    assert found["queries_total", ("anyone",)] == 3 + 1 + 2
    assert found["stage_seconds_count", ("total",)] == 1
    assert found["degraded_total", ("dense",)] == 1
    assert ("process_resident_memory_bytes", ()) in found


def test_no_caller_can_make_new_series(http: httpx.Client) -> None:
    def labels() -> set[object]:
        return {key for key in values(http.get("/metrics").text) if not key[0].startswith(("process", "python"))}

    http.get("/x")
    http.request("BREW", "/x")
    http.get("/metrics")
    before = labels()
    for number in range(20):
        http.get(f"/x{number}", headers={"X-Request-Id": f"id{number}", "Host": f"host{number}"})
        http.request(f"BREW{number}", "/x")
    assert labels() == before


def test_the_live_snapshot_is_told_with_its_age() -> None:
    made = datetime.now(UTC) - timedelta(hours=2)
    now = Readiness(status="starting", reason="loading")
    metrics = Metrics()
    metrics.follow(lambda: now)
    assert values(metrics.text().decode())["ready", ()] == 0
    snapshot = f"{made:%Y%m%dT%H%M%SZ}-0123abcd"
    now = Readiness(status="ready", snapshot=snapshot, passages=9, encoder="e5")
    found = values(metrics.text().decode())
    assert (found["ready", ()], found["passages", ()], found["snapshot_refused", ()]) == (1, 9, 0)
    assert found["snapshot_info", ("e5", "", snapshot)] == 1
    assert found["snapshot_age_seconds", ()] == pytest.approx(7200, abs=60)


def test_stages_sizes_and_gauges_of_deeper_parts_are_shown() -> None:
    metrics, depth = Metrics(), [3.0]
    metrics.gauge("queue_depth", "Queries that wait", lambda: depth[0])
    ledger = Ledger(metrics)
    for name, value in (("batch", 32), ("waiting", 7), ("waiting", 5), ("cached", 2), ("cached", 1), ("unheard of", 1)):
        ledger.observe(name, value)
    ledger.observe("encode", 0.02)
    ledger.observe("encode", 0.2)
    found = values(metrics.text().decode())
    assert found["queue_depth", ()] == 3
    assert found["batch_queries_bucket", ("32.0",)] == 1
    assert found["batch_queries_bucket", ("16.0",)] == 0
    assert (found["waiting_queries", ()], found["cached_queries_total", ()]) == (5, 3)
    assert found["stage_seconds_sum", ("encode",)] == pytest.approx(0.22)
    assert found["stage_seconds_bucket", ("0.025", "encode")] == 1


# The access log


def test_each_request_has_one_line_that_says_who_what_and_how(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = KeyFile(tmp_path)
    key = keys.create("trainer")
    secret = "what nobody may read in a log"
    with service(CannedLive(Degrading()), keys=keys, access_log="json") as url, httpx.Client(base_url=url) as http:
        headers = {"Authorization": f"Bearer {key}", "X-Request-Id": "r1"}
        reply = http.post("/batch_search?q=secret", json={"queries": [secret, "脓毒症"]}, headers=headers)
        http.get("/nowhere%0a{}", headers={"X-Request-Id": "r2", "X-API-Key": "wrong"})
        http.get("/health")
    lines = {line["request_id"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert len(lines) == 3
    line = lines["r1"]
    assert datetime.fromisoformat(line.pop("time")) <= datetime.now(UTC)
    assert 0 < line.pop("seconds") < 60
    assert line == {
        "request_id": "r1", "caller": "trainer", "client": "127.0.0.1", "method": "POST", "route": "/batch_search",
        "status": 200, "bytes": len(reply.content), "queries": 2, "snapshot": "s1", "degraded": ["dense"],
    }  # fmt: skip
    refused = lines["r2"]
    assert (refused["status"], refused["caller"], refused["route"]) == (401, None, "'/nowhere\\n{}'")
    assert not any(word in json.dumps(list(lines.values())) for word in (secret, "q=secret", key, "wrong"))


def test_a_line_for_people_stays_one_line_and_can_be_turned_off() -> None:
    line = AccessLine("r1", "trainer", "::1", "POST", "/batch_search", 200, 5321, 0.1234567, 3, "s1", ["dense"])
    text, off = io.StringIO(), io.StringIO()
    AccessLog("text", text).write(line)
    AccessLog("off", off).write(line)
    time, _, rest = text.getvalue().partition(" ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
    said = "queries=3 caller=trainer client=::1 snapshot=s1 degraded=dense id=r1"
    assert rest == f"200 POST /batch_search 0.1235s 5321B {said}\n"
    assert off.getvalue() == ""
    text.close()
    AccessLog("text", text).write(line)


# Traces


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def traced(exporter: InMemorySpanExporter) -> tuple[Traces, TestClient]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces = Traces(provider)
    return traces, TestClient(create_app(CannedLive(Degrading()), ServerSettings(access_log="off"), traces=traces))


def test_a_request_is_a_span_of_its_callers_trace_with_the_call_and_its_stages_within(
    exporter: InMemorySpanExporter,
) -> None:
    _, client = traced(exporter)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with client:
        client.post("/batch_search", json={"queries": ["a", "b"]}, headers={"traceparent": parent})
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) == {"POST /batch_search", "search", "json"}
    outer, inner = spans["POST /batch_search"], spans["search"]
    assert spans["json"].parent.span_id == inner.context.span_id
    assert (f"{outer.context.trace_id:032x}", f"{outer.parent.span_id:016x}") == tuple(parent.split("-")[1:3])
    assert inner.parent.span_id == outer.context.span_id
    said = dict(outer.attributes)
    assert said["http.response.status_code"] == 200
    assert (said["authority_search.queries"], said["authority_search.snapshot"]) == (2, "s1")


def test_a_stage_that_ended_is_a_span_of_its_length(exporter: InMemorySpanExporter) -> None:
    traces, _ = traced(exporter)
    with traces.span("search"):
        Ledger(traces=traces).observe("encode", 0.25)
    encode, search = exporter.get_finished_spans()
    assert (encode.name, encode.parent.span_id) == ("encode", search.context.span_id)
    assert encode.end_time - encode.start_time == 250_000_000


def test_a_failed_request_is_marked_and_repeats_nothing_of_what_was_asked(exporter: InMemorySpanExporter) -> None:
    _, client = traced(exporter)
    with client:
        assert client.post("/batch_search", json={"queries": ["break", "private"]}).status_code == 500
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert not spans["POST /batch_search"].status.is_ok
    assert not spans["search"].status.is_ok
    assert "private" not in "".join(span.to_json() for span in spans.values())


def test_export_without_the_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)
    with pytest.raises(InvalidSettings, match="install the extra telemetry"):
        exported_traces("http://127.0.0.1:1/v1/traces")
