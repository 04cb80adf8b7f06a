"""kill -9 at random moments of a refresh: nothing corrupt, nothing lost, nothing fetched twice in vain."""

import json
from pathlib import Path
from typing import cast

import pytest
from records import build_and_publish, small_pages, small_sources

from bench.cli import app
from bench.kills_child import HashingEncoder
from bench.kills_folder import after_kill, content_of, pages_of
from bench.kills_site import ChangingSite
from index.lock import write_lock
from service.cli.console import run_command


def test_six_kills_leave_the_old_content_or_the_new_and_the_next_refresh_ends_the_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["bench", "kills", "--kills", "6", "--pages", "8", "--workers", "0", "--json"]
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: app(arguments, prog_name="authority-search"))
    report = json.loads(capsys.readouterr().out)
    assert [kill["wrong"] for kill in report["kills"]] == [[]] * 6
    assert cast(int, ended.value.code) == 0
    assert {kill["aim"] for kill in report["kills"]} >= {"any moment", "start", "fetch"}


def test_what_a_kill_may_not_leave_is_noticed(tmp_path: Path) -> None:
    build_and_publish(tmp_path, small_pages(), small_sources(), HashingEncoder())
    content = content_of(tmp_path)
    assert pages_of(content) == {page.url for page in small_pages()}
    assert after_kill(tmp_path, ((), content)) == []
    assert after_kill(tmp_path, ((),)) == ["the live snapshot is neither the old one nor the new one"]
    with write_lock(tmp_path):
        (held,) = after_kill(tmp_path, (content,))
    assert held.startswith("the lock is held: ")
    (tokens,) = tmp_path.glob("snapshots/*/columns/tokens.npy")
    with tokens.open("r+b") as file:
        file.seek(200)
        file.write(b"x")
    live, listed = after_kill(tmp_path, (content,))
    assert live.startswith("the live snapshot is corrupt: ")
    assert listed.startswith("a listed snapshot is corrupt: ")


def test_the_states_of_the_site_differ_by_changed_gone_new_and_hidden_pages() -> None:
    site = ChangingSite(pages=9)
    bodies = []
    for state in range(3):
        site.turn_to(state)
        bodies.append([site.body("127.0.0.1", f"/p{number}") for number in range(9)])
    first, second, third = bodies
    assert [number for number in range(9) if second[number] is None] == [3, 7, 8]
    assert [number for number in range(9) if first[number] is None] == [7, 8]
    assert None not in third
    assert [number for number in range(7) if second[number] not in (first[number], None)] == [1, 6]
    assert [number for number in range(9) if b"noindex" in (third[number] or b"")] == [5]
