"""What a refresh decides without a network: when a page is due, what a response means, what a map says, what goes."""

import gzip
from datetime import UTC, datetime, timedelta

import pytest
from misbehaving_web import loopback_sources

from crawler.archive import Response
from crawler.budget import Budget
from crawler.frontier import Frontier
from crawler.known import MIN_DAILY, Known, KnownUrls
from crawler.revisit import interval_days, plan, rests
from crawler.scope import Scope
from crawler.settings import CrawlSettings, RefreshSettings
from crawler.sitemaps import Entry, SiteMap, site_map
from index.run_tallies import SourceTally
from index.visits import Fetch, Visited, folded
from service.loss import loss_of

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SETTINGS = RefreshSettings(first_days=8, min_days=1, max_days=40)
URL = "https://nature.com/a"


def ago(days: float) -> str:
    return (NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("level", "authority", "days"),
    [(0, 0.5, 8), (0, 1.0, 4), (0, 0.0, 12), (2, 0.5, 18), (-2, 0.5, 8 / 2.25), (6, 0.5, 40), (-6, 1.0, 1)],
)
def test_the_interval_follows_changes_and_authority_within_bounds(level: int, authority: float, days: float) -> None:
    assert interval_days(level, authority, SETTINGS) == pytest.approx(days)


def visited(url: str, age: float | None, **fields: object) -> Visited:
    checked = "" if age is None else ago(age)
    return Visited(url, "nature.com", "nature.com", checked=checked, **fields)  # type: ignore[arg-type]


def rest_of(*known: Visited, max_pages: int = 100, recheck: bool = False) -> list[tuple[str, str]]:
    planned = plan(known, {"nature.com": 0.5}, max_pages, SETTINGS, NOW, recheck)
    return [(one.url, one.rest) for one in planned]


def test_the_longest_overdue_come_first_and_what_was_never_asked_for_last() -> None:
    known = [
        visited("new", None),
        visited("fresh", 0.5),
        visited("resting", 7),
        visited("due", 9),
        visited("changing", 9, level=-2),
        visited("map", 0.1, outcome="map"),
        Visited("other", "other.org", "other.org", checked=ago(99)),
    ]
    assert rest_of(*known) == [
        ("changing", "due"),
        ("due", "due"),
        ("resting", "early"),
        ("fresh", "rest"),
        ("map", "due"),
        ("new", "due"),
    ]
    assert {rest for _, rest in rest_of(*known, recheck=True)} == {"due"}


def test_known_pages_leave_a_quarter_of_the_page_limit_to_new_ones() -> None:
    rests_of_pages = [rest for _, rest in rest_of(*(visited(f"p{n}", 10 + n) for n in range(6)), max_pages=4)]
    assert rests_of_pages == ["due"] * 3 + ["early"] * 3


def test_a_source_that_fails_is_left_in_peace_longer_each_time() -> None:
    failed, fine = SourceTally(errors=3), SourceTally(pages=1, errors=3)
    for history, waits in (([], 0), ([fine], 0), ([failed, fine], 1), ([failed, failed], 2), ([failed] * 9, 40)):
        times = [(ago(waits - 0.1), tally) for tally in history]
        assert rests(times, SETTINGS, NOW) == bool(waits)
        assert not rests([(ago(waits + 0.1), tally) for tally in history], SETTINGS, NOW)


def fetched(days: float, status: int = 200, content: str = "one", page: str = URL) -> Fetch:
    return Fetch(URL, "nature.com", status, ago(days), "page", page, content, etag=f'"{content}"', hops=2)


def after(*fetches: Fetch) -> Visited:
    known = None
    for fetch in fetches:
        known = folded(known, fetch)
    assert known
    return known


def test_looks_move_the_level_up_by_one_and_changes_down_by_two() -> None:
    same = after(fetched(9), fetched(8), fetched(7, 304))
    assert (same.level, same.checks, same.changes, same.captured) == (2, 3, 0, ago(8))
    changed = folded(same, fetched(6, content="two"))
    assert (changed.level, changed.changes, changed.etag, changed.hops) == (0, 1, '"two"', 2)


def test_a_page_is_gone_after_two_404s_in_a_row_or_one_410() -> None:
    assert not after(fetched(9), fetched(8, 404)).gone
    assert after(fetched(9), fetched(8, 404), fetched(7, 404)).gone
    assert not after(fetched(9), fetched(8, 404), fetched(7, 304), fetched(6, 404)).gone
    assert after(fetched(9), fetched(8, 404), fetched(7, 404), fetched(6, 404)).level == 2
    gone = after(fetched(9), fetched(8, 410))
    assert (gone.gone, gone.page) == (True, URL)
    assert not folded(gone, fetched(7, 304)).gone


def test_an_error_changes_nothing_but_its_count() -> None:
    failed = after(fetched(9), fetched(8, 404), fetched(7, 503), fetched(6, 403))
    assert (failed.page, failed.failures, failed.missing, failed.gone) == (URL, 2, 1, False)


def test_a_redirect_takes_the_page_away() -> None:
    moved = after(fetched(9), fetched(8, 301, content="", page=""))
    assert (moved.page, moved.captured) == ("", ago(8))


def test_a_response_read_again_changes_only_the_page_it_became() -> None:
    known = after(fetched(9), fetched(8, 304))
    assert folded(known, fetched(9)) == known
    assert folded(known, fetched(9, page="https://nature.com/b")) == known._replace(page="https://nature.com/b")


