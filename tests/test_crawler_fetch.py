"""Fetching from a real web server that misbehaves."""

import gzip
import logging
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from misbehaving_web import Reply, Site, html_gzip, loopback_sources, misbehaving_web

from crawler.archive import Response, archive_files, read_archive
from crawler.errors import ArchiveError, ContactRequired, NothingToCrawl
from crawler.fetch import fetch
from crawler.report import FetchReport
from crawler.runs import Run, load_run, start_run
from crawler.settings import CrawlSettings

LOOPBACK = {"delay": 0.0, "allow_private_addresses": True, "retries": 0, "timeout": 5.0}


@pytest.fixture
def site() -> Iterator[Site]:
    with misbehaving_web() as started:
        yield started


def crawl(
    tmp_path: Path, *starts: str, sources: tuple[str, ...] = ("127.0.0.1",), **settings: object
) -> tuple[Run, FetchReport]:
    checked = CrawlSettings.model_validate({**LOOPBACK, **settings})
    run = start_run(tmp_path / "archive", sources, starts, checked)
    return run, fetch(run, loopback_sources(*sources), checked)


def archived(run: Run) -> list[Response]:
    return [response for path in archive_files(run.folder) for response in read_archive(path)]


def test_a_linked_site_is_fetched_whole_each_page_once(site: Site, tmp_path: Path) -> None:
    site.linked_pages(30)
    run, report = crawl(tmp_path, site.url())
    assert sorted(site.paths()) == sorted(["/", *(f"/p{number}" for number in range(30))])
    assert report.pages == {"127.0.0.1": 31}
    assert report.responses == {200: 31}
    assert (report.resumed, report.finished, report.failures) == (0, True, ())
    assert load_run(run.folder).finished


def test_an_endless_calendar_takes_neither_the_turn_of_other_pages_nor_more_than_the_budget(
    site: Site, tmp_path: Path
) -> None:
    months = 200
    for month in range(months):
        ahead = (f"/calendar/{later}" for later in range(month + 1, min(month + 13, months)))
        site.page(f"/calendar/{month}", *ahead, text=f"<p>Month {month}: no meetings are planned.</p>")
    site.page("/", "/calendar/0", "/reports")
    reports = [f"/report{number}" for number in range(8)]
    site.page("/reports", *reports)
    for path in reports:
        site.page(path)
    _, report = crawl(tmp_path, site.url(), max_pages=30, max_depth=3)
    asked = site.paths()
    assert set(asked) >= {"/", "/reports", *reports}
    assert (len(asked), report.refused["page limit"] > 0) == (30, True)
    # Twelve months are linked from a page: within three links of the start there are 25 of the 200.
    site.log.clear()
    crawl(tmp_path / "again", site.url(), max_pages=1000, max_depth=3)
    assert sorted(set(site.paths()) - {"/", "/reports", *reports}) == sorted(f"/calendar/{n}" for n in range(25))


def test_every_response_is_archived_as_it_was_sent(site: Site, tmp_path: Path) -> None:
    site.page("/", "/moved", "/gone", "/zipped", "/notes.txt")
    site.redirect("/moved", "/target", 301)
    site.page("/target")
    site.add("/zipped", html_gzip("<p>zipped</p>"))
    site.add("/notes.txt", Reply(b'<a href="/not-a-link">', headers={"Content-Type": "text/plain"}))
    run, report = crawl(tmp_path, site.url())
    by_url = {response.url: response for response in archived(run)}
    assert {url: response.status for url, response in by_url.items()} == {
        site.url("/robots.txt"): 404,
        site.url("/"): 200,
        site.url("/moved"): 301,
        site.url("/target"): 200,
        site.url("/gone"): 404,
        site.url("/zipped"): 200,
        site.url("/notes.txt"): 200,
    }
    assert by_url[site.url("/moved")].header("Location") == "/target"
    assert by_url[site.url("/zipped")].body == b"<p>zipped</p>"
    assert by_url[site.url("/zipped")].header("Content-Encoding") == "gzip"
    assert site.replies["/zipped"][0].body in gzip.decompress(archive_files(run.folder)[0].read_bytes())
    assert report.pages == {"127.0.0.1": 3}


def test_nothing_outside_the_sources_is_asked_for(site: Site, tmp_path: Path) -> None:
    elsewhere = site.url("/secret", host="127.0.0.2")
    evil = f"http://127.0.0.1.evil.example:{site.port}/"
    site.page("/", elsewhere, evil, "/away", "/loop-a", "mailto:a@example.org", "/picture.png")
    site.redirect("/away", elsewhere)
    site.redirect("/loop-a", "/loop-b")
    site.redirect("/loop-b", "/loop-a")
    _, report = crawl(tmp_path, site.url(), elsewhere)
    assert sorted(site.paths()) == ["/", "/away", "/loop-a", "/loop-b"]
    assert {seen.host for seen in site.log} == {"127.0.0.1"}
    assert report.refused == {"file type": 1, "not listed": 2}


