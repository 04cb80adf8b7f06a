"""Runs a plan in a generator process and makes a cell of what it saw."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np
import psutil

from bench.errors import LoadFailed
from bench.load.plan import OK, Observations, Plan
from bench.load.records import Cell
from bench.load.running import Running


def start_generator(plan: Plan) -> "subprocess.Popen[bytes]":
    """A generator at work; `finish_generator` waits for it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.load.generator"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(plan.as_plain()).encode())
    process.stdin.close()
    # Closed here; `communicate` must not flush it again.
    process.stdin = None
    return process


def finish_generator(process: "subprocess.Popen[bytes]") -> Observations:
    """What the generator saw, once it is done. Raises LoadFailed."""
    written, _ = process.communicate()
    if process.returncode:
        raise LoadFailed(f"the load generator ended with {process.returncode}; its message is above")
    return Observations.from_plain(json.loads(written))


def drive(service: Running, plan: Plan) -> tuple[Cell, Observations]:
    """Put one load on a running service. Raises LoadFailed."""
    before = _cpu_seconds(service)
    generator = start_generator(plan)
    try:
        seen = finish_generator(generator)
    finally:
        generator.kill()
    after = _cpu_seconds(service)
    wall = seen.ended - seen.began
    cores = None if before is None or after is None else (after - before) / wall
    return _cell(plan, seen, cores), seen


def percentiles(milliseconds: Sequence[float]) -> tuple[float, float, float]:
    """The 50th, 95th and 99th percentile of at least one value."""
    p50, p95, p99 = np.percentile(milliseconds, (50, 95, 99)).tolist()
    return p50, p95, p99


def _cell(plan: Plan, observed: Observations, service_cores: float | None) -> Cell:
    answered = [(one.done - one.due) * 1000 for one in observed.seen if one.kind == OK]
    late = [(one.sent - one.due) * 1000 for one in observed.seen]
    wall = observed.ended - observed.began
    p50, p95, p99 = percentiles(answered) if answered else (None, None, None)
    return Cell(
        loop="open" if plan.rate else "closed",
        batch=plan.batch,
        callers=plan.callers,
        rate=plan.rate,
        requests=len(answered),
        qps=len(answered) * plan.batch / wall,
        p50=p50,
        p95=p95,
        p99=p99,
        failed=dict(Counter(one.kind for one in observed.seen if one.kind != OK)),
        lag=percentiles(late)[2] if late else 0.0,
        generator_cores=observed.cpu / wall,
        service_cores=service_cores,
    )


def _cpu_seconds(service: Running) -> float | None:
    if service.pid is None:
        return None
    times = psutil.Process(service.pid).cpu_times()
    return float(times.user + times.system)