def xml(body: str, url: str = "https://nature.com/maps/x.xml") -> SiteMap | None:
    return site_map(Response(url, 200, (), body.encode(), "", 0), 10_000)


def test_a_sitemap_gives_its_urls_newest_first() -> None:
    body = """<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
    <url><loc> https://nature.com/old </loc><lastmod>2024-01-01T10:00:00+02:00</lastmod></url>
    <url><loc>/undated</loc></url><url><loc>mailto:x@y</loc></url>
    <url><loc>https://nature.com/day</loc><lastmod>2026-01-01</lastmod></url></urlset>"""
    entries = [
        Entry("https://nature.com/day", "2026-01-01T23:59:59Z"),
        Entry("https://nature.com/old", "2024-01-01T08:00:00Z"),
        Entry("https://nature.com/undated", ""),
    ]
    assert xml(body) == SiteMap(entries, nested=False)
    zipped = Response("https://nature.com/maps/x.xml.gz", 200, (), gzip.compress(body.encode()), "", 0)
    assert site_map(zipped, 10_000) == SiteMap(entries, nested=False)
    assert site_map(zipped, 100) is None


def test_index_files_and_feeds_are_told_apart() -> None:
    assert xml("<sitemapindex><sitemap><loc>/a.xml</loc></sitemap></sitemapindex>") == SiteMap(
        [Entry("https://nature.com/a.xml", "")], nested=True
    )
    rss = "<rss><channel><link>/</link><item><link>/n</link><pubDate>Sat, 01 Aug 2026 00:00:00 GMT</pubDate></item>"
    assert xml(rss) == SiteMap([Entry("https://nature.com/n", "2026-08-01T00:00:00Z")], nested=False)
    atom = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><link rel="self" href="/s"/><link href="/e"/>
    <published>2026-01-01T00:00:00Z</published><updated>2026-02-01T00:00:00Z</updated></entry></feed>"""
    assert xml(atom) == SiteMap([Entry("https://nature.com/e", "2026-02-01T00:00:00Z")], nested=False)


@pytest.mark.parametrize("body", ["", "plain", "<html><body>x</body></html>", "<urlset", "<!DOCTYPE x []>"])
def test_what_is_no_map_is_none(body: str) -> None:
    found = xml(body)
    assert found is None or found.entries == []


def test_entities_of_a_map_are_not_unfolded() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]>'
    assert xml(f"{bomb}<urlset><url><loc>/&a;&b;</loc></url></urlset>") in (
        SiteMap([Entry("https://nature.com/", "")], nested=False),
        SiteMap([], nested=False),
    )


def spent(seconds: float = 0, size: int = 0, pages: int = 0, **limits: float) -> str:
    budget = Budget(CrawlSettings.model_validate(limits))
    budget.begin("a")
    for _ in range(pages):
        budget.page("a")
    budget.end("a", size)
    budget.clock(seconds)
    return budget.spent("a")


@pytest.mark.parametrize(
    ("reason", "limits"),
    [
        ("page limit", {"max_pages": 2}),
        ("byte limit", {"max_source_bytes": 500}),
        ("time limit", {"max_source_minutes": 1}),
        ("page limit of the run", {"max_run_pages": 2}),
        ("byte limit of the run", {"max_run_bytes": 500}),
        ("time limit of the run", {"max_run_minutes": 1}),
    ],
)
def test_each_budget_ends_what_it_is_for(reason: str, limits: dict[str, float]) -> None:
    assert spent(60, 500, 2, **limits) == reason
    assert spent(59, 499, 1, **limits) == ""


def frontier(known: list[Known], **settings: object) -> Frontier:
    scope = Scope(loopback_sources(), ("nature.com",), allow_private_addresses=False)
    checked = CrawlSettings.model_validate(settings)
    return Frontier(scope, (), checked, KnownUrls(known, checked.daily_share))


def test_no_more_than_a_share_of_a_hosts_pages_is_asked_for_again_in_a_day() -> None:
    asked_today = [Known(f"https://nature.com/t{n}", "rest", ago(0.5), today=True) for n in range(60)]
    due = [Known(f"https://nature.com/d{n}", "due", ago(9)) for n in range(240)]
    found = [Known(f"https://nature.com/f{n}", "due") for n in range(5)]
    crawl = frontier([*asked_today, *due, *found], daily_share=0.5, max_pages=1000)
    assert crawl.refused == {"daily share": 240 - (150 - 60)}
    assert frontier(due[:MIN_DAILY], daily_share=0.01).refused == {}


def test_a_visit_carries_the_conditions_of_the_last_answer() -> None:
    crawl = frontier([Known(URL, "due", ago(9), '"tag"', "Sat, 01 Aug 2026 00:00:00 GMT", hops=3)])
    visit = crawl.next()
    assert visit
    assert dict(visit.conditions) == {
        "If-None-Match": '"tag"',
        "If-Modified-Since": "Sat, 01 Aug 2026 00:00:00 GMT",
    }
    assert visit.depth == 3


def test_growth_of_one_source_does_not_hide_the_loss_of_another() -> None:
    loss = loss_of({"a": 60, "b": 40}, {"a": 90, "b": 20, "c": 50})
    assert (loss.by_source, loss.share) == ({"b": 20}, 0.2)
    assert loss_of({}, {"a": 1}).share == 0
