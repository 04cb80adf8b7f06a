import pytest

from crawler.robots import PRODUCT
from crawler.robots_rules import kept_out_by

FETCHED = "2026-03-05T12:00:00Z"


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("robots", "NoIndex, follow", "noindex"),
        ("ROBOTS", "none", "noindex"),
        ("robots", "noarchive", "noarchive"),
        ("robots", "nocache", "noarchive"),
        ("robots", "max-snippet: 0", "nosnippet"),
        ("robots", "nosnippet, noarchive", "noarchive"),
        ("robots", "noarchive; noindex", "noindex"),
        (PRODUCT, "noindex", "noindex"),
        ("robots", "index, follow, max-snippet:-1, max-image-preview:large", ""),
        ("robots", "nofollow, noimageindex", ""),
        ("googlebot", "noindex", ""),
        ("description", "noindex", ""),
    ],
)
def test_a_meta_element_speaks_to_all_or_to_the_crawler_it_names(name: str, content: str, rule: str) -> None:
    assert kept_out_by([(name, content)], [], FETCHED) == rule


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        (["noarchive, noindex"], "noindex"),
        (["otherbot: noindex"], ""),
        (["otherbot: nofollow, noindex"], ""),
        ([f"otherbot: noindex, {PRODUCT}: noarchive"], "noarchive"),
        ([f"{PRODUCT.upper()}: noindex"], "noindex"),
        (["*: noindex"], "noindex"),
        (["nofollow", "otherbot: none", "noarchive"], "noarchive"),
        (["max-snippet: 20, noindex"], "noindex"),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST"], "noindex"),
        (["unavailable_after: Friday, 25-Jun-10 15:00:00 UTC, nofollow"], "noindex"),
        (["unavailable_after: 2040-01-01"], ""),
        (["otherbot: unavailable_after: 2010-01-01"], ""),
        (["unavailable_after: some day"], ""),
        ([""], ""),
        ([], ""),
    ],
)
def test_a_header_speaks_to_all_or_to_the_crawlers_it_names(headers: list[str], rule: str) -> None:
    assert kept_out_by([], headers, FETCHED) == rule


def test_rules_for_all_and_for_this_crawler_count_together() -> None:
    assert kept_out_by([("robots", "noindex"), (PRODUCT, "all")], [], FETCHED) == "noindex"
