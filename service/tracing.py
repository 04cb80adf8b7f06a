"""OpenTelemetry spans: one per request, one per call of the gateway, one per stage of a batch that it was first in.

Spans are made where there is a tracer provider: one that `server.traces` asks for, or one that OpenTelemetry's own
launcher has set for the process. Without one, or without the package `opentelemetry-api`, nothing is done at all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import time_ns
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.types import Scope

from service.errors import InvalidSettings
from service.request_facts import RequestFacts

try:
    from opentelemetry import propagate, trace
except ImportError:
    _INSTALLED = False
else:
    _INSTALLED = True
if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

_NAME = "authority-search"


class Traces:
    """Makes spans by `provider`, by default that which is set for the process by now."""

    def __init__(self, provider: "TracerProvider | None" = None) -> None:
        self._tracer = None
        if _INSTALLED:
            provider = provider or trace.get_tracer_provider()
            # The API's stand-in for a provider makes spans too, which cost time and go nowhere.
            if not isinstance(provider, trace.ProxyTracerProvider):
                self._tracer = provider.get_tracer(_NAME)

    @contextmanager
    def request(self, scope: Scope) -> Iterator[None]:
        """The block serves a request, as part of the caller's trace where it names one (W3C `traceparent`)."""
        if self._tracer is None:
            yield
            return
        came_from = propagate.extract(dict(Headers(scope=scope)))
        with self._tracer.start_as_current_span(
            scope["method"], came_from, trace.SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ):
            yield

    def answered(self, method: str, route: str, status: int, facts: RequestFacts) -> None:
        """Tell the request's span how it ended. Named as OpenTelemetry's conventions for HTTP servers want it."""
        if self._tracer is None or not (span := trace.get_current_span()).is_recording():
            return
        span.update_name(f"{method} {route}")
        span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
        span.set_attribute("authority_search.request_id", facts.request_id)
        span.set_attribute("authority_search.queries", facts.queries)
        span.set_attribute("authority_search.snapshot", facts.snapshot or "")
        span.set_attribute("authority_search.degraded", sorted(facts.degraded))
        if status >= 500:
            span.set_status(trace.StatusCode.ERROR)

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """The block is a part of the current request."""
        if self._tracer is None:
            yield
            return
        # Without the words of an exception: they may repeat what was asked, and the log has them.
        with self._tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
            try:
                yield
            except Exception:
                span.set_status(trace.StatusCode.ERROR)
                raise

    def stage(self, name: str, seconds: float) -> None:
        """A part of the current request that ended now and took `seconds`."""
        if self._tracer is not None and trace.get_current_span().is_recording():
            ended = time_ns()
            self._tracer.start_span(name, start_time=ended - round(seconds * 1e9)).end(ended)


def exported_traces(endpoint: str) -> Traces:
    """Spans that are sent to an OTLP/HTTP endpoint, without a request's waiting for it.

    Raises InvalidSettings without the packages.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise InvalidSettings(
            f"server.traces is set, and a package for it is not installed ({error.name}); install the extra telemetry"
        ) from error
    exporter: Any = OTLPSpanExporter(endpoint=endpoint)
    provider = TracerProvider(resource=Resource.create({"service.name": _NAME}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Traces(provider)
