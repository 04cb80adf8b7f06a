"""One writer per data folder: a lock that the kernel drops when its process dies."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from index.errors import DataFolderLocked


@contextlib.contextmanager
def write_lock(data_dir: Path) -> Iterator[None]:
    """Hold `data_dir` for writing. Raises DataFolderLocked, with the holder's process id, when it is taken."""
    data_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            raise DataFolderLocked(
                f"another run (process {holder}) is writing to {data_dir}; wait for it to end and try again"
            ) from None
        os.truncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)
