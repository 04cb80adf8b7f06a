"""Files that are there whole or not at all, after a kill as well."""

import contextlib
import filecmp
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
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


def write_atomically(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Replace `path` by `content`: a reader sees the old bytes or the new ones. The umask is taken off `mode`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Opened plainly, not by tempfile, whose files no other user may read.
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        # With its mode from the start: a secret is not readable for a moment either.
        with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextlib.contextmanager
def unfinished_folder(parent: Path) -> Iterator[Path]:
    """A folder in `parent` to build in, removed at the end unless it was made `complete`.

    A kill leaves a folder named `.building-*`, see `remove_unfinished`.
    """
    folder = parent / f".building-{secrets.token_hex(8)}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def complete(folder: Path, target: Path) -> None:
    """Make an unfinished folder `target` by one rename. If another process made that meanwhile, theirs stays."""
    _share(folder)
    sync_tree(folder)
    try:
        folder.rename(target)
    except OSError:
        if not target.is_dir():
            raise
    sync_folder(target.parent)


@contextlib.contextmanager
def building_beside(target: Path) -> Iterator[Path]:
    """An unfinished folder beside `target` that becomes it if the block ends well."""
    with unfinished_folder(target.parent) as beside:
        yield beside
        complete(beside, target)


def link_equal(folder: Path, digests: Mapping[str, str], earlier: Path, earlier_digests: Mapping[str, str]) -> None:
    """Make files of `folder` hard links to those of equal content in `earlier`: nothing changes either of them later.

    Digests are by relative name. They propose; bytes are compared, so that a file that was harmed is not taken over.
    """
    names = {digest: name for name, digest in earlier_digests.items()}
    for name, digest in digests.items():
        if digest not in names:
            continue
        path, same, link = folder / name, earlier / names[digest], folder / f".link-{secrets.token_hex(8)}"
        # Where the file system has no links, or the file is another user's, there are two copies.
        with contextlib.suppress(OSError):
            if filecmp.cmp(path, same, shallow=False):
                link.hardlink_to(same)
                link.replace(path)


def _share(folder: Path) -> None:
    """Give files the permissions that `folder` got; Tantivy makes some that no other user may read."""
    mode = folder.stat().st_mode & 0o666
    for path in folder.rglob("*"):
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) != mode:
            path.chmod(mode)


def remove_folder(folder: Path) -> None:
    """Remove `folder` so that it is never seen in part: it is renamed to `.removing-*` first."""
    doomed = folder.with_name(f".removing-{secrets.token_hex(8)}")
    folder.rename(doomed)
    shutil.rmtree(doomed)


def remove_unfinished(folder: Path) -> int:
    """Remove what killed builds and removals left in `folder`; call it under the lock. Returns how many."""
    left = [*folder.glob(".building-*"), *folder.glob(".removing-*")]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)
