"""Pages that anyone may write are rated under a cap, whoever owns the host."""

import pytest

from domain_lists.records import Match, Source
from domain_lists.scores import Term
from domain_lists.source_list import SourceList
from domain_lists.user_pages import UserPages

PERSONAL = Term("personal-page", "cap", 0.60, None, "review", "")
FORUM = Term("user-generated", "cap", 0.40, 4, "note", "")
PATTERNS = UserPages({"/~": PERSONAL, "/forum/": FORUM, "blogs.*": PERSONAL, "forum.*": FORUM, "pages.uni.edu": FORUM})


def a_source(source_id: str, tier: int = 1, authority: float = 0.90) -> Source:
    return Source(source_id, source_id, "reference", "INT", "en", "other", tier, authority, "known", "")


LIST = SourceList(
    sources=[
        a_source("uni.edu"), a_source("gov.uk"), a_source("blogs.bank.org", 2, 0.68), a_source("bank.org"),
        a_source("uni.edu/~curie"), a_source("paper.com", 3, 0.35), a_source("127.0.0.1"),
    ],
    profiles=[],
    suffixes={"edu": a_source("suffix:edu", 2, 0.66), "gov.uk": a_source("suffix:gov.uk")},
    denied={"evil.uni.edu"},
    user_pages=PATTERNS,
)  # fmt: skip


def rated(url: str) -> tuple[str, str, int, float] | None:
    match = LIST.match(url)
    return match and (match.source.id, match.rule, match.source.tier, match.source.authority)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://uni.edu/a", ("uni.edu", "listed", 1, 0.90)),
        ("https://uni.edu/~x/", ("uni.edu", "user-generated", 1, 0.60)),
        ("https://uni.edu/%7Ex", ("uni.edu", "user-generated", 1, 0.60)),
        ("https://cs.uni.edu/home/~x/a", ("uni.edu", "user-generated", 1, 0.60)),
        ("https://uni.edu/forum/1", ("uni.edu", "user-generated", 4, 0.40)),
        ("https://uni.edu/forum", ("uni.edu", "user-generated", 4, 0.40)),
        ("https://uni.edu/forums-policy", ("uni.edu", "listed", 1, 0.90)),
        ("https://uni.edu/a~b", ("uni.edu", "listed", 1, 0.90)),
        ("https://uni.edu/?q=/~x", ("uni.edu", "listed", 1, 0.90)),
        ("https://blogs.uni.edu/", ("uni.edu", "user-generated", 1, 0.60)),
        ("https://x.blogs.uni.edu/", ("uni.edu", "user-generated", 1, 0.60)),
        ("https://myblogs.uni.edu/", ("uni.edu", "inherited", 1, 0.90)),
        ("https://pages.uni.edu/", ("uni.edu", "user-generated", 4, 0.40)),
        ("https://x.pages.uni.edu/", ("uni.edu", "user-generated", 4, 0.40)),
        ("https://forum.uni.edu/~x", ("uni.edu", "user-generated", 4, 0.40)),
        ("https://blogs.other.edu/", ("suffix:edu", "user-generated", 2, 0.60)),
        ("https://other.edu/~x", ("suffix:edu", "user-generated", 2, 0.60)),
        ("https://other.edu/", ("suffix:edu", "suffix", 2, 0.66)),
        ("https://forum.paper.com/", ("paper.com", "user-generated", 4, 0.35)),
        ("http://127.0.0.1/~x", ("127.0.0.1", "user-generated", 1, 0.60)),
        ("https://evil.uni.edu/~x", None),
    ],
)
def test_what_users_write_is_capped(url: str, expected: tuple[str, str, int, float] | None) -> None:
    assert rated(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://blogs.bank.org/x", ("blogs.bank.org", "listed", 2, 0.68)),
        ("https://a.blogs.bank.org/x", ("blogs.bank.org", "inherited", 2, 0.68)),
        ("https://blogs.bank.org/~x", ("blogs.bank.org", "user-generated", 2, 0.60)),
        ("https://uni.edu/~curie/radium", ("uni.edu/~curie", "listed", 1, 0.90)),
        ("https://uni.edu/~curieux", ("uni.edu", "user-generated", 1, 0.60)),
    ],
)
def test_a_row_that_spells_the_place_out_was_looked_at(url: str, expected: tuple[str, str, int, float]) -> None:
    assert rated(url) == expected


def test_a_registered_name_is_no_label_of_anyones_pages() -> None:
    assert rated("https://blogs.gov.uk/") == ("suffix:gov.uk", "suffix", 1, 0.90)
    assert rated("https://blogs.dept.gov.uk/") == ("suffix:gov.uk", "user-generated", 1, 0.60)


def test_what_users_write_is_no_source_to_fetch_or_search() -> None:
    assert LIST.listed("https://uni.edu/~x") is None
    assert LIST.listed("https://forum.uni.edu/") is None
    assert LIST.listed("https://uni.edu/~curie") == a_source("uni.edu/~curie")


def test_a_match_names_the_caps_it_is_under() -> None:
    match = LIST.match("https://forum.uni.edu/~x")
    assert isinstance(match, Match)
    assert match.caps == ("user-generated", "personal-page")
    plain = LIST.match("https://uni.edu/")
    assert plain is not None
    assert plain.caps == ()


def test_the_patterns_are_part_of_the_version() -> None:
    def version(patterns: dict[str, Term]) -> str:
        return SourceList([a_source("a.org")], [], {}, (), UserPages(patterns)).version

    versions = {version({}), version({"/~": PERSONAL}), version({"/~": FORUM}), version({"/x": PERSONAL})}
    assert len(versions) == 4
    assert version({}) == SourceList([a_source("a.org")], [], {}, ()).version


@pytest.mark.parametrize(
    ("url", "term", "authority"),
    [
        ("https://www.cs.cmu.edu/~x/", "personal-page", 0.60),
        ("https://people.debian.example.edu/", "personal-page", 0.60),
        ("https://bbs.pku.edu.cn/v2/", "user-generated", 0.40),
        ("https://lists.w3.org/Archives/", "user-generated", 0.40),
        ("https://blogs.harvard.edu/x/", "personal-page", 0.60),
        ("https://mirrors.tuna.tsinghua.edu.cn/", "copies", 0.40),
        ("https://en.wikipedia.org/wiki/User:X", "user-generated", 0.40),
    ],
)
def test_the_bundled_patterns_catch_what_they_should(url: str, term: str, authority: float) -> None:
    bundled = SourceList.load()
    match = bundled.match(url)
    assert match is not None
    assert (match.rule, match.caps, match.source.authority) == ("user-generated", (term,), authority)
    assert bundled.listed(url) is None
