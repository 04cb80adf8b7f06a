"""The snapshot: one immutable, complete generation of the index, opened read-only.

<id>/manifest.json   counts, encoder, list version, digests of all files
<id>/lexical/        Tantivy
<id>/vectors.faiss   FAISS: every vector; lists.faiss where an approximate index proposes rows
<id>/columns/        an array per column of passages, by row number
<id>/pages.arrow     <id>/names.json   pages with their texts and headings, by page number; names of numbers
<id>/text_hashes.npy  equal where rows carry the same text
<id>/sources.json    the list of sources the snapshot was built with
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from domain_lists.plain import from_plain, to_plain
from domain_lists.source_list import SourceList
from index.approximate import DenseMethod
from index.columns import Columns
from index.dense import DenseIndex
from index.encoders import EncoderDescription
from index.errors import SnapshotInvalid
from index.lexical import LexicalIndex

FORMAT = 4
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot holds. `content` is a digest of everything that was indexed, whatever the build's time."""

    format: int
    id: str
    created: str
    content: str
    pages: int
    passages: int
    list_version: str
    encoder: EncoderDescription
    dense: DenseMethod
    files: dict[str, str]

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read the manifest of a snapshot folder. Raises SnapshotInvalid."""
        path = folder / MANIFEST
        try:
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if values["format"] != FORMAT:
                raise SnapshotInvalid(
                    f"{folder} has snapshot format {values['format']}, this version reads {FORMAT}; publish again"
                )
            encoder, dense = EncoderDescription(**values["encoder"]), DenseMethod.read(values["dense"])
            return cls(**values | {"encoder": encoder, "dense": dense})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise SnapshotInvalid(f"{path} cannot be read ({error}); publish again or roll back") from error

    def to_json(self) -> str:
        """The manifest as JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)


class Snapshot:
    """An open snapshot. Immutable and thread-safe; row number = FAISS id = Tantivy row.

    `device` is where vectors are searched: `auto`, `cpu` or `cuda`, as in the settings.
    """

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self.folder = folder
        self.manifest = Manifest.read(folder)
        try:
            self.columns = Columns(folder)
            hashed = len(self.columns.text_hash)
            self.lexical = LexicalIndex(folder / "lexical")
            self.dense = DenseIndex.open(folder, self.manifest.dense, device)
            self.sources = read_sources(folder / "sources.json")
        except (OSError, EOFError, ValueError, RuntimeError, KeyError, TypeError) as error:
            raise SnapshotInvalid(f"{folder} cannot be opened ({error}); publish again or roll back") from error
        counts = {len(self.columns), hashed, len(self.lexical), len(self.dense), self.manifest.passages}
        if len(counts) != 1:
            raise SnapshotInvalid(f"{folder}: passages, lexical and dense index differ in size: {sorted(counts)}")

    def verify(self) -> None:
        """Compare every file with its digest in the manifest. Raises SnapshotInvalid; reads the whole snapshot."""
        if (found := file_digests(self.folder)) != self.manifest.files:
            wrong = sorted(set(found.items()) ^ set(self.manifest.files.items()))
            raise SnapshotInvalid(f"{self.folder}: {wrong[0][0]} is not what was published; roll back or publish again")


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 (hex) of every file of a snapshot folder but the manifest, by relative path."""
    digests = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        # Tantivy's lock files are no content.
        if path.is_file() and name != MANIFEST and not path.name.endswith(".lock"):
            with path.open("rb") as file:
                digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def write_sources(path: Path, sources: SourceList) -> None:
    """Keep the list beside what was built with it: a request means the same until the next snapshot."""
    path.write_text(json.dumps(to_plain(sources), indent=1, ensure_ascii=False), encoding="utf-8")


def read_sources(path: Path) -> SourceList:
    """The list of a snapshot."""
    return from_plain(json.loads(path.read_text(encoding="utf-8")))
