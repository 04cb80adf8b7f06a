"""Work for a process of its own; a module that imports next to nothing, since each such process imports it."""

import os
import signal

from bench.errors import InvalidCollection
from index.progress import Progress


def square(number: int, progress: Progress) -> int:
    progress("square", 1, 2)
    return number * number


def fail(words: str, progress: Progress) -> None:
    progress("fail", 0, None)
    raise InvalidCollection(words)


def die(code: int, progress: Progress) -> None:
    progress("die", 0, None)
    os.kill(os.getpid(), code or signal.SIGKILL)
