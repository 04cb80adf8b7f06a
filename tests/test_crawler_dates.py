import json

import pytest
from lxml.html import HtmlElement, document_fromstring

from crawler.dates import iso_date, modified_date, published_date
from index.records import Dated

CRAWLED = "2026-03-05T12:00:00Z"


def tree(html: str) -> HtmlElement:
    return document_fromstring(f"<html>{html}</html>")


def ld(*nodes: object) -> str:
    return "".join(f'<script type="application/ld+json">{json.dumps(node)}</script>' for node in nodes)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-02-29", "2024-02-29"),
        ("2024/2/9", "2024-02-09"),
        ("20240229", "2024-02-29"),
        ("2024-02-29T23:30:00-05:00", "2024-03-01T04:30:00Z"),
        ("2024-02-29T23:30:00Z", "2024-02-29T23:30:00Z"),
        ("2024-02-29 10:00", "2024-02-29"),
        ("2023-02-29", None),
        ("2024-02", None),
        ("2024", None),
        ("March 5, 2024", None),
        ("20240229123", None),
        ("", None),
    ],
)
def test_only_full_dates_are_read_and_a_time_needs_its_zone(text: str, value: str | None) -> None:
    assert iso_date(text) == value


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<meta property="article:published_time" content="2024-01-02T03:04:05+08:00">',
         Dated("2024-01-01T19:04:05Z", "meta:article:published_time")),
        ('<meta name="citation_publication_date" content="1987/06/05">',
         Dated("1987-06-05", "meta:citation_publication_date")),
        ('<meta name="DC.date.issued" content="2020-10-11">', Dated("2020-10-11", "meta:dc.date.issued")),
        ('<meta name="PubDate" content="2023-05-01 10:00">', Dated("2023-05-01", "meta:pubdate")),
        (ld({"@type": "NewsArticle", "datePublished": "2022-01-01"}), Dated("2022-01-01", "json-ld:datePublished")),
        (ld({"@graph": [{"@type": "WebPage", "datePublished": "2021-01-01"},
                        {"@type": ["Article"], "datePublished": "2022-01-01"}]}),
         Dated("2022-01-01", "json-ld:datePublished")),
        ('<time itemprop="datePublished" datetime="2019-08-07">yesterday</time>',
         Dated("2019-08-07", "microdata:datePublished")),
        ('<time pubdate datetime="2018-08-07">then</time>', Dated("2018-08-07", "time:pubdate")),
    ],
)  # fmt: skip
def test_published_is_read_where_pages_state_it(html: str, expected: Dated) -> None:
    assert published_date(tree(html), CRAWLED) == expected


@pytest.mark.parametrize(
    "html",
    [
        "<p>Published on 2024-01-02</p><footer>© 2024</footer>",
        "<time datetime='2024-01-02'>event</time>",
        '<meta name="pubdate" content="soon">',
        '<meta name="pubdate" content="2031-01-01">',
        '<meta name="pubdate" content="1970-01-01T00:00:00Z">',
        '<meta name="pubdate" content="0001-01-01">',
        ld({"@type": "Article", "datePublished": "2022-01-01"}, {"@type": "Article", "datePublished": "2023-01-01"}),
        "<i itemprop='datePublished'>2022-01-01</i><i itemprop='datePublished'>2023-01-01</i>",
        "<script type='application/ld+json'>{not json</script>",
        "<script type='application/ld+json'>" + "[" * 100_000 + "</script>",
    ],
)
def test_nothing_is_guessed_and_impossible_dates_are_dropped(html: str) -> None:
    assert published_date(tree(html), CRAWLED) is None


def test_the_next_evidence_counts_where_the_first_is_implausible() -> None:
    html = '<meta property="article:published_time" content="0000-00-00"><meta name="dc.date" content="2020-01-01">'
    assert published_date(tree(html), CRAWLED) == Dated("2020-01-01", "meta:dc.date")


def test_modified_prefers_the_page_over_the_header() -> None:
    header = "Wed, 01 Jan 2025 10:00:00 GMT"
    html = ld({"@type": "Article", "dateModified": "2025-02-03"})
    assert modified_date(tree(html), header, None, CRAWLED) == Dated("2025-02-03", "json-ld:dateModified")
    assert modified_date(tree("<p>x</p>"), header, None, CRAWLED) == Dated("2025-01-01T10:00:00Z", "http:last-modified")


@pytest.mark.parametrize(
    "header", [None, "", "yesterday", "Thu, 01 Jan 1970 00:00:00 GMT", "Wed, 01 Jan 2031 10:00:00 GMT"]
)
def test_bad_headers_say_nothing(header: str | None) -> None:
    assert modified_date(tree("<p>x</p>"), header, None, CRAWLED) is None


def test_a_page_stamped_with_the_time_of_the_answer_says_nothing() -> None:
    stamp = "Thu, 05 Mar 2026 12:00:02 GMT"
    assert modified_date(tree("<p>x</p>"), stamp, None, CRAWLED) is None
    assert modified_date(tree("<p>x</p>"), stamp, "Thu, 05 Mar 2026 12:00:05 GMT", CRAWLED) is None
