import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.errors import DataFolderLocked
from index.files import building_beside, remove_folder, remove_unfinished, write_atomically
from index.lock import write_lock


@pytest.fixture
def ordinary_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_replaced_whole_and_nothing_is_left_beside(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_atomically(path, b"one")
    with path.open("rb") as reader:
        write_atomically(path, b"two")
        # Who opened the old file goes on reading it.
        assert reader.read() == b"one"
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="irectory"):
        write_atomically(tmp_path / "folder", b"a file cannot take a folder's place")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


@pytest.mark.usefixtures("ordinary_umask")
def test_other_users_may_read_what_was_written(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"content")
    with building_beside(tmp_path / "folder") as beside:
        (beside / "inner").mkdir()
        os.close(os.open(beside / "inner" / "private", os.O_CREAT | os.O_WRONLY, 0o600))
    assert mode(tmp_path / "file") == mode(tmp_path / "folder" / "inner" / "private") == 0o644
    assert mode(tmp_path / "folder") == mode(tmp_path / "folder" / "inner") == 0o755


@pytest.mark.usefixtures("ordinary_umask")
def test_a_narrow_umask_is_kept(tmp_path: Path) -> None:
    os.umask(0o077)
    write_atomically(tmp_path / "file", b"content")
    with building_beside(tmp_path / "folder") as beside:
        (beside / "file").write_bytes(b"")
    assert (mode(tmp_path / "file"), mode(tmp_path / "folder" / "file")) == (0o600, 0o600)
    assert mode(tmp_path / "folder") == 0o700


def test_a_folder_is_there_only_once_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with building_beside(target) as beside:
        (beside / "file").write_text("content")
        assert not target.exists()
    assert (target / "file").read_text() == "content"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), building_beside(tmp_path / "target") as beside:
        (beside / "file").write_text(str(1 / 0))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_process_made_meanwhile_stays(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with building_beside(target) as beside:
        (beside / "file").write_text("ours")
        target.mkdir()
        (target / "file").write_text("theirs")
    assert (target / "file").read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("a file")
    with pytest.raises(OSError, match="irectory"), building_beside(tmp_path / "target"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_what_a_kill_left_is_removed(tmp_path: Path) -> None:
    for name in (".building-1", ".removing-2", "kept"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("")
    assert remove_unfinished(tmp_path) == 2
    remove_folder(tmp_path / "kept")
    assert list(tmp_path.iterdir()) == []


HOLD = """
import sys, time
from pathlib import Path
from index.lock import write_lock
with write_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_names_its_holder_and_dies_with_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        told = rf"process {holder.pid}\) is writing to .*; wait"
        with pytest.raises(DataFolderLocked, match=told), write_lock(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
    with write_lock(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_the_lock_is_released_after_an_error_and_makes_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    with pytest.raises(ZeroDivisionError), write_lock(folder):
        _ = 1 / 0
    with write_lock(folder), pytest.raises(DataFolderLocked, match=f"process {os.getpid()}"), write_lock(folder):
        pass
