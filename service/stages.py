"""Where time goes: the one seam through which the service tells what it measures, with no metrics library behind it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Called with a name and a value, from any thread.
# Seconds: `encode` and `dense` of a batch, `lexical` of each thread's share of it, `rank` and `reply` (texts, evidence)
# of a query, `rerank` and `json` of a batch.
# Numbers of queries: `batch` (searched together), `waiting` (in line once a batch was taken), `cached` (of a request,
# answered from the cache).
# One each: `refused` (answered 429), `left` (no longer waited for: the caller hung up or the deadline passed).
Observe = Callable[[str, float], None]


def ignore(_name: str, _value: float) -> None:
    """The observer where nobody watches."""


@contextmanager
def timed(name: str, observe: Observe) -> Iterator[None]:
    """Observe how many seconds the block takes, also when it fails."""
    began = time.perf_counter()
    try:
        yield
    finally:
        observe(name, time.perf_counter() - began)
