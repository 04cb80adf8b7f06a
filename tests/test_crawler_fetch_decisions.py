"""What the crawler decides without a network: codings, addresses, scope, links, robots.txt, pace."""

import gzip
import ipaddress
import zlib
from collections.abc import Callable
from datetime import UTC, datetime

import brotli
import pytest
from misbehaving_web import loopback_sources

from crawler.addresses import is_loopback_host, is_public, literal_address
from crawler.encodings import decoded
from crawler.errors import UndecodableBody
from crawler.links import is_html, links_of
from crawler.pace import pause_after
from crawler.robots import robot_rules
from crawler.scope import Scope, default_start

TEXT = b"some text " * 100
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PAGE = "https://www.nature.com/articles/index.html"


def bare_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("utf-8", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("GZip", gzip.compress(TEXT[:400], mtime=0) + gzip.compress(TEXT[400:], mtime=0)),
        ("x-gzip", TEXT),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", bare_deflate(TEXT)),
        ("br", brotli.compress(TEXT)),
        ("gzip, br", brotli.compress(gzip.compress(TEXT, mtime=0))),
    ],
)
def test_codings_are_undone(coding: str, body: bytes) -> None:
    assert decoded(body, coding, len(TEXT)) == TEXT


@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress)]
)
def test_a_bomb_is_refused(coding: str, compress: Callable[[bytes], bytes]) -> None:
    with pytest.raises(UndecodableBody, match="unfolds to more than 100000 bytes"):
        decoded(compress(b"\0" * 30_000_000), coding, 100_000)


def test_a_stream_that_was_cut_off_gives_what_it_holds() -> None:
    cut = decoded(gzip.compress(TEXT, mtime=0)[:-12], "gzip", 10_000)
    assert cut
    assert TEXT.startswith(cut)


def test_a_damaged_stream_is_refused() -> None:
    body = bytearray(gzip.compress(bytes(range(256)) * 40))
    body[30:60] = b"\xff" * 30
    with pytest.raises(UndecodableBody, match="damaged"):
        decoded(bytes(body), "gzip", 100_000)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.5.4",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "240.0.0.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "::127.0.0.1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "2001:db8::1",
    ],
)
def test_inward_addresses_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"]
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0X7F.1", "0177.0.0.1", "127.0.0.1.", "[::ffff:7f00:1]"]
)
def test_every_spelling_of_an_address_is_known(host: str) -> None:
    address = literal_address(host)
    assert address is not None
    assert not is_public(address)


@pytest.mark.parametrize("host", ["nature.com", "127.0.0.1.evil.example", "0x.example", "1.2.3.4.5", "deadbeef", ""])
def test_names_are_no_addresses(host: str) -> None:
    assert literal_address(host) is None


def test_loopback_is_known_by_its_spelling() -> None:
    assert is_loopback_host("localhost")
    assert is_loopback_host("127.9.9.9")
    assert is_loopback_host("[::1]")
    assert not is_loopback_host("localhost.evil.example")
    assert not is_loopback_host("192.168.0.1")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://www.nature.com/articles/x", ""),
        ("HTTPS://NATURE.com:443/a/../b?utm_source=x#part", ""),
        ("https://nature.com.evil.example/", "not listed"),
        ("https://notnature.com/", "not listed"),
        ("http://127.0.0.1.evil.example/", "not listed"),
        ("https://arxiv.org/abs/1", "other source"),
        ("http://127.0.0.1/", "private address"),
        ("http://2130706433/", "not a web address"),
        ("http://user:pw@nature.com/", "not a web address"),
        ("ftp://nature.com/", "not a web address"),
        ("javascript:alert(1)", "not a web address"),
        ("https://nature.com/figure.PNG?size=9", "file type"),
        ("https://nature.com/data.tar.gz", "file type"),
        ("https://nature.com/v1.2", ""),
        ("https://nature.com/" + "a" * 2000, "too long"),
        ("https://nature.com/en/news/en/news/en/news/en/news", "repeated path"),
    ],
)
def test_each_refusal_has_its_reason(url: str, reason: str) -> None:
    scope = Scope(loopback_sources(), ["nature.com", "127.0.0.1"], allow_private_addresses=False)
    decision = scope.decide(url)
    assert (decision.allowed, decision.reason) == (not reason, reason)


