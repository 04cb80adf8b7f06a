import csv
import time
from pathlib import Path

import pytest

from domain_lists.records import Source
from domain_lists.source_list import SourceList

SHARED_VECTORS = Path(__file__).parents[2] / "shared" / "data" / "domains" / "lookalike_vectors.csv"

# URL, id of the source that must match ("" for none).
LOOK_ALIKES = [
    ("https://www.whitehouse.gov/briefing", "whitehouse.gov"),
    ("https://whitehouse.gov.evil.com/", ""),
    ("https://evil.com/whitehouse.gov", ""),
    ("https://whitehouse.gov@evil.com/", ""),
    ("https://xn--whtehouse-t2a.gov.example/", ""),
    ("https://stats.gov.cn.cdn.example.net/", ""),
    ("https://stats.gov.cn/sj/", "stats.gov.cn"),
    ("https://tjj.hunan.gov.cn/", "hunan.gov.cn"),
    ("https://some-county.gov.cn/", "suffix:gov.cn"),
    ("https://gov.cn.com/", ""),
    ("https://ac.uk.com/", ""),
    ("https://notnature.com/", ""),
    ("https://www.nature.com./articles/x", "nature.com"),
    ("HTTPS://PUBMED.NCBI.NLM.NIH.GOV:443/1/", "pubmed.ncbi.nlm.nih.gov"),
    ("https://blogs.worldbank.org/x", "blogs.worldbank.org"),
    ("https://someone.github.io/", ""),
    ("https://sites.google.com/view/who.int", ""),
    ("https://web.archive.org/web/2020/https://www.cdc.gov/x", "web.archive.org"),
    ("https://www.google.com/url?q=https://www.cdc.gov/", ""),
    ("https://translate.goog/", ""),
    ("https://people.example-univ.edu/~x/", "suffix:edu"),
]


def a_source(source_id: str, **changes: object) -> Source:
    cells: dict[str, object] = {
        "name": source_id, "sector": "reference", "country": "INT", "language": "en", "kind": "other",
        "tier": 2, "authority": 0.78, "evidence": "known", "notes": "",
    }  # fmt: skip
    return Source(id=source_id, **{**cells, **changes})  # type: ignore[arg-type]


def a_list(*ids: str, suffixes: tuple[str, ...] = (), denied: tuple[str, ...] = ()) -> SourceList:
    return SourceList(
        sources=[a_source(source_id) for source_id in ids],
        profiles=[],
        suffixes={suffix: a_source(f"suffix:{suffix}", authority=0.85) for suffix in suffixes},
        denied=frozenset(denied),
    )


def matched(sources: SourceList, url: str) -> tuple[str, str] | None:
    match = sources.match(url)
    return None if match is None else (match.source.id, match.rule)


@pytest.fixture(scope="module")
def bundled() -> SourceList:
    return SourceList.load()


@pytest.mark.parametrize(("url", "expected"), LOOK_ALIKES)
def test_look_alikes_are_told_apart(bundled: SourceList, url: str, expected: str) -> None:
    match = bundled.match(url)
    assert (match.source.id if match else "") == expected


def test_the_shared_vectors_agree(bundled: SourceList) -> None:
    if not SHARED_VECTORS.exists():
        pytest.skip(f"needs {SHARED_VECTORS.name} of the shared data")
    with SHARED_VECTORS.open(encoding="utf-8", newline="") as file:
        vectors = [(row["url"], row["expected_match"]) for row in csv.DictReader(file)]
    assert len(vectors) == 21
    for url, expected in vectors:
        match = bundled.match(url)
        assert (match.source.id if match else "") == expected, url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://nature.com/", ("nature.com", "listed")),
        ("http://www.nature.com:8080/x", ("nature.com", "listed")),
        ("https://media.nature.com/", ("nature.com", "inherited")),
        ("https://a.b.nature.com/", ("nature.com", "inherited")),
        ("https://www.media.nature.com/", ("nature.com", "inherited")),
        ("https://xnature.com/", None),
        ("https://nature.com.cn/", None),
        ("https://nature.org/", None),
    ],
)
def test_subdomains_inherit_by_whole_labels(url: str, expected: tuple[str, str] | None) -> None:
    assert matched(a_list("nature.com"), url) == expected


def test_the_longest_listed_host_wins() -> None:
    sources = a_list("worldbank.org", "blogs.worldbank.org", suffixes=("org",))
    assert matched(sources, "https://www.worldbank.org/") == ("worldbank.org", "listed")
    assert matched(sources, "https://blogs.worldbank.org/") == ("blogs.worldbank.org", "listed")
    assert matched(sources, "https://x.blogs.worldbank.org/") == ("blogs.worldbank.org", "inherited")
    assert matched(sources, "https://other.org/") == ("suffix:org", "suffix")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/javase", "docs.oracle.com/javase"),
        ("/javase/", "docs.oracle.com/javase"),
        ("/javase/8/docs?x=1", "docs.oracle.com/javase"),
        ("/javase/tutorial/x", "docs.oracle.com/javase/tutorial"),
        ("/%6Aavase/8", "docs.oracle.com/javase"),
        ("/javase/../sql", "oracle.com"),
        ("/javase/%2e%2e/sql", "oracle.com"),
        ("/javaseX", "oracle.com"),
        ("/JavaSE", "oracle.com"),
        ("/", "oracle.com"),
    ],
)
def test_the_longest_path_prefix_wins_by_whole_segments(path: str, expected: str) -> None:
    sources = a_list("oracle.com", "docs.oracle.com/javase", "docs.oracle.com/javase/tutorial")
    source = sources.listed(f"https://docs.oracle.com{path}")
    assert source is not None
    assert source.id == expected


