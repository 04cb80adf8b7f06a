import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pytest
from records import BANK, LetterEncoder, build_and_publish, make_page, make_sources, small_pages, small_sources

from index.errors import SnapshotInvalid, SnapshotNotFound
from index.lexical import LexicalWriter
from index.snapshot import FORMAT, Manifest, Snapshot, read_sources, write_sources
from index.store import DataFolder, SnapshotStore


def publish(root: Path, *texts: str) -> str:
    pages = [make_page(f"https://{BANK}/page", *texts)]
    return build_and_publish(root, pages, make_sources(BANK), LetterEncoder()).snapshot


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(DataFolder(tmp_path))


@pytest.fixture
def copied(small_data: Path, tmp_path: Path) -> Path:
    """A snapshot folder that a test may harm."""
    live = SnapshotStore(DataFolder(small_data)).open().folder
    return Path(shutil.copytree(live, tmp_path / live.name))


def test_a_snapshot_opens_as_it_was_published(small_snapshot: Snapshot) -> None:
    small_snapshot.verify()
    manifest = small_snapshot.manifest
    assert (manifest.pages, manifest.passages) == (len(small_pages()), len(small_snapshot.columns))
    assert manifest.list_version == small_sources().version
    assert small_snapshot.sources.sources == small_sources().sources
    assert small_snapshot.sources.select("primary") == frozenset({BANK})
    assert {
        "vectors.faiss",
        "columns/page.npy",
        "columns/id.npy",
        "pages.arrow",
        "names.json",
        "sources.json",
        "text_hashes.npy",
    } < set(manifest.files)


def test_a_manifest_survives_its_file(small_snapshot: Snapshot, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(small_snapshot.manifest.to_json(), encoding="utf-8")
    assert Manifest.read(tmp_path) == small_snapshot.manifest


def test_the_list_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "sources.json"
    write_sources(path, small_sources())
    read = read_sources(path)
    assert (read.sources, read.profiles) == (small_sources().sources, small_sources().profiles)
    assert read.version == small_sources().version


def test_a_snapshot_that_keeps_sources_and_profiles_alone_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "sources.json"
    write_sources(path, small_sources())
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({key: content[key] for key in ("sources", "profiles")}), encoding="utf-8")
    assert read_sources(path).sources == small_sources().sources


