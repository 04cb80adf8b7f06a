"""All snapshots of a data folder and the pointer to the live one.

`CURRENT` holds the name of the live snapshot and is replaced by one atomic rename: a reader sees the old
name or the new one.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from index.errors import SnapshotInvalid, SnapshotNotFound
from index.files import remove_folder, write_atomically
from index.snapshot import MANIFEST, Manifest, Snapshot

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The places inside one data folder. Several folders may share the embedding caches in `shared_vectors`."""

    root: Path
    shared_vectors: Path | None = None

    @property
    def archive(self) -> Path:
        """Raw responses, a folder per crawl."""
        return self.root / "archive"

    @property
    def catalog(self) -> Path:
        """The catalogue file."""
        return self.root / "catalog.duckdb"

    @property
    def vectors(self) -> Path:
        """The embedding caches, a folder per encoder."""
        return self.shared_vectors or self.root / "vectors"

    @property
    def analysed(self) -> Path:
        """The caches of what is made of texts, a folder per kind."""
        return self.root / "analysed"

    @property
    def snapshots(self) -> Path:
        """The snapshots, a folder per id."""
        return self.root / "snapshots"

    @property
    def coverage(self) -> Path:
        """The coverage report of the last refresh."""
        return self.root / "coverage.json"

    @property
    def current(self) -> Path:
        """The pointer to the live snapshot."""
        return self.root / "CURRENT"


class SnapshotStore:
    """Lists, opens, publishes and removes snapshots. Writing methods want `index.lock` held."""

    def __init__(self, folder: DataFolder) -> None:
        self.folder = folder

    def current_id(self) -> str | None:
        """The id of the live snapshot, None before the first one."""
        try:
            return self.folder.current.read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None

    def manifests(self) -> list[Manifest]:
        """Manifests of all complete snapshots, oldest first; one that cannot be read is logged and left out."""
        found = []
        for path in sorted(self.folder.snapshots.glob(f"[!.]*/{MANIFEST}")):
            try:
                found.append(Manifest.read(path.parent))
            except SnapshotInvalid as error:
                _log.warning("%s", error)
        return found

    def manifest(self, snapshot_id: str) -> Manifest:
        """The manifest of one snapshot. Raises SnapshotNotFound and SnapshotInvalid."""
        return Manifest.read(self._existing(snapshot_id))

    def open(self, snapshot_id: str | None = None, device: str = "cpu") -> Snapshot:
        """Open a snapshot, the live one by default. Raises SnapshotNotFound and SnapshotInvalid.

        `device` is where vectors are searched: `auto`, `cpu` or `cuda`, as in the settings.
        """
        wanted = snapshot_id or self.current_id()
        if wanted is None:
            raise SnapshotNotFound(
                f"nothing is published in {self.folder.root}; run `authority-search crawl` or `ingest`, then `publish`"
            )
        return Snapshot(self._existing(wanted), device)

    def publish(self, snapshot_id: str) -> None:
        """Make a complete snapshot the live one; earlier ones can be taken back the same way."""
        self.manifest(snapshot_id)
        write_atomically(self.folder.current, f"{snapshot_id}\n".encode())

    def remove(self, snapshot_id: str) -> None:
        """Delete a snapshot that is not live. Raises SnapshotInvalid for the live one."""
        if snapshot_id == self.current_id():
            raise SnapshotInvalid(f"{snapshot_id} is live; publish another one before you remove it")
        remove_folder(self._existing(snapshot_id))

    def prune(self, keep: int) -> tuple[str, ...]:
        """Remove the oldest complete snapshots beyond `keep`, never the live one; returns what went, oldest first.

        Those of an earlier format go too. A service that has one of them open is not disturbed: its files are mapped,
        and stay on the disk until it lets go of them. What cannot be removed is logged and stays.
        """
        # Ids begin with the moment of their making.
        complete = [path.parent.name for path in sorted(self.folder.snapshots.glob(f"[!.]*/{MANIFEST}"))]
        live, removed = self.current_id(), []
        for snapshot_id in [one for one in complete if one != live][: max(0, len(complete) - keep)]:
            try:
                self.remove(snapshot_id)
                removed.append(snapshot_id)
            except OSError as error:
                _log.warning("the old snapshot %s stays, it cannot be removed: %s", snapshot_id, error)
        return tuple(removed)

    def _existing(self, snapshot_id: str) -> Path:
        folder = self.folder.snapshots / snapshot_id
        if "/" in snapshot_id or snapshot_id.startswith(".") or not (folder / MANIFEST).is_file():
            known = ", ".join(path.parent.name for path in sorted(self.folder.snapshots.glob(f"[!.]*/{MANIFEST}")))
            raise SnapshotNotFound(
                f"no snapshot {snapshot_id!r} in {self.folder.snapshots}; there are: {known or 'none'}"
            )
        return folder
