"""Following what is published: swapped without a pause, and what cannot be served is refused."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from records import LetterEncoder, build_and_publish, small_pages, small_sources

from authority_search.models import Readiness, SearchRequest
from index.encoders import Encoder
from index.errors import EncoderUnavailable
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.errors import NotReady
from service.live import LiveSearcher

REQUEST = SearchRequest(queries=["policy rate", "央行"])


@pytest.fixture(scope="module")
def two_snapshots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A data folder with two snapshots, and their ids: the first of half the pages, the second of all and live."""
    root = tmp_path_factory.mktemp("two")
    half = build_and_publish(root, small_pages()[:8], small_sources(), LetterEncoder())
    whole = build_and_publish(root, small_pages(), small_sources(), LetterEncoder())
    return root, half.snapshot, whole.snapshot


@pytest.fixture
def store(two_snapshots: tuple[Path, str, str], tmp_path: Path) -> SnapshotStore:
    """A copy of the data folder with nothing published."""
    root, *_ = two_snapshots
    shutil.copytree(root, tmp_path / "data")
    (tmp_path / "data" / "CURRENT").unlink()
    return SnapshotStore(DataFolder(tmp_path / "data"))


@pytest.fixture
def ids(two_snapshots: tuple[Path, str, str]) -> tuple[str, str]:
    return two_snapshots[1:]


def follow(store: SnapshotStore, load: Callable[[], Encoder] = LetterEncoder, poll: float = 0.01) -> LiveSearcher:
    return LiveSearcher(store, load, RankingSettings(), poll)


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_before_anything_is_published_it_says_what_to_do(store: SnapshotStore) -> None:
    live = follow(store)
    assert live.readiness() == Readiness(status="starting", reason="the encoder is being loaded")
    live.refresh()
    assert live.readiness().status == "starting"
    with pytest.raises(NotReady, match=r"nothing is published.*`publish`"):
        live.current()


def test_what_is_published_is_served(store: SnapshotStore, ids: tuple[str, str]) -> None:
    live, (half, _) = follow(store), ids
    live.refresh()
    store.publish(half)
    live.refresh()
    passages = len(store.open(half).columns)
    assert live.readiness() == Readiness(status="ready", snapshot=half, passages=passages, encoder="test/letters")
    assert live.current().search(REQUEST).snapshot == half


def test_a_new_snapshot_takes_over_and_a_request_under_way_keeps_the_old_one(
    store: SnapshotStore, ids: tuple[str, str]
) -> None:
    live, (half, whole) = follow(store), ids
    store.publish(half)
    live.refresh()
    kept = live.current()
    before = kept.search(REQUEST)
    store.publish(whole)
    live.refresh()
    assert live.current().search(REQUEST).snapshot == whole
    assert kept.search(REQUEST) == before
    # Even when the old snapshot is removed from the disk.
    store.remove(half)
    assert kept.search(REQUEST) == before


def test_an_unchanged_pointer_opens_nothing(store: SnapshotStore, ids: tuple[str, str]) -> None:
    loaded: list[Encoder] = []

    def load() -> Encoder:
        loaded.append(LetterEncoder())
        return loaded[-1]

    live, (half, whole) = follow(store, load), ids
    store.publish(half)
    live.refresh()
    searcher = live.current()
    live.refresh()
    assert live.current() is searcher
    store.publish(whole)
    live.refresh()
    assert live.current() is not searcher
    assert len(loaded) == 1


def test_a_snapshot_of_another_encoder_is_refused_and_the_old_one_goes_on(
    store: SnapshotStore, ids: tuple[str, str]
) -> None:
    live, (half, whole) = follow(store), ids
    store.publish(half)
    live.refresh()
    other = build_and_publish(store.folder.root, small_pages(), small_sources(), LetterEncoder(digest="other"))
    live.refresh()
    assert store.current_id() == other.snapshot
    readiness = live.readiness()
    assert (readiness.status, readiness.snapshot) == ("ready", half)
    assert "publish again" in (readiness.reason or "")
    assert live.current().search(REQUEST).snapshot == half
    store.publish(whole)
    live.refresh()
    assert (live.readiness().snapshot, live.readiness().reason) == (whole, None)


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