@pytest.mark.parametrize("name", ["vectors.faiss", "pages.arrow", "sources.json", "lexical/meta.json"])
def test_verify_finds_a_changed_byte(copied: Path, name: str) -> None:
    snapshot = Snapshot(copied)
    data = bytearray((copied / name).read_bytes())
    data[len(data) // 2] ^= 1
    # Written anew, not in place: the open snapshot has the old file mapped.
    (copied / name).unlink()
    (copied / name).write_bytes(data)
    with pytest.raises(SnapshotInvalid, match=f"{name} is not what was published; roll back or publish again"):
        snapshot.verify()


def test_verify_finds_missing_and_added_files(copied: Path) -> None:
    snapshot = Snapshot(copied)
    (copied / "more").write_text("")
    with pytest.raises(SnapshotInvalid, match="more is not what was published"):
        snapshot.verify()
    (copied / "more").unlink()
    (copied / "names.json").unlink()
    with pytest.raises(SnapshotInvalid, match=r"names\.json is not"):
        snapshot.verify()


def shorter_dense(folder: Path) -> None:
    index = faiss.read_index(str(folder / "vectors.faiss"))
    index.remove_ids(faiss.IDSelectorRange(0, 1))
    faiss.write_index(index, str(folder / "vectors.faiss"))


def shorter_lexical(folder: Path) -> None:
    shutil.rmtree(folder / "lexical")
    writer = LexicalWriter(folder / "lexical")
    writer.add(0, "only", [], "one")
    writer.finish()


@pytest.mark.parametrize("shorten", [shorter_dense, shorter_lexical])
def test_parts_that_differ_in_size_are_refused(copied: Path, shorten: Callable[[Path], None]) -> None:
    shorten(copied)
    with pytest.raises(SnapshotInvalid, match="passages, lexical and dense index differ in size"):
        Snapshot(copied)


@pytest.mark.parametrize(
    "name",
    [
        *("vectors.faiss", "columns/source.npy", "pages.arrow", "text_hashes.npy"),
        *("names.json", "sources.json", "lexical/meta.json"),
    ],
)
@pytest.mark.parametrize("harm", ["missing", "empty", "garbage"])
def test_a_harmed_part_is_refused_with_the_snapshots_name(copied: Path, name: str, harm: str) -> None:
    (copied / name).unlink()
    if harm != "missing":
        (copied / name).write_bytes(b"" if harm == "empty" else b"garbage " * 64)
    with pytest.raises(SnapshotInvalid, match=f"{copied.name} cannot be opened .*publish again or roll back"):
        Snapshot(copied)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot be read"),
        ("[]", "cannot be read"),
        ("{}", "cannot be read"),
        (f'{{"format": {FORMAT}}}', "cannot be read"),
        ('{"format": 1}', f"has snapshot format 1, this version reads {FORMAT}; publish again"),
        ('{"format": 99}', f"has snapshot format 99, this version reads {FORMAT}; publish again"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(copied: Path, content: str, message: str) -> None:
    (copied / "manifest.json").write_text(content)
    with pytest.raises(SnapshotInvalid, match=message):
        Snapshot(copied)


def test_nothing_is_published_at_first(store: SnapshotStore) -> None:
    assert (store.current_id(), store.manifests()) == (None, [])
    with pytest.raises(SnapshotNotFound, match=r"nothing is published in .*publish"):
        store.open()


def test_the_last_one_published_is_live_and_an_earlier_one_can_be_taken_back(store: SnapshotStore) -> None:
    first = publish(store.folder.root, "First text.")
    pinned = store.open()
    second = publish(store.folder.root, "First text.", "Second text.")
    assert store.current_id() == second != first
    assert {manifest.id for manifest in store.manifests()} == {first, second}
    assert [manifest.created for manifest in store.manifests()] == sorted(m.created for m in store.manifests())
    store.publish(first)
    assert (store.open().manifest.id, len(store.open().columns)) == (first, 1)
    assert len(store.open(second).columns) == 2
    assert pinned.lexical.search("first", 5)[0].tolist() == [0]


def test_the_pointer_is_replaced_and_not_rewritten(store: SnapshotStore) -> None:
    first = publish(store.folder.root, "First text.")
    with store.folder.current.open() as reader:
        second = publish(store.folder.root, "Second text.")
        assert reader.read() == f"{first}\n"
    assert store.folder.current.read_text() == f"{second}\n"
    # The service may run as another user than the one who publishes.
    beside = store.folder.root / "ordinary"
    beside.touch()
    assert stat.S_IMODE(store.folder.current.stat().st_mode) == stat.S_IMODE(beside.stat().st_mode)
    assert [path.name for path in store.folder.root.iterdir() if path.name.startswith(".")] == []


def test_the_live_snapshot_is_not_removed_and_another_wholly(store: SnapshotStore) -> None:
    first = publish(store.folder.root, "First text.")
    pinned = store.open()
    second = publish(store.folder.root, "Second text.")
    with pytest.raises(SnapshotInvalid, match=f"{second} is live; publish another one before you remove it"):
        store.remove(second)
    store.remove(first)
    assert [path.name for path in store.folder.snapshots.iterdir()] == [second]
    # A reader that opened it before goes on.
    assert pinned.lexical.search("first", 5)[0].tolist() == [0]
    assert pinned.columns.passage(0)[0].text == "First text."
    assert pinned.dense.vectors(np.array([0])).shape == (1, 64)


@pytest.mark.parametrize("name", ["nothing", "..", "../snapshots", ".building-1", "a/b", "/etc"])
def test_what_is_no_snapshot_is_neither_opened_published_nor_removed(store: SnapshotStore, name: str) -> None:
    known = publish(store.folder.root, "Text.")
    shutil.copytree(store.folder.snapshots / known, store.folder.snapshots / ".building-1")
    for use in (store.open, store.publish, store.remove):
        with pytest.raises(SnapshotNotFound, match=f"no snapshot '{name}' in .*; there are: {known}"):
            use(name)
    assert store.current_id() == known


def test_a_snapshot_with_a_broken_manifest_is_not_published(store: SnapshotStore) -> None:
    first = publish(store.folder.root, "First text.")
    second = publish(store.folder.root, "Second text.")
    store.publish(first)
    manifest = store.folder.snapshots / second / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 0}))
    with pytest.raises(SnapshotInvalid, match="format 0"):
        store.publish(second)
    assert store.open().manifest.id == first
