"""A domain filter lets through the pages under its domains, whole labels and whole path segments, and no others."""

import random
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from records import LetterEncoder, build_and_publish, make_page, make_sources

from authority_search.models import SearchRequest, SourceFilter
from domain_lists.errors import InvalidUrl
from index.places import Domain, Places, parse_domain
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.errors import InvalidRequest
from service.searcher import Searcher

URLS = sorted(
    [
        "http://who.int/",
        "https://www.who.int/data/x",
        "https://who.int/data",
        "https://who.int/data-hub",
        "https://who.int/data/a/b",
        "https://who.int/data?page=2",
        "https://who.int/database",
        "https://who.int/emergencies",
        "https://data.who.int/data/y",
        "https://www.data.who.int/",
        "https://evilwho.int/data/",
        "https://who.int.evil.com/data/",
        "https://bank.example.org:8443/a",
        "https://bank.example.org/a",
        "http://127.0.0.1:18650/a",
    ]
)
WHO = [url for url in URLS if "who.int/" in url or "who.int?" in url]


def under(name: str) -> list[str]:
    places = Places(URLS)
    return [url for first, last in places.pages(parse_domain(name)) for url in URLS[first:last]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("who.int", [url for url in WHO if "evil" not in url]),
        ("*.who.int", [url for url in WHO if "evil" not in url]),
        (" WHO.int. ", [url for url in WHO if "evil" not in url]),
        ("www.who.int", [url for url in WHO if "evil" not in url and "data.who.int" not in url]),
        ("data.who.int", ["https://data.who.int/data/y", "https://www.data.who.int/"]),
        (
            "who.int/data",
            [
                "https://who.int/data",
                "https://who.int/data/a/b",
                "https://who.int/data?page=2",
                "https://www.who.int/data/x",
            ],
        ),
        ("https://who.int/data/a/", ["https://who.int/data/a/b"]),
        ("int", [url for url in WHO if "evil.com" not in url]),
        ("o.int", []),
        ("unlisted.org", []),
        ("bank.example.org", ["https://bank.example.org/a", "https://bank.example.org:8443/a"]),
        ("bank.example.org:8443", ["https://bank.example.org:8443/a"]),
        ("127.0.0.1", ["http://127.0.0.1:18650/a"]),
    ],
)
def test_a_domain_is_matched_by_whole_labels_and_whole_path_segments(name: str, expected: list[str]) -> None:
    assert sorted(under(name)) == sorted(expected)


@pytest.mark.parametrize("name", ["", "*", "who int", "ftp://who.int", "user@who.int", "..", "https://"])
def test_what_is_no_domain_is_refused(name: str) -> None:
    with pytest.raises(InvalidUrl):
        parse_domain(name)


def by_hand(url: str, domain: Domain) -> bool:
    """The rule once more, on one URL."""
    parts = urlsplit(url)
    host, site = parts.hostname or "", domain.host.removeprefix("www.")
    if domain.path:
        rest = url.split("/", 3)[3]
        inside = f"/{rest}".startswith((f"{domain.path}/", f"{domain.path}?")) or f"/{rest}" == domain.path
        return inside and host in (site, f"www.{site}")
    if domain.host.startswith("www."):
        return host in (site, domain.host)
    return host == domain.host or host.endswith(f".{domain.host}")


@pytest.mark.parametrize("seed", range(5))
def test_bisection_finds_what_looking_at_each_page_finds(seed: int) -> None:
    dice = random.Random(seed)
    hosts = ["a.org", "www.a.org", "b.a.org", "c.b.a.org", "aa.org", "a.org.cn", "www.b.a.org"]
    paths = ["", "d", "d/", "d/e", "de", "d?q=1", "d-e/f", "d/e/f?q=d", "é/d"]
    urls = sorted({f"{dice.choice(['http', 'https'])}://{dice.choice(hosts)}/{dice.choice(paths)}" for _ in range(60)})
    places = Places(urls)
    for _ in range(40):
        domain = parse_domain(dice.choice([*hosts, "org"]) + dice.choice(["", "", "/d", "/d/e"]))
        found = [url for first, last in places.pages(domain) for url in urls[first:last]]
        assert len(found) == len(set(found))
        assert set(found) == {url for url in urls if by_hand(url, domain)}


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    root, encoder = tmp_path_factory.mktemp("places"), LetterEncoder()
    pages = [make_page(url, f"Sepsis at {url}", "sepsis once more", source="who.int") for url in URLS]
    build_and_publish(Path(root), pages, make_sources("who.int"), encoder)
    return Searcher(SnapshotStore(DataFolder(root)).open(), encoder, RankingSettings())


def found(searcher: Searcher, **sources: list[str]) -> tuple[set[str], int]:
    request = SearchRequest(queries=["sepsis"], top_k=100, max_per_page=None, sources=SourceFilter(**sources))
    reply = searcher.search(request)
    hits = reply.results[0].hits
    return {url for hit in hits for url in (hit.url, *hit.also_at)}, reply.excluded_passages


def test_both_arms_search_only_under_the_domains(searcher: Searcher) -> None:
    chosen, excluded = found(searcher, include_domains=["data.who.int", "unlisted.org", "who.int/data"])
    assert chosen == set(under("data.who.int")) | set(under("who.int/data"))
    assert excluded == 2 * (len(URLS) - len(chosen))
    kept, _ = found(searcher, include_domains=["who.int"], exclude_domains=["who.int/data", "data.who.int"])
    assert kept == set(under("who.int")) - chosen
    assert found(searcher, include_domains=["unlisted.org"]) == (set(), 2 * len(URLS))
    assert found(searcher, exclude_domains=["unlisted.org"])[1] == 0


def test_a_domain_narrows_a_source_and_never_widens_it(searcher: Searcher) -> None:
    assert found(searcher, include=["who.int"], include_domains=["unlisted.org"])[0] == set()
    assert found(searcher, exclude=["who.int"], include_domains=["who.int"])[0] == set()


def test_among_thousands_of_domains_only_those_with_pages_count(searcher: Searcher) -> None:
    names = [f"host-{number}.org" for number in range(4999)]
    assert found(searcher, include_domains=[*names, "evilwho.int"])[0] == {"https://evilwho.int/data/"}


def test_what_is_no_domain_is_named(searcher: Searcher) -> None:
    with pytest.raises(InvalidRequest, match=r"sources\.exclude_domains: .*'https://a b'.*write a domain such as"):
        found(searcher, exclude_domains=["a b"])
