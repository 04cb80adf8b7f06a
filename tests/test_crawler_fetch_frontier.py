"""The frontier: what is fetched next, and that a replay of the archive leads to the same state."""

import random

import pytest
from misbehaving_web import loopback_sources

from crawler.archive import Response
from crawler.frontier import MAX_HOST_FAILURES, Frontier
from crawler.host_queues import Visit
from crawler.scope import Scope
from crawler.settings import CrawlSettings

ROOT = "https://nature.com/"


def frontier(*starts: str, sources: tuple[str, ...] = ("nature.com",), **settings: object) -> Frontier:
    scope = Scope(loopback_sources(), sources, allow_private_addresses=False)
    return Frontier(scope, starts or (ROOT,), CrawlSettings.model_validate(settings))


def page(url: str, *links: str, status: int = 200, **headers: str) -> Response:
    body = "".join(f'<a href="{link}">x</a>' for link in links).encode()
    typed = {"Content-Type": "text/html", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Response(url, status, tuple(typed.items()), body, "", 0)


def taken(crawl: Frontier) -> Visit:
    visit = crawl.next()
    assert visit
    return visit


def drain(crawl: Frontier, site: dict[str, tuple[str, ...]]) -> list[Response]:
    """Fetch all there is from a made-up site; the responses in the order they came."""
    responses = []
    while visit := crawl.next():
        links = site.get(visit.url)
        responses.append(page(visit.url, *(links or ()), status=200 if links is not None else 404))
        crawl.answered(visit, responses[-1])
    return responses


def test_pages_near_the_start_come_first_and_each_once() -> None:
    site = {ROOT: ("/a", "/b", "/a#x"), f"{ROOT}a": ("/c", "/"), f"{ROOT}b": ("/c",), f"{ROOT}c": ()}
    crawl = frontier()
    assert [response.url for response in drain(crawl, site)] == [ROOT, f"{ROOT}a", f"{ROOT}b", f"{ROOT}c"]
    assert crawl.pages == {"nature.com": 4}


def test_one_visit_a_host_is_under_way_and_hosts_take_turns() -> None:
    hosts = ("https://a.nature.com/", "https://b.nature.com/")
    crawl = frontier(*hosts, f"{hosts[0]}2")
    first, second = taken(crawl), taken(crawl)
    assert [first.url, second.url] == list(hosts)
    assert crawl.next() is None
    crawl.answered(first, page(first.url))
    assert taken(crawl).url == f"{hosts[0]}2"


def test_links_beyond_the_depth_limit_are_not_taken() -> None:
    site: dict[str, tuple[str, ...]] = {ROOT: ("/1",), f"{ROOT}1": ("/2",), f"{ROOT}2": ("/3",)}
    assert [response.url for response in drain(frontier(max_depth=1), site)] == [ROOT, f"{ROOT}1"]


def test_the_page_limit_is_met_exactly_with_several_hosts_under_way() -> None:
    starts = [f"https://h{host}.nature.com/{number}" for host in range(4) for number in range(9)]
    crawl = frontier(*starts, max_pages=10)
    under_way: list[Visit] = []
    shuffle = random.Random(7)
    while True:
        while visit := crawl.next():
            under_way.append(visit)
        if not under_way:
            break
        visit = under_way.pop(shuffle.randrange(len(under_way)))
        crawl.answered(visit, page(visit.url, status=404 if visit.url.endswith("0") else 200))
    assert crawl.pages == {"nature.com": 10}
    assert crawl.refused["page limit"] == 36 - 10 - crawl.statuses[404]


def test_a_redirect_is_followed_inside_the_sources_only() -> None:
    crawl = frontier()
    crawl.answered(taken(crawl), page(ROOT, status=301, Location="/new"))
    crawl.answered(taken(crawl), page(f"{ROOT}new", status=302, Location="https://nature.com.evil.example/"))
    assert crawl.next() is None
    assert crawl.refused == {"not listed": 1}


def test_a_redirect_loop_ends() -> None:
    crawl = frontier()
    crawl.answered(taken(crawl), page(ROOT, status=302, Location="/a"))
    crawl.answered(taken(crawl), page(f"{ROOT}a", status=302, Location=ROOT))
    assert crawl.next() is None


def test_an_endless_chain_of_redirects_is_given_up() -> None:
    crawl = frontier()
    hops = 0
    while visit := crawl.next():
        hops += 1
        crawl.answered(visit, page(visit.url, status=302, Location=f"/hop{hops}"))
    assert hops == 11
    assert [failure.error for failure in crawl.failures] == ["more than 10 redirects"]


def test_a_failing_page_is_tried_again_after_the_others() -> None:
    crawl = frontier(ROOT, f"{ROOT}other", retries=1)
    crawl.answered(taken(crawl), page(ROOT, status=503))
    crawl.answered(taken(crawl), page(f"{ROOT}other"))
    again = taken(crawl)
    assert (again.url, again.tries) == (ROOT, 1)
    crawl.answered(again, page(ROOT, status=503))
    assert crawl.next() is None
    assert crawl.failures == [(ROOT, "HTTP 503 Service Unavailable")]


def test_a_dead_host_is_given_up_and_named() -> None:
    crawl = frontier(*(f"{ROOT}{number}" for number in range(50)), retries=0)
    tried = 0
    while visit := crawl.next():
        tried += 1
        crawl.unanswered(visit, "no route to host")
    assert tried == MAX_HOST_FAILURES
    assert crawl.refused["host unreachable"] == 50 - MAX_HOST_FAILURES


def test_a_host_whose_pages_are_too_long_is_not_given_up() -> None:
    crawl = frontier(*(f"{ROOT}{number}" for number in range(50)))
    while visit := crawl.next():
        crawl.unusable(visit, "too long")
    assert len(crawl.failures) == 50
    assert not crawl.refused


def test_a_page_with_endless_links_does_not_fill_the_queue() -> None:
    crawl = frontier(max_pages=5)
    crawl.answered(taken(crawl), page(ROOT, *(f"/{number}" for number in range(1000))))
    assert crawl.refused["queue full"] == 1000 - 110


@pytest.mark.parametrize("cut", range(0, 40, 7))
def test_a_replay_goes_on_where_the_crawl_was_cut(cut: int) -> None:
    shuffle = random.Random(3)
    urls = [f"{ROOT}{number}" for number in range(60)]
    site = {url: tuple(shuffle.sample([*urls, f"{ROOT}gone"], 4)) for url in [ROOT, *urls]}
    whole = drain(frontier(max_pages=40), site)
    crawl = frontier(max_pages=40)
    robots = page(f"{ROOT}robots.txt")
    assert [crawl.replay(response) for response in [robots, *whole[:cut]]] == [False] + [True] * cut
    assert [response.url for response in drain(crawl, site)] == [response.url for response in whole[cut:]]
    assert crawl.pages == {"nature.com": 40}


def test_a_replay_of_retries_and_redirects_decides_as_the_crawl_did() -> None:
    crawl = frontier(retries=1)
    crawl.replay(page(ROOT, status=500))
    crawl.replay(page(ROOT, status=301, Location="/new"))
    visit = taken(crawl)
    assert (visit.url, visit.redirects) == (f"{ROOT}new", 1)
    assert crawl.next() is None
