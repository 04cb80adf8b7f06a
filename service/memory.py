"""Memory, planned before a snapshot is opened: a service that would not fit says so instead of being killed.

Two sums are made. What a snapshot wants comes from its manifest and the sizes of its files; what is there, from Linux:
free and reclaimable memory of the machine, or less where a cgroup (version 2) or a setting allows less.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from index.columns import PAGES
from index.store import SnapshotStore
from service.errors import NotReady

_GB = 1_000_000_000

# Measured, see service/README.md, "Memory".
ENCODER_BYTES = 800_000_000
"""The process with the default encoder under OpenVINO, and its cached answers, before any snapshot is open."""
OWN_BYTES_PER_PASSAGE = 700
"""Nearly all of it filters: as many as are kept, of those that leave about half of the passages."""


class MemoryPlan(NamedTuple):
    """Bytes that a snapshot wants: of the process's `own`, and of files that searches read all over (`mapped`).

    Mapped pages can be given back to the kernel, but then each search reads the disk.
    """

    own: int
    mapped: int

    @property
    def total(self) -> int:
        """Both."""
        return self.own + self.mapped

    def __str__(self) -> str:
        return f"{_gb(self.total)} of memory, {_gb(self.mapped)} of it files that searches read"


def snapshot_memory(store: SnapshotStore, snapshot_id: str) -> MemoryPlan:
    """The plan for a complete snapshot. Raises SnapshotNotFound and SnapshotInvalid."""
    passages = store.manifest(snapshot_id).passages
    files = (path for path in (store.folder.snapshots / snapshot_id).rglob("*") if path.is_file())
    # Of texts only those of hits are read.
    mapped = sum(path.stat().st_size for path in files if path.name != PAGES)
    return MemoryPlan(passages * OWN_BYTES_PER_PASSAGE, mapped)


def available_memory(limit_gb: float | None = None, root: Path = Path("/")) -> int | None:
    """Bytes that this process may still take, None where nothing tells. `limit_gb` is what it may have in all."""
    if limit_gb is None:
        rooms = [*_of_machine(root), *_of_cgroups(root)]
    else:
        rooms = [round(limit_gb * _GB) - _number_in(root / "proc/self/status", "RssAnon:") * 1024]
    return max(0, min(rooms)) if rooms else None


def require_memory(
    store: SnapshotStore,
    snapshot_id: str,
    limit_gb: float | None,
    encoder_loaded: bool = True,
    root: Path = Path("/"),
) -> MemoryPlan:
    """The plan, if it fits; with a limit of 0 GB all does. Raises NotReady, SnapshotNotFound and SnapshotInvalid.

    What the process has taken by now, for a snapshot that is still open too, is no longer there. That one's mapped
    pages are: they give way.
    """
    plan = snapshot_memory(store, snapshot_id)
    there = None if limit_gb == 0 else available_memory(limit_gb, root)
    encoder = 0 if encoder_loaded else ENCODER_BYTES
    wanted = plan._replace(own=plan.own + encoder)
    if there is not None and wanted.total > there:
        raise NotReady(
            f"snapshot {snapshot_id} wants about {wanted}, and {_gb(there)} are there; free some, give the machine or "
            "its cgroup more, publish less, or set index.memory_gb (0 opens it in any case)"
        )
    return plan


def _gb(size: int) -> str:
    return f"{size / _GB:.1f} GB"


def _of_machine(root: Path) -> Iterator[int]:
    if kilobytes := _number_in(root / "proc/meminfo", "MemAvailable:"):
        yield kilobytes * 1024


def _of_cgroups(root: Path) -> Iterator[int]:
    """What each limit above this process leaves: page cache that is counted against it can be reclaimed."""
    top = root / "sys/fs/cgroup"
    own = next((line[4:] for line in _lines(root / "proc/self/cgroup") if line.startswith("0::/")), "")
    while True:
        group = top / own
        limit, used = _lines(group / "memory.max"), _lines(group / "memory.current")
        if limit and used and limit[0].isdigit():
            cached = sum(_number_in(group / "memory.stat", name) for name in ("active_file", "inactive_file"))
            yield int(limit[0]) - int(used[0]) + cached
        if not own:
            return
        own = own.rpartition("/")[0]


def _number_in(path: Path, name: str) -> int:
    """The number after `name` in a file of the kernel's, 0 where there is none."""
    rows = (line.split() for line in _lines(path))
    return next((int(row[1]) for row in rows if row and row[0] == name), 0)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