def test_a_path_prefix_row_covers_its_own_host_alone() -> None:
    sources = a_list("docs.oracle.com/javase")
    assert matched(sources, "https://www.docs.oracle.com/javase/8") == ("docs.oracle.com/javase", "listed")
    assert matched(sources, "https://x.docs.oracle.com/javase/8") is None
    assert matched(sources, "https://docs.oracle.com/") is None


@pytest.mark.parametrize("suffix", ["gov.uk", "github.io", "s3.amazonaws.com"])
def test_a_listed_public_suffix_covers_its_apex_and_www_alone(suffix: str) -> None:
    sources = a_list(suffix)
    assert matched(sources, f"https://{suffix}/x") == (suffix, "listed")
    assert matched(sources, f"https://www.{suffix}/x") == (suffix, "listed")
    assert matched(sources, f"https://someone.{suffix}/x") is None


def test_trust_is_not_inherited_across_a_private_suffix() -> None:
    sources = a_list("amazonaws.com", "bucket.s3.amazonaws.com")
    assert matched(sources, "https://amazonaws.com/") == ("amazonaws.com", "listed")
    assert matched(sources, "https://evil.s3.amazonaws.com/") is None
    assert matched(sources, "https://a.bucket.s3.amazonaws.com/") == ("bucket.s3.amazonaws.com", "inherited")


def test_a_denied_host_matches_nothing_below_a_parent_or_suffix() -> None:
    sources = a_list("debian.org", suffixes=("edu",), denied=("people.debian.org", "academia.edu"))
    assert matched(sources, "https://wiki.debian.org/") == ("debian.org", "inherited")
    assert matched(sources, "https://people.debian.org/~x/") is None
    assert matched(sources, "https://www.people.debian.org/") is None
    assert matched(sources, "https://x.people.debian.org/") is None
    assert matched(sources, "https://notpeople.debian.org/") == ("debian.org", "inherited")
    assert matched(sources, "https://uni.academia.edu/") is None
    assert matched(sources, "https://mit.edu/") == ("suffix:edu", "suffix")


def test_a_suffix_match_is_never_a_listed_source() -> None:
    sources = a_list("hunan.gov.cn", suffixes=("gov.cn", "cn"))
    assert matched(sources, "https://gov.cn/") == ("suffix:gov.cn", "suffix")
    assert matched(sources, "https://a.b.gov.cn/") == ("suffix:gov.cn", "suffix")
    assert sources.listed("https://a.b.gov.cn/") is None
    listed = sources.listed("https://tjj.hunan.gov.cn/")
    assert listed is not None
    assert listed.id == "hunan.gov.cn"


@pytest.mark.parametrize(
    ("source_id", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:5000/x"),
        ("[::1]", "http://[0:0::1]:5000/x"),
        ("localhost", "http://LOCALHOST:5000/x"),
        ("127.0.0.1/docs", "http://127.0.0.1:5000/docs/x"),
    ],
)
def test_addresses_and_localhost_match_exactly_on_any_port(source_id: str, url: str) -> None:
    sources = a_list(source_id)
    assert matched(sources, url) == (source_id, "listed")
    assert matched(sources, "http://127.0.0.2/x") is None
    assert matched(sources, "http://a.localhost/x") is None


def test_names_under_an_unknown_top_level_domain_are_not_inherited() -> None:
    sources = a_list("server.corpx")
    assert matched(sources, "http://server.corpx/") == ("server.corpx", "listed")
    assert matched(sources, "http://a.server.corpx/") is None


def test_internationalised_hosts_match_in_either_spelling() -> None:
    sources = a_list("xn--fsqu00a.cn")
    assert matched(sources, "https://例子.cn/") == ("xn--fsqu00a.cn", "listed")
    assert matched(sources, "https://www.xn--fsqu00a.cn/") == ("xn--fsqu00a.cn", "listed")
    assert matched(a_list("nature.com"), "https://nаture.com/") is None  # a Cyrillic letter


@pytest.mark.parametrize(
    "url", ["", "nature.com", "ftp://nature.com/", "https://u@nature.com/", "https://nature.com/\n"]
)
def test_an_invalid_url_matches_nothing(url: str) -> None:
    assert matched(a_list("nature.com"), url) is None


def test_matching_a_parsed_url_takes_microseconds(bundled: SourceList) -> None:
    urls = [f"https://host{n % 50}.hunan.gov.cn/page" for n in range(1000)]
    for url in urls:
        bundled.match(url)
    start = time.perf_counter()
    for _ in range(20):
        for url in urls:
            bundled.match(url)
    # The aim is 20 µs; ten times that leaves room for a busy machine.
    assert (time.perf_counter() - start) / 20_000 < 200e-6
