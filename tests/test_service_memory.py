"""Memory is planned: what would not fit is refused with both figures, and what serves goes on."""

import re
from pathlib import Path

import pytest
from records import LetterEncoder, build_and_publish, small_pages, small_sources

from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.cli.serve import live_searcher
from service.errors import NotReady
from service.live import LiveSearcher
from service.memory import ENCODER_BYTES, available_memory, require_memory, snapshot_memory
from service.settings import Settings


def kernel(root: Path, files: dict[str, str]) -> Path:
    """A file system as the kernel would show it."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


MEMINFO = {"proc/meminfo": "MemTotal:       8000 kB\nMemAvailable:   5000 kB\n"}
STAT = "anon 900\nactive_file 100\ninactive_file 200\n"


def group(name: str, limit: str, used: int) -> dict[str, str]:
    folder = f"sys/fs/cgroup/{name}"
    return {f"{folder}memory.max": limit, f"{folder}memory.current": f"{used}\n", f"{folder}memory.stat": STAT}


@pytest.mark.parametrize(
    ("files", "there"),
    [
        ({}, None),
        (MEMINFO, 5_120_000),
        # In a container its own group is the top; the page cache counts as used and can be reclaimed.
        (MEMINFO | {"proc/self/cgroup": "0::/\n"} | group("", "3000\n", 1000), 3000 - 1000 + 300),
        (MEMINFO | {"proc/self/cgroup": "0::/a/b\n"} | group("a/b/", "max\n", 1) | group("a/", "4000\n", 1000), 3300),
        (MEMINFO | {"proc/self/cgroup": "0::/a\n"} | group("a/", "9000000000\n", 1000), 5_120_000),
        ({"proc/self/cgroup": "0::/a\n"} | group("a/", "1000\n", 1400), 0),
        (MEMINFO | {"proc/self/cgroup": "4:memory:/a\n0::/../b\n"}, 5_120_000),
    ],
)
def test_what_is_there_is_the_least_of_machine_and_groups(
    tmp_path: Path, files: dict[str, str], there: int | None
) -> None:
    assert available_memory(root=kernel(tmp_path, files)) == there


def test_a_limit_of_ours_counts_what_the_process_has_taken(tmp_path: Path) -> None:
    root = kernel(tmp_path, MEMINFO | {"proc/self/status": "Name:\tpython\nRssAnon:\t  500000 kB\n"})
    assert available_memory(2.0, root) == 2_000_000_000 - 512_000_000
    assert available_memory(0.1, root) == 0


def test_the_plan_counts_all_files_but_the_texts(small_data: Path) -> None:
    store = SnapshotStore(DataFolder(small_data))
    snapshot = store.open()
    files = [path.stat().st_size for path in snapshot.folder.rglob("*") if path.is_file()]
    plan = snapshot_memory(store, snapshot.manifest.id)
    assert plan.mapped == sum(files) - (snapshot.folder / "pages.arrow").stat().st_size
    assert plan.total > plan.mapped


def test_too_little_is_refused_with_both_figures_and_advice(small_data: Path, tmp_path: Path) -> None:
    store = SnapshotStore(DataFolder(small_data))
    identity = store.open().manifest.id
    root = kernel(tmp_path, {"proc/meminfo": "MemAvailable: 400000 kB\n"})
    with pytest.raises(NotReady) as refused:
        require_memory(store, identity, None, encoder_loaded=False, root=root)
    said = rf"snapshot {identity} wants about {ENCODER_BYTES / 1e9:.1f} GB of memory, 0\.0 GB of it files that "
    assert re.match(said + r"searches read, and 0\.4 GB are there; .*index\.memory_gb", str(refused.value))
    assert require_memory(store, identity, None, root=root).total < 400_000_000
    assert require_memory(store, identity, 0, encoder_loaded=False, root=root)
    with pytest.raises(NotReady, match="wants about"):
        live_searcher(Settings(data_dir=small_data, index={"memory_gb": 0.001}))


def test_a_newer_snapshot_that_would_not_fit_waits_and_the_old_one_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_and_publish(tmp_path, small_pages()[:8], small_sources(), LetterEncoder()).snapshot
    live = LiveSearcher(SnapshotStore(DataFolder(tmp_path)), LetterEncoder, RankingSettings())
    live.refresh()
    second = build_and_publish(tmp_path, small_pages(), small_sources(), LetterEncoder()).snapshot
    monkeypatch.setattr("service.memory.available_memory", lambda *_: 1000)
    live.refresh()
    assert (live.readiness().status, live.readiness().snapshot) == ("ready", first)
    assert re.search(f"snapshot {second} wants about .*, and 0.0 GB are there", live.readiness().reason or "")
    # Unlike a snapshot that is damaged it is looked at again.
    monkeypatch.undo()
    live.refresh()
    assert (live.readiness().snapshot, live.readiness().reason) == (second, None)
