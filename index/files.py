"""Files that are there whole or not at all, after a kill as well."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Make every file under `folder` durable."""
    for path in sorted(folder.rglob("*")):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    sync_folder(folder)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content`: a reader sees the old bytes or the new ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def building_beside(target: Path) -> Iterator[Path]:
    """A folder to build in, that becomes `target` by one rename if the block ends well and is removed otherwise.

    If another process made `target` meanwhile, theirs stays. A kill leaves a folder named `.building-*`
    beside the target, see `remove_unfinished`.
    """
    beside = Path(tempfile.mkdtemp(prefix=".building-", dir=target.parent))
    try:
        beside.chmod(0o755)
        yield beside
        sync_tree(beside)
        with contextlib.suppress(FileExistsError, OSError) if target.exists() else contextlib.nullcontext():
            beside.rename(target)
        sync_folder(target.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def remove_unfinished(folder: Path) -> int:
    """Remove what killed builds left in `folder`; call it under the lock. Returns how many."""
    left = list(folder.glob(".building-*"))
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)