def test_a_listed_path_prefix_is_kept_to(site: Site, tmp_path: Path) -> None:
    site.page("/docs", "/docs/a", "/docs-old", "/blog")
    site.page("/docs/a")
    _, report = crawl(tmp_path, site.url("/docs"), sources=("127.0.0.1/docs",))
    assert site.paths() == ["/docs", "/docs/a"]
    assert report.pages == {"127.0.0.1/docs": 2}


def test_robots_txt_behind_a_redirect_and_nofollow_are_obeyed(site: Site, tmp_path: Path) -> None:
    site.redirect("/robots.txt", "/rules.txt")
    site.add("/rules.txt", Reply(b"User-agent: *\nDisallow: /private", headers={"Content-Type": "text/plain"}))
    site.page("/", "/private/a", "/public", "/leaf", '/hidden" rel="nofollow')
    site.page("/public", "/private/b")
    site.page("/leaf", "/behind", head='<meta name="robots" content="nofollow">')
    _, report = crawl(tmp_path, site.url())
    assert [seen.path for seen in site.log] == ["/robots.txt", "/rules.txt", "/", "/public", "/leaf"]
    assert report.refused == {"nofollow": 2, "robots.txt": 2}


def test_a_failing_robots_txt_forbids_everything(site: Site, tmp_path: Path) -> None:
    site.robots("", status=500)
    site.page("/")
    _, report = crawl(tmp_path, site.url())
    assert site.paths() == []
    assert report.refused == {"robots.txt unreachable": 1}


def test_a_passing_failure_of_robots_txt_is_waited_out(site: Site, tmp_path: Path) -> None:
    site.add("/robots.txt", Reply(status=503, headers={"Retry-After": "1"}), Reply(b"User-agent: *\nDisallow: /x"))
    site.page("/", "/x")
    crawl(tmp_path, site.url(), retries=1)
    assert site.paths() == ["/"]
    assert site.gaps()[0] >= 0.99


def test_the_delay_is_kept_between_all_requests_where_crawl_delay_is_shorter(site: Site, tmp_path: Path) -> None:
    site.robots("User-agent: *\nCrawl-delay: 0.05")
    site.linked_pages(5)
    crawl(tmp_path, site.url(), delay=0.2)
    assert len(site.gaps()) == 6
    # The site sees when requests come in, which on a busy machine is some time after they were sent.
    assert min(site.gaps()) > 0.15
    assert sum(site.gaps()) > 6 * 0.19


def test_a_longer_crawl_delay_wins(site: Site, tmp_path: Path) -> None:
    site.robots("User-agent: *\nCrawl-delay: 0.3")
    site.linked_pages(3)
    crawl(tmp_path, site.url(), delay=0.05)
    assert min(site.gaps()) > 0.25


def test_hosts_are_fetched_side_by_side(site: Site, tmp_path: Path) -> None:
    site.linked_pages(4)
    hosts = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
    _, report = crawl(tmp_path, *(site.url(host=host) for host in hosts), sources=hosts, delay=0.2)
    assert report.pages == dict.fromkeys(hosts, 5)
    assert report.seconds < 3 * 5 * 0.2


def test_the_page_limit_holds_for_each_source(site: Site, tmp_path: Path) -> None:
    site.linked_pages(30)
    hosts = ("127.0.0.1", "127.0.0.2")
    _, report = crawl(tmp_path, *(site.url(host=host) for host in hosts), sources=hosts, max_pages=7)
    assert report.pages == dict.fromkeys(hosts, 7)
    assert report.finished
    assert len(site.paths()) == 14


def test_retry_after_is_respected(site: Site, tmp_path: Path) -> None:
    site.page("/", "/busy", "/other")
    site.add("/busy", Reply(status=429, headers={"Retry-After": "1"}), Reply(b"<p>now</p>"))
    site.page("/other")
    _, report = crawl(tmp_path, site.url(), retries=1)
    assert site.paths() == ["/", "/busy", "/other", "/busy"]
    assert site.gaps()[2] >= 0.99
    assert report.responses == {200: 3, 429: 1}


def test_a_host_that_asks_for_an_hour_is_left_alone(site: Site, tmp_path: Path) -> None:
    site.page("/", "/busy", "/other")
    site.add("/busy", Reply(status=503, headers={"Retry-After": "3600"}))
    _, report = crawl(tmp_path, site.url(), retries=2)
    assert site.paths() == ["/", "/busy"]
    assert report.refused == {"asked to wait": 2}


