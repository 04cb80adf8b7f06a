"""What Prometheus reads at `/metrics`: counts and times in a registry of this app's own.

The one place that knows the names of metrics. Methods are thread-safe and cost about a microsecond; gauges are asked
for only when they are read.
"""

import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from authority_search.models import Readiness

STAGES: Final = ("encode", "lexical", "dense", "rank", "rerank", "reply", "json", "total")
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2560)
_PREFIX: Final = "authority_search_"


class Metrics:
    """The metrics of one app."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_GpuMemory())
        stages = Histogram(
            _PREFIX + "stage_seconds", "Time of each stage of searches", ["stage"], buckets=_SECONDS, registry=registry
        )
        batches = Histogram(_PREFIX + "batch_queries", "Queries searched together", buckets=_SIZES, registry=registry)
        waiting = Gauge(_PREFIX + "waiting_queries", "Queries in line when a batch was taken", registry=registry)
        cached = Counter(_PREFIX + "cached_queries", "Queries answered from the cache", registry=registry)
        refused = Counter(_PREFIX + "refused", "Requests answered 429 for want of room", registry=registry)
        left = Counter(_PREFIX + "left", "Requests that nobody waited for any longer", registry=registry)
        self._observers: dict[str, Callable[[float], None]] = {
            **{stage: stages.labels(stage).observe for stage in STAGES},
            "batch": batches.observe,
            "waiting": waiting.set,
            "cached": cached.inc,
            "refused": refused.inc,
            "left": left.inc,
        }
        self._degraded = Counter(_PREFIX + "degraded", "Replies without one part", ["part"], registry=registry)
        self._queries = Counter(_PREFIX + "queries", "Queries and opened targets", ["caller"], registry=registry)
        self._requests = Counter(
            _PREFIX + "requests", "Requests over HTTP", ["method", "route", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            _PREFIX + "request_seconds", "Time of requests over HTTP", ["route"], buckets=_SECONDS, registry=registry
        )

    def observe(self, name: str, value: float) -> None:
        """A stage took `value` seconds, or `value` of something was counted. What has no metric here is passed over."""
        if observer := self._observers.get(name):
            observer(value)

    def degraded(self, part: str) -> None:
        """A reply had to do without `part`."""
        self._degraded.labels(part).inc()

    def queries(self, caller: str, count: int) -> None:
        """A caller, by the name of its key, asked so many queries."""
        self._queries.labels(caller).inc(count)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered. `route` is a template such as `/batch_search`: paths would make endless series."""
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def gauge(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        """A value that is asked for whenever the metrics are read, such as the depth of a queue."""
        Gauge(_PREFIX + name, help_text, registry=self._registry).set_function(value)

    def follow(self, readiness: Callable[[], Readiness]) -> None:
        """Tell of the live snapshot what `readiness` tells."""
        self._registry.register(_LiveSnapshot(readiness))

    def text(self) -> bytes:
        """All of it, in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)


class _LiveSnapshot(Collector):
    def __init__(self, readiness: Callable[[], Readiness]) -> None:
        self._readiness = readiness

    def collect(self) -> Iterable[Metric]:
        now = self._readiness()
        yield GaugeMetricFamily(_PREFIX + "ready", "Whether searches are answered", float(now.status == "ready"))
        if now.snapshot is None:
            return
        labels = {"snapshot": now.snapshot, "encoder": now.encoder or "", "reranker": now.reranker or ""}
        yield InfoMetricFamily(_PREFIX + "snapshot", "The snapshot that answers", labels)
        yield GaugeMetricFamily(_PREFIX + "passages", "Passages of the live snapshot", now.passages)
        refused = "Whether a newer snapshot was refused"
        yield GaugeMetricFamily(_PREFIX + "snapshot_refused", refused, float(now.reason is not None))
        if (age := _age_seconds(now.snapshot)) is not None:
            yield GaugeMetricFamily(_PREFIX + "snapshot_age_seconds", "Since the live snapshot was built", age)


class _GpuMemory(Collector):
    def collect(self) -> Iterable[Metric]:
        torch = sys.modules.get("torch")  # Loaded by an encoder, or not needed here either.
        # To ask of a GPU that is not in use would take some of its memory.
        if torch is None or not torch.cuda.is_initialized():
            return
        memory = GaugeMetricFamily(_PREFIX + "gpu_memory_bytes", "Memory of the GPUs in use", labels=["gpu", "kind"])
        for gpu in filter(torch.cuda.memory_reserved, range(torch.cuda.device_count())):
            free, total = torch.cuda.mem_get_info(gpu)
            memory.add_metric([str(gpu), "total"], total)
            memory.add_metric([str(gpu), "used"], total - free)
            memory.add_metric([str(gpu), "allocated_here"], torch.cuda.memory_allocated(gpu))
        yield memory


def _age_seconds(snapshot: str) -> float | None:
    """Seconds since the time in a snapshot's id, None for an id of another form."""
    try:
        made = datetime.strptime(snapshot.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (datetime.now(UTC) - made).total_seconds()
