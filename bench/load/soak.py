"""A soak: mixed load for a while, with publishes and killed writers under it. `bench.load.soak_report` judges it."""

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

import httpx
import psutil

from bench.errors import LoadFailed
from bench.load.driving import drive, finish_generator, start_generator
from bench.load.mix import make_mix
from bench.load.plan import Observations, Plan
from bench.load.running import Running
from index.progress import Progress, silent
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore

QUIET, BUILDING, SWAPPING = "nothing else", "a writer builds", "the service swaps"
_SWAP_SECONDS = 60.0
_FOREVER_SECONDS = 1e6
_AFTER_SECONDS = 0.5
_LOOK_SECONDS, _MEMORY_SECONDS = 0.01, 0.25
_CALIBRATION_SECONDS, _CALIBRATION_CALLERS, _CALIBRATION_SHARE = 2.0, 4, 0.5
_MB = 1e6


@dataclass(frozen=True, slots=True)
class Soak:
    """What to do: `swaps` publishes spread over `seconds`, before `kills` of which a writer is killed at its work.

    The load goes on until the last is done, should that take longer. `rate` is requests a second, 0 for half of what 4
    callers reach at first.
    """

    seconds: float
    swaps: int = 10
    kills: int = 3
    pages: int = 2000
    rate: float = 0.0
    seed: int = 1


class Span(NamedTuple):
    """Something that went on from `start` to `end`, in seconds of the monotonic clock."""

    name: str
    start: float
    end: float


@dataclass(slots=True)
class Journal:
    """What happened while the load ran."""

    spans: list[Span] = field(default_factory=list)
    happened: list[tuple[float, str]] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Something happened now."""
        self.happened.append((time.monotonic(), what))


class SoakRun:
    """One soak of a running service over `folder`, whose snapshots are variants of `source`."""

    def __init__(
        self,
        service: Running,
        source: Snapshot,
        folder: DataFolder,
        texts: tuple[str, ...],
        soak: Soak,
        progress: Progress = silent,
    ) -> None:
        assert service.pid is not None, "the memory of a service that runs elsewhere cannot be seen"
        self._service = service
        self._process = psutil.Process(service.pid)
        self._source = source
        self._store = SnapshotStore(folder)
        self._soak = soak
        self._progress = progress
        self._chance = Random(soak.seed)  # noqa: S311 - no secret
        self._journal = Journal()
        self._build_seconds = 1.0
        self.mix = make_mix(self._store.open(), texts, soak.seed)
        self.rate = soak.rate

    def run(self, keep: Path) -> tuple[Observations, Journal]:
        """Put the load on and publish under it; the distinct replies lie in `keep` after. Raises LoadFailed."""
        self.rate = self.rate or self._half_of_its_most(keep)
        generator = start_generator(self._plan(keep, _FOREVER_SECONDS, rate=self.rate))
        try:
            began = time.monotonic()
            for number in range(1, self._soak.swaps + 1):
                self._idle(began + self._soak.seconds * number / (self._soak.swaps + 1))
                self._progress("swaps", number, self._soak.swaps)
                if self._kills_before(number):
                    self._kill_a_writer(number)
                self._publish(number)
            self._idle(max(began + self._soak.seconds, time.monotonic() + _AFTER_SECONDS))
            generator.terminate()
            return finish_generator(generator), self._journal
        finally:
            generator.kill()

    def _half_of_its_most(self, keep: Path) -> float:
        plan = self._plan(keep, _CALIBRATION_SECONDS, callers=_CALIBRATION_CALLERS)
        cell, _ = drive(self._service, plan)
        return max(1.0, cell.qps * _CALIBRATION_SHARE)

    def _plan(self, keep: Path, seconds: float, rate: float = 0.0, callers: int = 0) -> Plan:
        return Plan(
            self._service.url, seconds, callers, rate, mix=self.mix, keep=str(keep), seed=self._soak.seed, timeout=30.0
        )

    def _kills_before(self, number: int) -> bool:
        """Spread evenly: of 10 swaps and 3 kills before the 4th, 7th and 10th."""
        swaps, kills = self._soak.swaps, self._soak.kills
        return number * kills // swaps > (number - 1) * kills // swaps

    def _publish(self, number: int) -> None:
        old, started = self._store.current_id(), time.monotonic()
        writer = self._start_writer(number)
        while writer.poll() is None and self._store.current_id() == old:
            self._look()
        pointed = time.monotonic()
        self._journal.spans.append(Span(BUILDING, started, pointed))
        self._follow(old, pointed)
        if writer.wait():
            raise LoadFailed(f"the writer of variant {number} ended with {writer.returncode}; its message is above")
        self._build_seconds = pointed - started

    def _follow(self, old: str | None, pointed: float) -> None:
        """Wait until the service serves what the pointer names."""
        new = self._store.current_id()
        if new == old:
            return
        while self._served() != new:
            if time.monotonic() > pointed + _SWAP_SECONDS:
                raise LoadFailed(f"after {_SWAP_SECONDS:.0f} s the service does not serve {new}, which is published")
            self._look()
        self._journal.spans.append(Span(SWAPPING, pointed, time.monotonic()))
        self._journal.note(f"published {new}")

    def _kill_a_writer(self, number: int) -> None:
        """Kill a writer somewhere in its work; what is published must still open."""
        old, started = self._store.current_id(), time.monotonic()
        writer = self._start_writer(number)
        self._idle(started + self._build_seconds * self._chance.uniform(0.3, 0.95))
        writer.kill()
        writer.wait()
        self._journal.spans.append(Span(BUILDING, started, time.monotonic()))
        self._journal.note(f"killed the writer of variant {number}")
        self._store.open()
        # It may have come as far as the pointer.
        self._follow(old, time.monotonic())

    def _start_writer(self, number: int) -> "subprocess.Popen[bytes]":
        arguments = [self._source.folder, self._store.folder.root, self._soak.pages, number]
        return subprocess.Popen([sys.executable, "-m", "bench.load.writer", *map(str, arguments)])

    def _served(self) -> str | None:
        reply = httpx.get(f"{self._service.url}/ready", timeout=30)
        snapshot: str | None = reply.json()["snapshot"]
        return snapshot

    def _idle(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            self._look(min(left, _MEMORY_SECONDS))

    def _look(self, seconds: float = _LOOK_SECONDS) -> None:
        now, memory = time.monotonic(), self._journal.memory
        if not memory or now - memory[-1][0] >= _MEMORY_SECONDS:
            memory.append((now, self._process.memory_info().rss / _MB))
        time.sleep(seconds)