def test_a_passing_server_error_is_tried_again(site: Site, tmp_path: Path) -> None:
    site.page("/", "/flaky", "/broken")
    site.add("/flaky", Reply(status=500), Reply(b"<p>fine</p>"))
    site.add("/broken", Reply(status=502))
    _, report = crawl(tmp_path, site.url(), retries=1)
    assert site.paths().count("/flaky") == site.paths().count("/broken") == 2
    assert report.failures == ((site.url("/broken"), "HTTP 502 Bad Gateway"),)


def test_slow_huge_and_damaged_pages_fail_alone(site: Site, tmp_path: Path) -> None:
    site.page("/", "/slow", "/huge", "/damaged", "/bomb", "/short", "/fine")
    site.add("/slow", Reply(b"late", wait=1.5))
    site.add("/huge", Reply(b"x" * 300_000))
    damaged = gzip.compress(bytes(range(256)) * 40)
    damaged = damaged[:30] + b"\xff" * 30 + damaged[60:]
    site.add("/damaged", Reply(damaged, headers={"Content-Encoding": "gzip"}))
    site.add("/bomb", html_gzip("x" * 5_000_000))
    site.add("/short", Reply(b"too short", headers={"Content-Length": "500", "Connection": "close"}))
    site.page("/fine")
    run, report = crawl(tmp_path, site.url(), timeout=0.7, max_bytes=100_000)
    errors = {failure.url.rpartition("/")[2]: failure.error for failure in report.failures}
    assert set(errors) == {"slow", "huge", "damaged", "bomb", "short"}
    assert "Timeout" in errors["slow"]
    assert "larger" in errors["huge"]
    assert "damaged" in errors["damaged"]
    assert "unfolds" in errors["bomb"]
    assert report.pages == {"127.0.0.1": 2}
    assert site.url("/huge") not in {response.url for response in archived(run)}


def test_the_user_agent_names_program_and_contact_and_no_cookie_comes_back(site: Site, tmp_path: Path) -> None:
    site.add("/", Reply(b'<a href="/next">', headers={"Content-Type": "text/html", "Set-Cookie": "id=1"}))
    crawl(tmp_path, site.url(), contact="mailto:crawler@example.org")
    for seen in site.log:
        assert seen.headers["User-Agent"].startswith("authority-search/")
        assert seen.headers["User-Agent"].endswith("(+mailto:crawler@example.org)")
        assert not {"Cookie", "Referer", "Accept-Language"} & set(seen.headers)
    assert len(site.log) == 3


def test_private_addresses_are_refused_by_default(site: Site, tmp_path: Path) -> None:
    with pytest.raises(NothingToCrawl, match="private address"):
        crawl(tmp_path, site.url(), allow_private_addresses=False)
    assert site.log == []


def test_a_contact_is_asked_for_before_anything_is_sent(tmp_path: Path) -> None:
    settings = CrawlSettings(contact="mailto:a@example.org")
    run = start_run(tmp_path, ["nature.com"], [], settings)
    with pytest.raises(ContactRequired):
        fetch(run, loopback_sources(), CrawlSettings())


def test_a_damaged_archive_ends_the_run_with_its_name(site: Site, tmp_path: Path) -> None:
    site.page("/")
    settings = CrawlSettings.model_validate(LOOPBACK)
    run = start_run(tmp_path / "archive", ["127.0.0.1"], [site.url()], settings)
    (run.folder / "00000.warc.gz").write_bytes(b"this is no archive")
    with pytest.raises(ArchiveError, match=r"00000\.warc\.gz"):
        fetch(run, loopback_sources(), settings)
    assert site.log == []


def test_a_full_disk_ends_the_run_with_an_error_and_it_goes_on_later(site: Site, tmp_path: Path) -> None:
    site.page("/", *(f"/{number}" for number in range(6)))
    for number in range(6):
        site.add(f"/{number}", Reply(os.urandom(20_000)))
    settings = CrawlSettings.model_validate(LOOPBACK)
    run = start_run(tmp_path / "archive", ["127.0.0.1"], [site.url()], settings)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(ArchiveError, match="cannot write to the archive"):
            fetch(run, loopback_sources(), settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load_run(run.folder).finished is None
    report = fetch(run, loopback_sources(), settings)
    assert report.resumed == 3
    assert report.pages == {"127.0.0.1": 7}


def test_progress_and_warnings_reach_the_caller(site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    site.robots("User-agent: *\nCrawl-delay: 86400")
    settings = CrawlSettings.model_validate(LOOPBACK)
    run = start_run(tmp_path / "archive", ["127.0.0.1"], [site.url()], settings)
    stop, stages = threading.Event(), set()

    def progress(stage: str, done: int, total: int | None) -> None:
        stages.add((stage, total))
        assert done == 0
        if len(site.log) and caplog.records:
            stop.set()

    with caplog.at_level(logging.WARNING):
        fetch(run, loopback_sources(), settings, progress, stop)
    assert ("fetch", None) in stages
    assert "127.0.0.1 asks for a Crawl-delay of 86400 s; 60 s are kept" in caplog.text