FILES = (
    "manifest.json",
    "names.json",
    "columns/page.npy",
    "columns/by_id.npy",
    "pages.arrow",
    "vectors.faiss",
    "sources.json",
    "text_hashes.npy",
    "lexical/meta.json",
)
DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "half": truncate,
    "empty": lambda path: path.write_bytes(b""),
    "other": lambda path: path.write_bytes(b"[]" * 100),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_snapshot_is_refused_and_the_old_one_goes_on(
    store: SnapshotStore, ids: tuple[str, str], file: str, damage: str
) -> None:
    live, (half, whole) = follow(store), ids
    store.publish(half)
    live.refresh()
    store.publish(whole)
    DAMAGE[damage](store.folder.snapshots / whole / file)
    live.refresh()
    assert (live.readiness().status, live.readiness().snapshot) == ("ready", half)
    assert whole in (live.readiness().reason or "")
    assert live.current().search(REQUEST).snapshot == half
    # What was refused is not opened again and again; a rollback mends it.
    store.publish(half)
    live.refresh()
    assert (live.readiness().snapshot, live.readiness().reason) == (half, None)


def test_lexical_segments_that_are_cut_off_are_refused(store: SnapshotStore, ids: tuple[str, str]) -> None:
    live, (half, whole) = follow(store), ids
    store.publish(half)
    live.refresh()
    for path in (store.folder.snapshots / whole / "lexical").iterdir():
        if path.suffix in (".idx", ".term", ".fast", ".store", ".fieldnorm"):
            truncate(path)
    store.publish(whole)
    live.refresh()
    assert (live.readiness().snapshot, bool(live.readiness().reason)) == (half, True)


def test_a_snapshot_is_opened_once_on_the_device_asked_for_and_not_before_there_is_memory(
    store: SnapshotStore, ids: tuple[str, str]
) -> None:
    opened: list[tuple[str | None, str]] = []

    class Recorded(SnapshotStore):
        def open(self, snapshot_id: str | None = None, device: str = "cpu") -> Snapshot:
            opened.append((snapshot_id, device))
            return super().open(snapshot_id, device)

    store.publish(ids[0])
    for memory_gb, expected in ((0.0001, []), (0, [(ids[0], "auto")])):
        live = LiveSearcher(
            Recorded(store.folder), LetterEncoder, RankingSettings(), dense_device="auto", memory_gb=memory_gb
        )
        live.refresh()
        assert opened == expected


def test_a_snapshot_whose_arm_fails_when_tried_is_refused(store: SnapshotStore, ids: tuple[str, str]) -> None:
    live, (half, whole) = follow(store), ids
    store.publish(half)
    live.refresh()

    class Halved(SnapshotStore):
        """Opens snapshots whose dense arm fails, as with a graphics card that is full."""

        def open(self, snapshot_id: str | None = None, device: str = "cpu") -> Snapshot:
            opened = super().open(snapshot_id, device)
            opened.dense.search = None  # type: ignore[method-assign, assignment]
            return opened

    live._store = Halved(store.folder)
    store.publish(whole)
    live.refresh()
    assert live.readiness().snapshot == half
    assert "the dense arm failed when tried" in (live.readiness().reason or "")


def test_a_pointer_to_nothing_is_refused(store: SnapshotStore, ids: tuple[str, str]) -> None:
    live, (half, _) = follow(store), ids
    store.publish(half)
    live.refresh()
    store.folder.current.write_text("20990101T000000Z-00000000\n", encoding="utf-8")
    live.refresh()
    assert (live.readiness().status, live.readiness().snapshot) == ("ready", half)
    assert "no snapshot '20990101T000000Z-00000000'" in (live.readiness().reason or "")


def test_an_encoder_that_cannot_be_loaded_is_told(store: SnapshotStore, ids: tuple[str, str]) -> None:
    def load() -> Encoder:
        raise EncoderUnavailable("no weights anywhere; install the wheel")

    live = follow(store, load)
    store.publish(ids[0])
    live.refresh()
    assert live.readiness() == Readiness(status="starting", reason="no weights anywhere; install the wheel")


def test_the_follower_starts_at_once_picks_up_and_ends(store: SnapshotStore, ids: tuple[str, str]) -> None:
    live = follow(store)
    live.start()
    try:
        for snapshot in (*ids, *ids):
            store.publish(snapshot)
            wait_until(lambda snapshot=snapshot: live.readiness().snapshot == snapshot)  # type: ignore[misc]
    finally:
        live.close()
    store.publish(ids[0])
    assert not live._thread.is_alive()
    assert live.readiness().snapshot == ids[1]


def test_a_follower_that_was_never_started_can_be_closed(store: SnapshotStore) -> None:
    follow(store).close()
