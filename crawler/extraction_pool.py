"""Extracts pages in processes that may die: results come in order, few are in flight, no page stops the run."""

import logging
import os
import resource
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context, parent_process
from threading import Thread
from time import process_time
from types import FrameType, TracebackType
from typing import NamedTuple, Self

from crawler.archive import Response
from crawler.extract import Extracted, Skipped, extract
from domain_lists.records import Source

_IN_FLIGHT_PER_WORKER = 8
_SECONDS_PER_PAGE = 60  # of computing, so that it does not matter what else the machine does
_SECONDS_TO_DEATH = 90  # of a worker whose page hangs in a library, where no signal is heard
_BYTES_PER_WORKER = 2 << 30  # of memory: a file that unfolds without end costs its worker, not the machine


class Job(NamedTuple):
    """A response to extract under the canonical `url`, or one that is skipped already."""

    response: Response
    source: Source | None = None
    url: str = ""
    skipped: Skipped | None = None


class _Submitted(NamedTuple):
    job: Job
    future: "Future[Extracted | Skipped] | None"


class ExtractionPool:
    """A context manager around worker processes. With 0 `workers` everything happens in this process."""

    def __init__(self, workers: int | None) -> None:
        self._workers = len(os.sched_getaffinity(0)) if workers is None else workers
        self._executor: Executor | None = _processes(self._workers) if self._workers else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._executor:
            self._executor.shutdown(cancel_futures=True)

    def extract_all(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Extracted | Skipped]]:
        """Each job with its result, in the order of the jobs. Jobs are taken only as results are."""
        if self._executor is None:
            yield from ((job, job.skipped or _extract(job)) for job in jobs)
            return
        source = iter(jobs)
        in_flight: deque[_Submitted] = deque()
        in_flight.extend(self._submit(job) for job in islice(source, _IN_FLIGHT_PER_WORKER * self._workers))
        while in_flight:
            job, future = in_flight.popleft()
            try:
                result = future.result() if future else job.skipped
            except BrokenProcessPool:
                result = self._alone(job)
                in_flight = deque(self._submit(one.job) for one in in_flight)
            assert result is not None
            yield job, result
            in_flight.extend(self._submit(job) for job in islice(source, 1))

    def _submit(self, job: Job) -> _Submitted:
        if job.skipped:
            return _Submitted(job, None)
        assert self._executor is not None
        try:
            return _Submitted(job, self._executor.submit(_extract_or_die, job))
        except BrokenProcessPool:
            self._executor = _processes(self._workers)
            return _Submitted(job, self._executor.submit(_extract_or_die, job))

    def _alone(self, job: Job) -> Extracted | Skipped:
        """A worker died, perhaps of another page: try this one in a process of its own."""
        with _processes(1) as executor:
            try:
                return executor.submit(_extract_or_die, job).result()
            except BrokenProcessPool:
                return Skipped(
                    "failed: the process died", "the page needs too much memory or time, or breaks a library"
                )


def _processes(workers: int) -> ProcessPoolExecutor:
    # Spawned, not forked: this process holds an open database and threads.
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)


def _start_worker() -> None:
    # Ctrl-C is for the parent to answer; trafilatura reports each page that it finds nothing in.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    Thread(target=_end_with_parent, daemon=True).start()
    _limit(resource.RLIMIT_DATA, _BYTES_PER_WORKER)
    _limit(resource.RLIMIT_CORE, 0)


def _end_with_parent() -> None:
    # A pool's processes would wait for work forever once their parent was killed.
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


class _TooSlow(Exception):
    """A page takes too long."""


def _limit(what: int, value: int) -> None:
    _, most = resource.getrlimit(what)
    resource.setrlimit(what, (value if most == resource.RLIM_INFINITY else min(value, most), most))


def _extract_or_die(job: Job) -> Extracted | Skipped:
    _limit(resource.RLIMIT_CPU, int(process_time()) + _SECONDS_TO_DEATH)
    return _extract(job)


def _extract(job: Job) -> Extracted | Skipped:
    assert job.source is not None
    before = signal.signal(signal.SIGPROF, _give_up)
    signal.setitimer(signal.ITIMER_PROF, _SECONDS_PER_PAGE)
    try:
        return extract(job.response, job.source, job.url)
    except _TooSlow:
        return Skipped("too slow", f"not extracted within {_SECONDS_PER_PAGE} s")
    except Exception as error:  # whatever a page does, the run goes on
        return Skipped(f"failed: {type(error).__name__}", str(error))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _give_up(_number: int, _frame: FrameType | None) -> None:
    raise _TooSlow
