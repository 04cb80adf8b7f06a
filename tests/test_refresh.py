"""The refresh: it asks with conditions, pays for what changed, drops what is gone, and never empties the index."""

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from misbehaving_web import SOURCE_COLUMNS, Reply, Site, misbehaving_web
from pdf_files import Scan, paragraph, pdf
from records import LetterEncoder

from authority_search.models import SearchRequest
from crawler.errors import NothingToCrawl
from index.catalog import Catalog
from index.settings import IndexSettings
from index.store import DataFolder
from ranking.settings import RankingSettings
from service.pipeline import open_store, utc_second
from service.refresh import Asked, RefreshResult, run_refresh
from service.searcher import Searcher
from service.settings import Settings, load_settings

HOST, OTHER = "127.0.0.1", "127.0.0.2"
SUBJECTS = ["glaciers", "tariffs", "vaccines", "bridges", "orchids"]


def prose(subject: str, number: int, year: int) -> str:
    return (
        f"Section {number} of the yearly report on {subject} tells how they were counted in {year}. It lists "
        f"{number * 7 + 3} stations, names the instruments used for {subject} at each of them, and compares the "
        "figures with those of earlier years so that readers can judge what has changed."
    )


def put(site: Site, subject: str, year: int = 2024, markup: str = "", links: tuple[str, ...] = ()) -> None:
    """A page of two sections, the first of which speaks of `year`, with an ETag that follows what is served."""
    sections = "".join(
        f"<h2>Part {number}</h2><p>{prose(subject, number, year if number == 1 else 2024)}</p>" for number in (1, 2)
    )
    anchors = "".join(f'<a href="{link}">more</a>' for link in links)
    title = f"<title>Report on {subject}</title>"
    body = f"<html><head>{title}</head><body>{markup}<main><h1>{subject}</h1>{sections}</main>{anchors}</body></html>"
    tag = f'"{subject}-{year}-{len(body)}"'
    site.add(f"/{subject}", Reply(body.encode(), headers={"Content-Type": "text/html", "ETag": tag}))


def put_index(site: Site, subjects: list[str]) -> None:
    anchors = "".join(f'<a href="/{subject}">{subject}</a>' for subject in subjects)
    body = f"<html><body><p>{prose('reports', 0, 2024)}</p>{anchors}</body></html>".encode()
    site.add("/", Reply(body, headers={"Content-Type": "text/html", "ETag": f'"{len(body)}"'}))


@pytest.fixture(scope="module")
def served() -> Iterator[Site]:
    with misbehaving_web() as started:
        yield started


@pytest.fixture
def site(served: Site) -> Site:
    """The site as it is at first, with an empty log."""
    served.replies.clear()
    put_index(served, SUBJECTS)
    for subject in SUBJECTS:
        put(served, subject)
    served.log.clear()
    return served


