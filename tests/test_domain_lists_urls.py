import pytest

from domain_lists.errors import DomainListError, InvalidUrl
from domain_lists.urls import MAX_URL_CHARS, canonical_url, host_of

CANONICAL = [
    ("HTTPS://WWW.Nature.COM", "https://www.nature.com/"),
    ("http://example.org:80/", "http://example.org/"),
    ("https://example.org:443/a", "https://example.org/a"),
    ("http://example.org:443/a", "http://example.org:443/a"),
    ("http://example.org:/a", "http://example.org/a"),
    ("https://www.nature.com./articles", "https://www.nature.com/articles"),
    ("https://example.org/a#b", "https://example.org/a"),
    ("  https://example.org/a ", "https://example.org/a"),
    ("https://例子.cn/", "https://xn--fsqu00a.cn/"),
    ("https://例子。CN。/", "https://xn--fsqu00a.cn/"),
    ("https://ＷＨＩＴＥＨＯＵＳＥ.gov/", "https://whitehouse.gov/"),
    ("https://Bücher.example/", "https://xn--bcher-kva.example/"),
    ("https://my_site.gov.cn/", "https://my_site.gov.cn/"),
    ("https://example.org/%7euser/%e4%b8%ad", "https://example.org/~user/%E4%B8%AD"),
    ("https://example.org/中 文", "https://example.org/%E4%B8%AD%20%E6%96%87"),
    ("https://example.org/100%", "https://example.org/100%25"),
    ("https://example.org/%2541", "https://example.org/%2541"),
    ("https://example.org/a/../b/./c/%2e%2e/d", "https://example.org/b/d"),
    ("https://example.org/../../a/..", "https://example.org/"),
    ("https://example.org//a", "https://example.org//a"),
    ("https://example.org/a?", "https://example.org/a"),
    ("https://example.org/a?b=2&a=1&b=", "https://example.org/a?b=2&a=1&b="),
    ("https://example.org/a?utm_source=x&id=7&UTM_Medium=y&gclid=1&fbclid=2", "https://example.org/a?id=7"),
    ("https://example.org/a?utm_source=x", "https://example.org/a"),
    ("https://example.org/a;jsessionid=1A2B3C.node1?b=2", "https://example.org/a?b=2"),
    ("https://example.org/a;jsessionid=1A2B/b", "https://example.org/a/b"),
    ("https://example.org/a?PHPSESSID=abc&b=2", "https://example.org/a?b=2"),
    ("https://example.org/a?ASPSESSIONIDQQ=ABCDEFGHIJKLMNOPQRSTUVW1&b=2", "https://example.org/a?b=2"),
    ("https://example.org/a?sid=0123456789abcdef0123456789abcdef", "https://example.org/a"),
    ("https://example.org/a?sid=20260101", "https://example.org/a?sid=20260101"),
    ("https://example.org/(S(lit3py55t21z5v55vlm25s55))/a.aspx", "https://example.org/a.aspx"),
    ("https://example.org/a_(b)/c;v=1.2", "https://example.org/a_(b)/c;v=1.2"),
    ("https://example.org?q=a b&r=中", "https://example.org/?q=a%20b&r=%E4%B8%AD"),
    ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"),
    ("http://１２７.0.0.1/", "http://127.0.0.1/"),
    ("http://[::1]:8080/", "http://[::1]:8080/"),
    ("http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"),
    ("http://localhost:99", "http://localhost:99/"),
]

INVALID = [
    "",
    "example.org",
    "//example.org/",
    "/path",
    "ftp://example.org/",
    "javascript:alert(1)",
    "mailto:a@example.org",
    "http:example.org",
    "http:///example.org",
    "http://",
    "http://:80/",
    "http://user@example.org/",
    "http://user:secret@example.org/",
    "http://@example.org/",
    "http://evil.com\\@whitehouse.gov/",
    "http://whitehouse.gov\\.evil.com/",
    "http://a b.org/",
    "http://example%2eorg/",
    "http://example..org/",
    "http://.example.org/",
    "http://example.org../",
    "http://-example.org/",
    "http://exa*mple.org/",
    "http://xn--a/",
    "http://☃.net/",
    "http://ex℀mple.org/",
    f"http://{'a' * 64}.org/",
    f"http://{'.'.join(['a' * 60] * 5)}.org/",
    "http://example.org:port/",
    "http://example.org:+80/",
    "http://example.org:65536/",
    "http://[::1",
    "http://[v1.a]/",
    "http://[127.0.0.1]/",
    "http://x[::1]/",
    "http://[fe80::1%25eth0]/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.0.0.1/",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    "http://example.org/\n",
    "http://exam\tple.org/",
    "http://example.org/\x00",
    "http://example.org/\x85",
    "http://example.org/\ud800",
    "http://\udfff.org/",
    "http://example.org/" + "a" * MAX_URL_CHARS,
    "http://example.org/" + "中" * 1000,
]


@pytest.mark.parametrize(("url", "expected"), CANONICAL)
def test_canonical_url_has_one_spelling_and_keeps_it(url: str, expected: str) -> None:
    assert canonical_url(url) == expected
    assert canonical_url(expected) == expected


@pytest.mark.parametrize("url", INVALID, ids=ascii)
def test_anything_but_an_absolute_http_url_with_a_sound_host_is_refused(url: str) -> None:
    with pytest.raises(InvalidUrl) as caught:
        canonical_url(url)
    assert caught.value.url == url
    assert caught.value.reason in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_an_invalid_url_is_a_domain_list_error() -> None:
    assert issubclass(InvalidUrl, DomainListError)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://WWW.Nature.com.:443/x", "www.nature.com"),
        ("http://127.0.0.1:5000/", "127.0.0.1"),
        ("http://[0::1]:5000/", "[::1]"),
        ("http://例子.cn:8080/", "xn--fsqu00a.cn"),
    ],
)
def test_host_of_leaves_out_the_port(url: str, host: str) -> None:
    assert host_of(url) == host


def test_a_url_of_the_greatest_length_is_taken() -> None:
    url = "http://example.org/".ljust(MAX_URL_CHARS, "a")
    assert canonical_url(url) == url
