"""`refresh` and `coverage` from the command line: one JSON line a run, exit codes for cron, a report in three forms."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from misbehaving_web import Reply, Site, misbehaving_web
from records import LetterEncoder
from test_refresh import HOST, SUBJECTS, put, put_index, settings_in

from index.lock import write_lock
from index.store import DataFolder
from service.cli.console import run_command
from service.cli.main import app
from service.coverage import load_coverage
from service.settings import Settings


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def line(self) -> dict[str, Any]:
        (line,) = self.out.splitlines()
        return cast(dict[str, Any], json.loads(line))


Cli = Callable[..., Ended]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def cli(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    file = settings.data_dir.parent / "settings.toml"
    monkeypatch.setattr("service.cli.refresh.load_encoder", lambda _settings: LetterEncoder())
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            run_command(lambda: app(["--settings", str(file), *args], prog_name="authority-search"))
        out, err = capsys.readouterr()
        return Ended(cast(int, ended.value.code), out, err)

    return run


def site_of(subjects: list[str], site: Site) -> None:
    put_index(site, subjects)
    for subject in subjects:
        put(site, subject)


def test_a_run_is_one_line_and_its_code_tells_cron_what_became_of_it(cli: Cli, settings: Settings) -> None:
    with misbehaving_web() as site:
        site_of(SUBJECTS[:2], site)
        first = cli("refresh", HOST, "--start", site.url(), "--json")
        assert (first.code, first.line["status"], first.line["requests"]["pages"]) == (0, "published", 3)
        assert {"run", "seconds", "snapshot", "embedded", "failing", "reason", "removed"} <= set(first.line)

        site.add("/glaciers", Reply(status=410))
        refused = cli("refresh", "--json")
        assert (refused.code, refused.line["status"]) == (5, "refused")
        assert "would be lost" in refused.line["reason"]
        said = cli("publish")
        assert (said.code, "would be lost" in said.err) == (5, True)

        for reply in site.replies.values():
            reply[:] = [Reply(status=500)]
        down = cli("refresh")
        assert (down.code, f"Failing, kept as it was: {HOST} (" in down.out) == (6, True)

        with write_lock(settings.data_dir):
            locked = cli("refresh", "--json")
        assert (locked.code, locked.line["status"], locked.line["error"]) == (4, "failed", "DataFolderLocked")

        served = load_coverage(DataFolder(settings.data_dir))
        assert (served.total.pages, served.total.failing, served.sources[0].name) == (2, 1, HOST)
        table = cli("coverage")
        assert table.code == 0
        row = next(line.split() for line in table.out.splitlines() if line.split()[:1] == [HOST])
        # sources, pages, passages, gone, median age, oldest, errors, denied, failing
        assert row == [HOST, "1", "2", "3", "1", "0.0", "0.0", "3", "0", "1"]


def test_the_report_of_what_is_covered_is_the_same_as_json_and_as_a_page(cli: Cli, tmp_path: Path) -> None:
    with misbehaving_web() as site:
        site_of(SUBJECTS[:2], site)
        site.robots("User-agent: *\nDisallow: /tariffs")
        cli("refresh", HOST, "--start", site.url())
    page = tmp_path / "coverage.html"
    ended = cli("coverage", "--by", "sectors", "--html", str(page), "--json")
    (tier,), (sector,), (source,) = (ended.line[part] for part in ("tiers", "sectors", "sources"))
    assert (tier["name"], sector["name"], source["name"]) == ("tier 1", "reference", HOST)
    assert {key: source[key] for key in ("pages", "passages", "gone", "errors", "denied", "failing")} == {
        "pages": 2, "passages": 3, "gone": 0, "errors": 0, "denied": 1, "failing": 0,
    }  # fmt: skip
    text = page.read_text(encoding="utf-8")
    assert all(heading in text for heading in ("<h2>Tiers</h2>", "<h2>Sectors</h2>", f"<td>{HOST}</td>"))
    assert "http" not in text.replace("<!doctype html>", "")


def test_what_cannot_begin_is_a_line_too(cli: Cli) -> None:
    ended = cli("refresh", "--json")
    assert (ended.code, ended.line["error"], ended.err.count("\n")) == (1, "NothingToCrawl", 1)