def settings_in(folder: Path, **refresh: float) -> Settings:
    """Settings by which every page is due at once."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.csv"
    rows = "".join(f"{host},Reports,reference,INT,en,reference,1,0.9,known,\n" for host in (HOST, OTHER))
    sources.write_text(f"{SOURCE_COLUMNS}\n{rows}", encoding="utf-8")
    days = {"first_days": 0, "min_days": 0, "max_days": 0, **refresh}
    file = folder / "settings.toml"
    file.write_text(
        f"data_dir = {json.dumps(str(folder / 'data'))}\nsource_files = [{json.dumps(str(sources))}]\n"
        "[crawl]\ndelay = 0.0\nretries = 0\nallow_private_addresses = true\n"
        "[passages]\nmin_tokens = 20\nmax_tokens = 120\n[refresh]\n"
        + "".join(f"{name} = {value}\n" for name, value in days.items()),
        encoding="utf-8",
    )
    return load_settings(file)


class Crawled(NamedTuple):
    """A data folder into which the site was crawled once, and what that did."""

    settings: Settings
    first: RefreshResult


@pytest.fixture(scope="module")
def base(served: Site, tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    served.replies.clear()
    put_index(served, SUBJECTS)
    for subject in SUBJECTS:
        put(served, subject)
    settings = settings_in(tmp_path_factory.mktemp("base"))
    return Crawled(settings, refresh(settings, served.url()))


@pytest.fixture
def crawled(base: Crawled, tmp_path: Path) -> Crawled:
    """A copy of it; ask for `site` too, which puts the first pages back."""
    settings = settings_in(tmp_path / "copy")
    shutil.copytree(base.settings.data_dir, settings.data_dir)
    return Crawled(settings, base.first)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path / "one")


def refresh(settings: Settings, *starts: str, encoder: LetterEncoder | None = None, **asked: Any) -> RefreshResult:
    known = asked.pop("sources", (HOST,) if starts else ())
    return run_refresh(settings, Asked(known, starts, **asked), lambda: encoder or LetterEncoder(), workers=0)


def answers(settings: Settings) -> list[list[tuple[str, str, float]]]:
    searcher = Searcher(open_store(settings).open(), LetterEncoder(), RankingSettings())
    queries = [f"report on {subject}" for subject in SUBJECTS]
    reply = searcher.search(SearchRequest(queries=queries, top_k=20, max_tokens=None))
    return [[(hit.passage_id, hit.text, hit.score) for hit in result.hits] for result in reply.results]


def found_urls(settings: Settings, site: Site) -> set[str]:
    pages = open_store(settings).open()
    return {pages.columns.passage(row)[1].url.removeprefix(site.url("")) for row in range(len(pages.columns))}


def test_an_unchanged_site_costs_conditional_requests_and_no_embedding(site: Site, crawled: Crawled) -> None:
    settings, first = crawled
    assert (first.status, first.pages.new, first.embedded) == ("published", 6, first.passages)
    encoder = LetterEncoder()
    again = refresh(settings, encoder=encoder)
    assert (again.status, again.snapshot, again.embedded, encoder.encoded) == ("unchanged", first.snapshot, 0, 0)
    assert again.responses == {304: 6}
    assert (again.requests.requests, again.requests.unchanged, again.requests.bytes) == (6, 6, 0)
    assert sorted(site.paths()) == sorted(["/", *(f"/{subject}" for subject in SUBJECTS)])
    assert all("If-None-Match" in seen.headers for seen in site.log if seen.path != "/robots.txt")


def test_only_changed_passages_are_embedded_and_a_refresh_equals_a_rebuild(
    site: Site, crawled: Crawled, tmp_path: Path
) -> None:
    settings, first = crawled
    put(site, "tariffs", 2025)
    put(site, "orchids", markup="<nav>New clothes</nav>")
    put(site, "comets")
    put_index(site, [*SUBJECTS[1:], "comets"])
    site.add("/glaciers", Reply(status=410))
    encoder = LetterEncoder()
    changed = refresh(settings, encoder=encoder, force=True)
    assert changed.status == "published"
    # One section of tariffs and two of comets; the index page keeps its words, and orchids only has new markup.
    assert changed.embedded == encoder.encoded == 3
    assert (changed.pages.new, changed.pages.changed, changed.requests.gone) == (1, 1, 1)
    assert changed.passages == first.passages - 2 + 2
    rebuilt = settings_in(tmp_path / "two")
    refresh(rebuilt, site.url())
    assert answers(rebuilt) == answers(settings)


def test_the_catalogue_made_again_from_the_archive_answers_alike(site: Site, crawled: Crawled) -> None:
    settings = crawled.settings
    put(site, "tariffs", 2025)
    site.add("/glaciers", Reply(status=410))
    refresh(settings, force=True)
    before, known = answers(settings), visits(settings)
    DataFolder(settings.data_dir).catalog.unlink()
    refresh(settings, sources=(HOST,), force=True)
    assert answers(settings) == before
    after = visits(settings)
    assert {one.url for one in after} == {one.url for one in known}
    assert {one.page for one in after if not one.gone} == {one.page for one in known if not one.gone}


def visits(settings: Settings) -> list[Any]:
    with Catalog(DataFolder(settings.data_dir).catalog) as catalog:
        return list(catalog.visits.of([HOST]))


def test_a_missing_page_leaves_after_the_second_time_and_comes_back(site: Site, crawled: Crawled) -> None:
    settings = crawled.settings
    page = site.replies["/glaciers"]
    site.add("/glaciers", Reply(status=404))
    assert refresh(settings, force=True).requests.gone == 1
    assert "/glaciers" in found_urls(settings, site)
    refresh(settings, force=True)
    assert found_urls(settings, site) == {"/", *(f"/{subject}" for subject in SUBJECTS[1:])}
    site.replies["/glaciers"] = page
    back = refresh(settings)
    assert (back.status, back.embedded, back.responses) == ("published", 0, {304: 6})
    assert "/glaciers" in found_urls(settings, site)


def test_a_page_that_now_moves_on_or_wants_no_index_leaves_at_once(site: Site, crawled: Crawled) -> None:
    settings = crawled.settings
    site.redirect("/glaciers", "/ice")
    put(site, "ice")
    site.page("/tariffs", head='<meta name="robots" content="noindex">', text=f"<p>{prose('tariffs', 1, 2024)}</p>")
    refresh(settings, force=True)
    assert found_urls(settings, site) == {"/", "/ice", "/vaccines", "/bridges", "/orchids"}


def test_what_robots_txt_forbids_by_now_leaves_the_index_until_it_is_allowed_again(
    site: Site, crawled: Crawled
) -> None:
    settings = crawled.settings
    site.robots("User-agent: *\nDisallow: /tariffs")
    without = refresh(settings, force=True)
    assert (without.status, without.requests.denied) == ("published", 1)
    assert found_urls(settings, site) == {"/", "/glaciers", "/vaccines", "/bridges", "/orchids"}
    DataFolder(settings.data_dir).catalog.unlink()
    assert refresh(settings, sources=(HOST,)).status == "unchanged"
    # A robots.txt that cannot be read forbids asking, and says nothing about what is known.
    site.robots("User-agent: *\nDisallow: /", status=503)
    assert refresh(settings).status == "unreachable"
    assert len(found_urls(settings, site)) == 5
    del site.replies["/robots.txt"]
    back = refresh(settings)
    assert (back.status, back.embedded, back.responses) == ("published", 0, {304: 6})
    assert "/tariffs" in found_urls(settings, site)


def test_a_host_that_asks_for_patience_beyond_the_run_is_not_asked_before(site: Site, tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "one")
    page = site.replies["/"]
    site.add("/", *page, Reply(status=503, headers={"Retry-After": "3600"}))
    refresh(settings, site.url())
    asked = refresh(settings)
    assert (asked.requests.errors, asked.refused) == (1, {"asked to wait": 5})
    # What is remembered is in the archive.
    DataFolder(settings.data_dir).catalog.unlink()
    site.log.clear()
    patient = refresh(settings, sources=(HOST,))
    assert (site.log, patient.refused, patient.status) == ([], {"asked to wait": 6}, "unchanged")
    with Catalog(DataFolder(settings.data_dir).catalog) as catalog:
        assert catalog.visits.resting(utc_second(datetime.now(UTC))) == [HOST]
        assert catalog.visits.resting(utc_second(datetime.now(UTC) + timedelta(seconds=3601))) == []


def test_a_failing_source_is_kept_and_reported_and_left_in_peace_for_a_while(site: Site, tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "one", max_days=60)
    refresh(settings, site.url(), site.url(host=OTHER), sources=(HOST, OTHER))
    whole = answers(settings)
    for path, reply in list(site.replies.items()):
        site.add(path, Reply(reply[0].body, 503, reply[0].headers))
    down = refresh(settings)
    assert (down.status, sorted(down.failing)) == ("unreachable", [HOST, OTHER])
    assert down.failing[HOST].errors == 6
    assert answers(settings) == whole
    resting = settings_in(tmp_path / "one", max_days=60, min_days=1)
    site.log.clear()
    peace = refresh(resting)
    assert (list(peace.resting), site.log, peace.status) == ([HOST, OTHER], [], "unchanged")


def test_too_great_a_loss_is_refused_with_its_reason_and_forced_on_demand(site: Site, crawled: Crawled) -> None:
    settings, first = crawled
    for subject in SUBJECTS[:2]:
        site.add(f"/{subject}", Reply(status=410))
    refused = refresh(settings)
    assert (refused.status, refused.snapshot) == ("refused", None)
    assert f"4 of {first.passages} live passages would be lost" in refused.reason
    assert f"{HOST} 4 of {first.passages}" in refused.reason
    assert open_store(settings).current_id() == first.snapshot
    forced = refresh(settings, force=True)
    assert (forced.status, forced.passages) == ("published", first.passages - 4)


def test_pages_that_are_not_due_are_left_alone_unless_a_sitemap_says_that_they_changed(
    site: Site, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path / "one", first_days=30, max_days=60, min_days=0)
    site.robots(f"User-agent: *\nSitemap: {site.url('/maps.xml')}")
    put(site, "comets")

    def sitemap(*dated: tuple[str, str]) -> None:
        rows = "".join(f"<url><loc>{site.url(path)}</loc><lastmod>{day}</lastmod></url>" for path, day in dated)
        body = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</urlset>'.encode()
        site.add("/map1.xml", Reply(body, headers={"Content-Type": "application/xml"}))

    inner = site.url("/map1.xml")
    index = f'<sitemapindex xmlns="x"><sitemap><loc>{inner}</loc></sitemap></sitemapindex>'.encode()
    site.add("/maps.xml", Reply(index, headers={"Content-Type": "application/xml"}))
    sitemap(("/tariffs", "2001-01-01"))
    assert refresh(settings, site.url()).pages.new == 6
    site.log.clear()
    assert refresh(settings).responses == {200: 2}
    assert sorted(site.paths()) == ["/map1.xml", "/maps.xml"]
    site.log.clear()
    put(site, "tariffs", 2025)
    sitemap(("/tariffs", "2999-01-01"), ("/bridges", "2001-01-01"), ("/comets", "2001-01-01"))
    changed = refresh(settings)
    assert sorted(site.paths()) == ["/comets", "/map1.xml", "/maps.xml", "/tariffs"]
    assert (changed.pages.new, changed.pages.changed, changed.embedded) == (1, 1, 3)


def test_a_feed_brings_new_pages(site: Site, tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "one", first_days=30, max_days=60)
    put(site, "comets")
    site.page("/", head='<link rel="alternate" type="application/rss+xml" href="/news.rss">', text="<p>Welcome.</p>")
    link = f"<item><link>{site.url('/comets')}</link></item>"
    rss = Reply(f"<rss><channel>{link}</channel></rss>".encode(), headers={"Content-Type": "application/rss+xml"})
    site.add("/news.rss", Reply(b"<rss><channel/></rss>", headers={"Content-Type": "application/rss+xml"}), rss)
    refresh(settings, site.url())
    site.log.clear()
    assert refresh(settings).pages.new == 1
    assert site.paths() == ["/news.rss", "/comets"]


def test_what_the_budget_left_is_fetched_by_the_next_run(site: Site, tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "one", first_days=30, max_days=60)
    small = settings.model_copy(update={"crawl": settings.crawl.model_copy(update={"max_pages": 4})})
    first = refresh(small, site.url())
    assert (first.pages.new, first.refused) == (4, {"page limit": 2})
    second = refresh(small)
    assert (second.pages.new, second.responses) == (2, {200: 2})
    assert refresh(small).requests.requests == 0


def test_a_refresh_that_was_stopped_goes_on_and_asks_for_nothing_twice(site: Site, crawled: Crawled) -> None:
    settings = crawled.settings
    slow = settings.model_copy(update={"crawl": settings.crawl.model_copy(update={"delay": 0.3})})
    put(site, "tariffs", 2025)
    stop = threading.Event()

    def stop_after_three(stage: str, _done: int, _total: int | None) -> None:
        if stage == "fetch" and len(site.paths()) >= 3:
            stop.set()

    stopped = run_refresh(slow, Asked(), LetterEncoder, stop_after_three, stop, workers=0)
    assert (stopped.status, stopped.snapshot) == ("stopped", None)
    done = refresh(settings)
    assert (done.run, done.status, done.embedded) == (stopped.run, "published", 1)
    assert sorted(site.paths()) == sorted(["/", *(f"/{subject}" for subject in SUBJECTS)])


def test_without_anything_known_the_sources_must_be_named(settings: Settings) -> None:
    with pytest.raises(NothingToCrawl, match="name the sources"):
        refresh(settings)


def test_a_staged_snapshot_is_complete_and_not_live_until_it_is_taken(site: Site, crawled: Crawled) -> None:
    live = open_store(crawled.settings).current_id()
    put(site, SUBJECTS[0], year=2031)
    staged = refresh(crawled.settings, stage=True)
    assert (staged.status, staged.embedded) == ("staged", 1)
    assert staged.snapshot
    store = open_store(crawled.settings)
    assert store.current_id() == live != staged.snapshot
    assert len(store.open(staged.snapshot).columns) == staged.passages
    store.publish(staged.snapshot)
    assert any("2031" in text for _, text, _ in answers(crawled.settings)[0])


def test_old_snapshots_go_with_a_publication_and_not_with_a_staging(site: Site, crawled: Crawled) -> None:
    settings, first = crawled
    settings = settings.model_copy(update={"index": IndexSettings(keep_snapshots=1)})
    put(site, "tariffs", 2025)
    staged = refresh(settings, stage=True)
    assert (staged.status, staged.removed) == ("staged", ())
    put(site, "tariffs", 2026)
    published = refresh(settings)
    assert set(published.removed) == {first.snapshot, staged.snapshot}
    assert [one.id for one in open_store(settings).manifests()] == [published.snapshot]


def test_pdf_reports_are_fetched_counted_and_found(site: Site, settings: Settings) -> None:
    lines = paragraph(
        ["Harvest of saffron rose by nine percent in the year", "under report, more than in any year before."], 700
    )
    site.add(
        "/report.pdf", Reply(pdf([lines], info="/Title (Saffron report)"), headers={"Content-Type": "application/pdf"})
    )
    site.add("/scan.pdf", Reply(pdf([[Scan()]]), headers={"Content-Type": "application/pdf"}))
    site.page(
        "/",
        "/report.pdf",
        "/scan.pdf",
        text="<p>Reports about saffron are kept here, one file for each year of harvest.</p>",
    )
    done = refresh(settings, site.url())
    assert (done.requests.pages, done.skipped["pdf: no text layer"]) == (3, 1)
    assert found_urls(settings, site) == {"/", "/report.pdf"}
