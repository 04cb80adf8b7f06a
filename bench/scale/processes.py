"""Work in a fresh process: what is measured there owes nothing to what ran before it, neither memory nor caches."""

import resource
import signal
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from bench.errors import SystemFailed
from bench.scale.records import Memory
from index.progress import Progress

ResultT = TypeVar("ResultT")

_TOLD_EVERY = 0.2

_processes = get_context("spawn")


def in_fresh_process(work: Callable[..., ResultT], *arguments: Any, progress: Progress) -> ResultT:
    """`work(*arguments, progress)` in a process of its own. All of it must be picklable.

    Raises what `work` raises, and SystemFailed where the process died.
    """
    ours, theirs = _processes.Pipe(duplex=False)
    child = _processes.Process(target=_run, args=(theirs, work, arguments))
    child.start()
    theirs.close()
    try:
        while True:
            kind, value = ours.recv()
            if kind == "progress":
                progress(*value)
            elif kind == "raised":
                raise value
            else:
                return value  # type: ignore[no-any-return]
    except EOFError:
        child.join()
        raise SystemFailed(
            f"the process of `{work.__name__}` died ({_ending(child.exitcode)}); smaller --sizes need less memory"
        ) from None
    finally:
        child.terminate()
        child.join()


def memory() -> Memory:
    """What this process holds. Raises SystemFailed where the system does not tell (it is Linux that does)."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise SystemFailed(f"memory cannot be measured here: {error}; it takes Linux 4.14 or later") from error
    values = {name: int(rest.split()[0]) * 1024 for name, _, rest in (one.partition(":") for one in lines[1:])}
    return Memory(values["Anonymous"], values["Rss"] - values["Anonymous"])


def peak_memory() -> int:
    """The most bytes that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def processor_seconds() -> float:
    """Processor seconds of this process, all threads and ended children together."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _run(pipe: Connection, work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    # Ctrl-C reaches both; whoever started this process ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    due = 0.0

    def progress(stage: str, done: int, total: int | None) -> None:
        nonlocal due
        # A build tells of every page, which would keep both processes busy.
        if done == total or time.monotonic() >= due:
            pipe.send(("progress", (stage, done, total)))
            due = time.monotonic() + _TOLD_EVERY

    try:
        result = work(*arguments, progress)
    except Exception as error:
        pipe.send(("raised", error))
    else:
        pipe.send(("returned", result))


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    return "killed, as when memory runs out" if code == -signal.SIGKILL else signal.Signals(-code).name
