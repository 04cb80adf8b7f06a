"""A refresh in a process group of its own, whose stages are followed, and which can be killed."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Literal, NamedTuple

from bench.kills_child import refresh_and_tell
from bench.kills_site import HOSTS

PATIENCE = 20.0
"""Seconds that processes of a killed refresh may take to end."""
_TAIL = 600

Victim = Literal["process", "group"]

# One server imports the product once, and each refresh is a fork of it.
_processes = get_context("forkserver")
_processes.set_forkserver_preload([refresh_and_tell.__module__])


class Begun(NamedTuple):
    """A stage of an undisturbed run and the seconds from its start to the next one's."""

    stage: str
    lasts: float


class Refresh:
    """A refresh in a process group of its own, whose stages are followed: each with seconds since the start."""

    def __init__(self, folder: Path, starts: Sequence[str], workers: int) -> None:
        self.stages: list[tuple[str, float]] = []
        self._ended = False
        self._moved = threading.Condition()
        self._stderr = folder / "stderr.txt"
        self._stages, sending = _processes.Pipe(duplex=False)
        self.process = _processes.Process(
            target=refresh_and_tell, args=(folder / "settings.toml", HOSTS, starts, workers, sending, self._stderr)
        )
        self.process.start()
        sending.close()
        self.begun = time.monotonic()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.wait_for(0)

    @property
    def stage(self) -> str:
        """The last stage that began, "end …" after the last, "" before the first."""
        return self.stages[-1][0] if self.stages else ""

    @property
    def pid(self) -> int:
        """Its process id, which is that of its group."""
        assert self.process.pid
        return self.process.pid

    def wait_for(self, place: int) -> None:
        """Wait until stage number `place` has begun, or the end."""
        with self._moved:
            self._moved.wait_for(lambda: len(self.stages) > place or self._ended)

    def wait(self) -> str:
        """Wait for the end; what it said if it failed, else ""."""
        self._reader.join()
        self.process.join()
        if self.process.exitcode == 0 and self.stage in ("end published", "end unchanged"):
            return ""
        said = self._stderr.read_text("utf-8", "replace")[-_TAIL:].strip()
        return f"the refresh ended with {self.process.exitcode} at {self.stage!r}: {said}"

    def kill(self, victim: Victim) -> str:
        """Kill it; the stage it was in."""
        stage = self.stage
        if victim == "group":
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self.process.kill()
        self._reader.join()
        self.process.join()
        return stage

    def orphan_seconds(self) -> float:
        """Wait for the last process of the group to end; how long that took."""
        begun = time.monotonic()
        while _alive(self.pid) and time.monotonic() - begun < PATIENCE:
            time.sleep(0.02)
        return time.monotonic() - begun

    def lasting(self) -> list[Begun]:
        """The stages and how long each lasted, of a run that ended."""
        pairs = zip(self.stages, self.stages[1:], strict=False)
        return [Begun(stage, then - begun) for (stage, begun), (_, then) in pairs]

    def _read(self) -> None:
        with suppress(EOFError):
            while True:
                stage = self._stages.recv()
                with self._moved:
                    self.stages.append((stage, time.monotonic() - self.begun))
                    self._moved.notify_all()
        with self._moved:
            self._ended = True
            self._moved.notify_all()


def _alive(group: int) -> bool:
    """Whether a process of the group runs; one that only nobody asked after is dead."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False
