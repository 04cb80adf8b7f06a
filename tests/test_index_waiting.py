from pathlib import Path

import pytest

from index import waiting
from index.shards import text_key
from index.vectors import SHARD_ROWS
from index.waiting import WaitingTexts


@pytest.fixture(autouse=True)
def small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WINDOW", 2 * SHARD_ROWS)


def keyed(*texts: str) -> dict[bytes, str]:
    return {text_key(text): text for text in texts}


def test_each_text_comes_once_in_full_shards_and_memory_holds_a_window(tmp_path: Path) -> None:
    texts = [f"文 {'x' * (n * 7919 % 500)}\n{n}" for n in range(5 * SHARD_ROWS + 10)]
    with WaitingTexts(tmp_path) as held:
        for start in range(0, len(texts), 700):
            held.add(keyed(*texts[start : start + 900]))
            assert len(held._window) < waiting.WINDOW
        assert len(held) == len(texts)
        shards = list(held.shards())
    assert [len(shard) for shard in shards] == [SHARD_ROWS] * 5 + [10]
    assert sorted(text for shard in shards for text in shard.values()) == sorted(texts)
    assert all(text_key(text) == key for shard in shards for key, text in shard.items())
    # Within a shard lengths lie close together: that is what the window is for.
    assert max(len(max(shard.values(), key=len)) - len(min(shard.values(), key=len)) for shard in shards[:4]) < 350
    # A killed run leaves nothing either.
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_waits_there_is_no_shard(tmp_path: Path) -> None:
    with WaitingTexts(tmp_path) as held:
        held.add({})
        assert (len(held), list(held.shards())) == (0, [])
