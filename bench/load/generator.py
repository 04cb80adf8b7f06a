"""The load generator: sends what a plan says and times it, in a process of its own.

`python -m bench.load.generator` reads a `Plan` on standard input and writes `Observations` on standard output; SIGTERM
makes it end early, once what it sent is answered. It shares the machine with the service it measures, so its own cost
counts: for a request with a reply of 20 kB aiohttp takes .16 to .20 ms of one core, at 8 and at 64 callers, locust's
FastHttpUser .23, httpx 1.1 to 8, and wrk, which has no open loop and looks into no reply, .02.
"""

import asyncio
import hashlib
import json
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp

from bench.load.plan import OK, HttpRequest, Observations, Plan, Seen

_HEADERS = {"Content-Type": "application/json"}
_DEGRADED = b'"degraded":[{'
# Shorter than the service keeps a connection, so that no request meets one that is just being closed.
_KEEP_ALIVE_SECONDS = 2.0


class Generator:
    """One run of a plan."""

    def __init__(self, plan: Plan, session: aiohttp.ClientSession) -> None:
        self._plan = plan
        self._session = session
        self._requests: Iterator[HttpRequest] = plan.requests()
        self._seen: list[Seen] = []
        self._kept: set[str] = set()
        self._end = 0.0

    async def run(self) -> Observations:
        """Send for as long as the plan says, and wait for all replies."""
        began, cpu = time.monotonic(), time.process_time()
        self._end = began + self._plan.seconds
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop)
        if self._plan.rate:
            await self._open_loop(began)
        else:
            await asyncio.gather(*(self._caller() for _ in range(self._plan.callers)))
        return Observations(self._seen, began, time.monotonic(), time.process_time() - cpu)

    def _stop(self) -> None:
        self._end = time.monotonic()

    async def _caller(self) -> None:
        while time.monotonic() < self._end:
            pause = await self._send(next(self._requests), time.monotonic())
            if pause:
                await asyncio.sleep(pause)

    async def _open_loop(self, began: float) -> None:
        chance = random.Random(self._plan.seed)  # noqa: S311 - no secret
        due, sending = began, set[asyncio.Task[float]]()
        while (due := due + chance.expovariate(self._plan.rate)) < self._end:
            # Even when it is late already: replies must be read in between.
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(self._send(next(self._requests), due))
            sending.add(task)
            task.add_done_callback(sending.discard)
        await asyncio.gather(*sending)

    async def _send(self, request: HttpRequest, due: float) -> float:
        """Send one request and note how it ended. Returns the seconds that a full service asks to wait."""
        sent, digest, pause = time.monotonic(), "", 0.0
        url = f"{self._plan.url}{request.path}"
        try:
            async with self._session.request(
                request.method, url, data=request.body.encode() or None, headers=_HEADERS
            ) as response:
                body = await response.read()
            done = time.monotonic()
            kind = _kind(response.status, body)
            pause = float(response.headers.get("Retry-After", 0))
            if self._plan.mix and kind == OK:
                digest = self._keep(body)
        except TimeoutError:
            done, kind = time.monotonic(), "timeout"
        except aiohttp.ClientError:
            done, kind = time.monotonic(), "connection"
        self._seen.append(Seen(due, sent, done, kind, request.number, digest))
        return pause

    def _keep(self, body: bytes) -> str:
        digest = hashlib.sha256(body).hexdigest()
        if digest not in self._kept:
            self._kept.add(digest)
            (Path(self._plan.keep) / digest).write_bytes(body)
        return digest


def _kind(status: int, body: bytes) -> str:
    if status != 200:
        return str(status)
    return "degraded" if _DEGRADED in body else OK


async def observe(plan: Plan) -> Observations:
    """Run a plan."""
    timeout = aiohttp.ClientTimeout(total=plan.timeout)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=2**20) as session:
        return await Generator(plan, session).run()


if __name__ == "__main__":
    # Ctrl-C is for whoever started this, and goes to all processes of the terminal.
    with suppress(KeyboardInterrupt):
        json.dump(asyncio.run(observe(Plan.from_plain(json.load(sys.stdin)))), sys.stdout)
