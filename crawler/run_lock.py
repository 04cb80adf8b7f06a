"""One process at a time crawls a run."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crawler.errors import RunError

PATIENCE = 1.0


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold the run in `folder`; the system lets go of it when the process ends, however it ends.

    Raises RunError where another process holds it and does not let go within a second.
    """
    deadline = time.monotonic() + PATIENCE
    with (folder / "lock").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RunError(f"{folder} is being crawled by another process") from None
                time.sleep(0.05)
        yield
