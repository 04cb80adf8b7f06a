"""One line per request, for people (text) or for machines (JSON). What was asked stays out: queries may be private."""

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal, NamedTuple, TextIO

LogStyle = Literal["off", "text", "json"]


class AccessLine(NamedTuple):
    """A request and how it was answered. `bytes` are those of the reply's body; `caller` is the name of a key."""

    request_id: str
    caller: str | None
    client: str | None
    method: str
    route: str
    status: int
    bytes: int
    seconds: float
    queries: int
    snapshot: str | None
    degraded: list[str]


class AccessLog:
    """Writes lines to `stream`, standard output by default."""

    def __init__(self, style: LogStyle, stream: TextIO | None = None) -> None:
        self._style = style
        self._stream = stream

    def write(self, line: AccessLine) -> None:
        """Write one line; a stream that fails costs no request."""
        if self._style == "off":
            return
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = json.dumps({"time": time, **line._asdict()}) if self._style == "json" else f"{time} {_as_text(line)}"
        with suppress(OSError, ValueError):
            stream = self._stream or sys.stdout
            stream.write(text + "\n")
            stream.flush()


def _as_text(line: AccessLine) -> str:
    rest = {
        "queries": line.queries,
        "caller": line.caller,
        "client": line.client,
        "snapshot": line.snapshot,
        "degraded": ",".join(line.degraded),
        "id": line.request_id,
    }
    named = " ".join(f"{name}={value}" for name, value in rest.items() if value)
    return f"{line.status} {line.method} {line.route} {line.seconds:.4f}s {line.bytes}B {named}"