def test_an_allowed_url_comes_with_its_canonical_form_and_source() -> None:
    scope = Scope(loopback_sources(), ["nature.com"], allow_private_addresses=False)
    decision = scope.decide("HTTPS://www.NATURE.com:443/a/../b?utm_source=x#part")
    assert (decision.url, decision.source) == ("https://www.nature.com/b", "nature.com")


def test_a_source_begins_at_its_root_or_prefix() -> None:
    assert default_start("nature.com") == "https://nature.com/"
    assert default_start("docs.oracle.com/javase") == "https://docs.oracle.com/javase"


def test_links_are_absolute_once_and_in_order() -> None:
    body = (
        b'<base href="/b/"><a href="x">1</a><a href="/y#z">2</a><map><area href="//www.nature.com/q"></map>'
        b'<a href="x#other">3</a><a href=" mailto:a@b ">4</a><a href="http://[bad">5</a><a>6</a>'
        b'<a href="/\xe4 b">7</a>'
    )
    links = links_of(PAGE, "text/html; charset=latin-1", "", body)
    root = "https://www.nature.com"
    assert links.urls == [f"{root}/b/x", f"{root}/y", f"{root}/q", f"{root}/%C3%A4%20b"]
    assert links.nofollow == 0


def test_nofollow_is_honoured_in_each_of_its_forms() -> None:
    two = b'<a href="/a" rel="external NoFollow">a</a><a href="/b">b</a>'
    meta = b'<meta name="Robots" content="noindex, NOFOLLOW">'
    assert links_of(PAGE, "text/html", "", two)[:2] == (["https://www.nature.com/b"], 1)
    assert links_of(PAGE, "text/html", "", meta + two)[:2] == ([], 2)
    assert links_of(PAGE, "text/html", "noindex, nofollow", two)[:2] == ([], 2)
    assert links_of(PAGE, "text/html", "none", two)[:2] == ([], 2)


@pytest.mark.parametrize("body", [b"", b"\0\0", b"<", b"\xff\xfe<", b"<!-- only -->", b"<a href=", b"<div>" * 9000])
def test_bad_markup_has_no_links(body: bytes) -> None:
    assert links_of(PAGE, "text/html", "", body).urls == []


def test_html_is_known_by_its_type() -> None:
    assert is_html("Text/HTML; charset=gbk")
    assert is_html("application/xhtml+xml")
    assert not is_html("text/plain")
    assert not is_html(None)


def test_robots_rules_are_those_for_this_crawler() -> None:
    own = b"User-agent: Authority-Search\nDisallow: /private\nCrawl-delay: 2.5\n"
    body = b"\xef\xbb\xbfUser-agent: *\nDisallow: /\n\n" + own
    rules = robot_rules(200, body)
    assert rules.allows("https://a.example/public")
    assert not rules.allows("https://a.example/private/x")
    assert rules.crawl_delay() == 2.5


@pytest.mark.parametrize(("status", "allowed"), [(404, True), (401, True), (500, False), (503, False), (429, False)])
def test_a_missing_robots_file_allows_and_a_failing_server_forbids(status: int, allowed: bool) -> None:
    assert robot_rules(status, b"User-agent: *\nDisallow: /").allows("https://a.example/x") is allowed


@pytest.mark.parametrize(
    ("status", "header", "tries", "seconds"),
    [
        (200, "9", 0, 0),
        (404, None, 0, 0),
        (429, "7", 0, 7),
        (503, "Sun, 22 Nov 2026 12:00:30 GMT", 0, 30),
        (503, "Sun, 22 Nov 2026 11:00:00 GMT", 1, 2),
        (503, "soon", 2, 4),
        (500, None, 0, 1),
        (500, None, 30, 300),
    ],
)
def test_a_host_is_left_in_peace_as_long_as_it_asks(
    status: int, header: str | None, tries: int, seconds: float
) -> None:
    assert pause_after(status, header, tries, NOW) == seconds
