"""A crawl that was killed or stopped goes on from its archive, and asks for nothing twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from misbehaving_web import Site, loopback_sources, misbehaving_web

from crawler.archive import archive_files, read_archive
from crawler.errors import RunError
from crawler.fetch import fetch
from crawler.run_lock import run_lock
from crawler.runs import Run, load_run, start_run, unfinished_run
from crawler.settings import CrawlSettings

SETTINGS = CrawlSettings(delay=0.03, allow_private_addresses=True, retries=1, max_depth=9)
PAGES = 30

FETCH = """
import sys
from pathlib import Path
from misbehaving_web import loopback_sources
from crawler.fetch import fetch
from crawler.runs import load_run
from crawler.settings import CrawlSettings
folder, settings = sys.argv[1:]
fetch(load_run(Path(folder)), loopback_sources(), CrawlSettings.model_validate_json(settings))
"""


def begin(site: Site, tmp_path: Path) -> Run:
    site.linked_pages(PAGES)
    site.redirect("/p29", "/p28")
    return start_run(tmp_path / "archive", ["127.0.0.1"], [site.url()], SETTINGS)


def crawl_in_a_process(run: Run) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", FETCH, str(run.folder), SETTINGS.model_dump_json()]
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path[1:]])},
        start_new_session=True,
        stderr=subprocess.PIPE,
    )


def wait_for_requests(site: Site, count: int) -> None:
    deadline = time.monotonic() + 30
    while len(site.log) < count:
        assert time.monotonic() < deadline, f"only {len(site.log)} requests came"
        time.sleep(0.005)


def archived_urls(run: Run) -> list[str]:
    return [response.url for path in archive_files(run.folder) for response in read_archive(path)]


def assert_complete(site: Site, run: Run, most_lost: int) -> None:
    """All pages are archived once, and those asked for twice are at most the ones being written at a kill."""
    expected = {site.url(path) for path in ["/", *(f"/p{number}" for number in range(PAGES))]}
    archived = Counter(url for url in archived_urls(run) if not url.endswith("robots.txt"))
    assert archived == Counter(expected)
    twice = [path for path, count in Counter(site.paths()).items() if count > 1]
    assert len(twice) <= most_lost


def test_a_crawl_killed_again_and_again_fetches_nothing_twice(tmp_path: Path) -> None:
    with misbehaving_web() as site:
        run = begin(site, tmp_path)
        kills = 2
        for kill in range(1, kills + 1):
            process = crawl_in_a_process(run)
            wait_for_requests(site, kill * 11)
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
        report = fetch(run, loopback_sources(), SETTINGS)
        assert_complete(site, run, most_lost=kills)
        assert report.finished
        assert report.pages == {"127.0.0.1": PAGES}
        assert report.resumed >= 15
        assert len(archive_files(run.folder)) == kills + 1


def test_only_what_is_missing_from_the_archive_is_fetched_again(tmp_path: Path) -> None:
    with misbehaving_web() as site:
        run, sources = begin(site, tmp_path), loopback_sources()
        first = fetch(run, sources, SETTINGS)
        site.log.clear()
        second = fetch(load_run(run.folder), sources, SETTINGS)
        assert site.log == []
        assert second.resumed == PAGES + 1
        assert (second.pages, second.responses, second.refused) == (first.pages, first.responses, first.refused)

        last = archived_urls(run)[-1]
        path = archive_files(run.folder)[0]
        os.truncate(path, path.stat().st_size - 20)
        third = fetch(run, sources, SETTINGS)
        assert [site.url(path) for path in site.paths()] == [last]
        assert third.pages == first.pages


def test_a_stopped_crawl_says_so_and_goes_on_later(tmp_path: Path) -> None:
    with misbehaving_web() as site:
        run = begin(site, tmp_path)
        stop = threading.Event()

        def progress(stage: str, done: int, total: int | None) -> None:
            assert total is None
            if stage == "fetch" and done >= 5:
                stop.set()

        stopped = fetch(run, loopback_sources(), SETTINGS, progress, stop)
        assert not stopped.finished
        assert stopped.pages["127.0.0.1"] < PAGES
        assert unfinished_run(tmp_path / "archive", ["127.0.0.1"]) == run
        assert fetch(run, loopback_sources(), SETTINGS).finished
        assert_complete(site, run, most_lost=0)


def test_ctrl_c_ends_the_crawl_in_order(tmp_path: Path) -> None:
    with misbehaving_web() as site:
        run = begin(site, tmp_path)
        process = crawl_in_a_process(run)
        wait_for_requests(site, 8)
        # As a terminal does: to every process of the foreground group.
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
        assert stderr.decode().strip().endswith("KeyboardInterrupt")
        assert fetch(run, loopback_sources(), SETTINGS).finished
        assert_complete(site, run, most_lost=0)


def test_two_processes_do_not_crawl_one_run(tmp_path: Path) -> None:
    with misbehaving_web() as site:
        run = begin(site, tmp_path)
        with run_lock(run.folder), pytest.raises(RunError, match="being crawled by another process"):
            fetch(run, loopback_sources(), SETTINGS)
        assert site.log == []


def test_a_child_that_dies_is_an_error_that_tells_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with misbehaving_web() as site:
        run = begin(site, tmp_path)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        (tmp_path / "scrapy.py").write_text("raise RuntimeError('scrapy is broken here')")
        with pytest.raises(RunError, match="scrapy is broken here"):
            fetch(run, loopback_sources(), SETTINGS)
