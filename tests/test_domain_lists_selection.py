import json
from dataclasses import replace
from pathlib import Path

import pytest

from domain_lists.errors import InvalidSourceList, UnknownProfile, UnknownSource
from domain_lists.plain import from_plain, to_plain
from domain_lists.records import Profile, Source
from domain_lists.source_list import SourceList

HEADER = "id,name,sector,country,language,kind,tier,authority,evidence,notes\n"

WORLD_BANK = Source("worldbank.org", "World Bank", "statistics", "INT", "multi", "other", 1, 0.9, "known", "")
BLOGS = Source("blogs.worldbank.org", "Blogs", "news", "INT", "en", "news", 3, 0.6, "known", "")
BUREAU = Source("stats.gov.cn", "国家统计局", "statistics", "CN", "zh", "statistics", 1, 0.9, "known", "")
PROFILES = [
    Profile("statistics", "By sector", sectors=("statistics",)),
    Profile("statistics-zh", "By two facets", sectors=("statistics",), languages=("zh",)),
    Profile("by-hand", "Named sources alone", sources=("blogs.worldbank.org",)),
    Profile("mixed", "Facet or name", countries=("CN",), sources=("blogs.worldbank.org",)),
    Profile("best", "By tier", max_tier=1),
]


def a_list(sources: list[Source] | None = None, profiles: list[Profile] | None = None, **more: object) -> SourceList:
    arguments: dict[str, object] = {"suffixes": {}, "denied": frozenset(), **more}
    return SourceList(
        sources=sources or [WORLD_BANK, BLOGS, BUREAU],
        profiles=PROFILES if profiles is None else profiles,
        **arguments,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("statistics", {"worldbank.org", "stats.gov.cn"}),
        ("statistics-zh", {"stats.gov.cn"}),
        ("by-hand", {"blogs.worldbank.org"}),
        ("mixed", {"stats.gov.cn", "blogs.worldbank.org"}),
        ("best", {"worldbank.org", "stats.gov.cn"}),
    ],
)
def test_a_profile_selects_what_meets_all_facets_or_is_named(profile: str, expected: set[str]) -> None:
    assert a_list().select(profile) == frozenset(expected)


def test_without_arguments_everything_may_answer() -> None:
    assert a_list().select() is None
    assert a_list().select(None, [], ()) is None


def test_every_argument_narrows_and_exclusion_wins() -> None:
    sources = a_list()
    assert sources.select(include=["worldbank.org"]) == frozenset({"worldbank.org"})
    assert sources.select(exclude=["worldbank.org"]) == frozenset({"blogs.worldbank.org", "stats.gov.cn"})
    assert sources.select("statistics", include=["stats.gov.cn", "blogs.worldbank.org"]) == frozenset({"stats.gov.cn"})
    assert sources.select(include=["stats.gov.cn"], exclude=["stats.gov.cn"]) == frozenset()
    assert sources.select("statistics-zh", exclude=["stats.gov.cn"]) == frozenset()


def test_unknown_names_raise_with_suggestions() -> None:
    sources = a_list()
    with pytest.raises(UnknownSource, match=r"'worldbank\.com'; did you mean worldbank\.org") as unknown:
        sources.get("worldbank.com")
    assert unknown.value.source_id == "worldbank.com"
    assert unknown.value.suggestions[0] == "worldbank.org"
    with pytest.raises(UnknownSource):
        sources.select(include=["zzz"])
    with pytest.raises(UnknownSource):
        sources.select("statistics", exclude=["suffix:gov.cn"])
    with pytest.raises(UnknownProfile, match="did you mean statistics") as wrong:
        sources.select("statistic")
    assert "statistics" in wrong.value.suggestions
    with pytest.raises(UnknownProfile, match=r"there are best, by-hand, mixed, statistics, statistics-zh$"):
        sources.select("qqq")


def test_sources_are_sorted_and_can_be_got_by_id() -> None:
    sources = a_list()
    assert [source.id for source in sources.sources] == ["blogs.worldbank.org", "stats.gov.cn", "worldbank.org"]
    assert sources.get("stats.gov.cn") is BUREAU


def test_the_version_follows_what_is_decisive_and_nothing_else() -> None:
    before = a_list().version
    assert before == a_list([BUREAU, BLOGS, WORLD_BANK]).version
    assert before == a_list(profiles=PROFILES[::-1]).version
    assert before == a_list([replace(WORLD_BANK, name="x", notes="y", evidence="z"), BLOGS, BUREAU]).version
    others = [
        a_list([replace(WORLD_BANK, authority=0.8), BLOGS, BUREAU]),
        a_list([replace(WORLD_BANK, tier=2), BLOGS, BUREAU]),
        a_list([replace(WORLD_BANK, sector="news"), BLOGS, BUREAU]),
        a_list([BLOGS, BUREAU]),
        a_list(profiles=PROFILES[1:]),
        a_list(profiles=[replace(PROFILES[0], suffixes=("gov",)), *PROFILES[1:]]),
        a_list(denied=frozenset({"evil.org"})),
        a_list(suffixes={"gov": replace(BUREAU, id="suffix:gov")}),
    ]
    assert len({before, *(other.version for other in others)}) == len(others) + 1
    assert len(before) == 12


def test_a_profile_admits_what_it_selects_and_unlisted_hosts_under_its_suffixes() -> None:
    stand_in = replace(BUREAU, id="suffix:gov.cn", authority=0.78)
    sources = a_list(
        profiles=[
            Profile("open", "With a suffix", countries=("CN",), suffixes=("gov.cn",)),
            Profile("closed", "Without", countries=("CN",)),
            Profile("other", "With another", sources=("worldbank.org",), suffixes=("gov",)),
        ],
        suffixes={"gov.cn": stand_in, "gov": replace(stand_in, id="suffix:gov")},
        denied=frozenset({"evil.gov.cn"}),
    )
    unlisted = "https://moa.gov.cn/x"
    assert sources.admitted(unlisted, "open") == stand_in
    assert sources.admitted(unlisted, "closed") is None
    assert sources.admitted(unlisted, "other") is None
    assert sources.admitted("https://data.stats.gov.cn/", "open") == BUREAU
    assert sources.admitted("https://data.stats.gov.cn/", "closed") == BUREAU
    assert sources.admitted("https://data.stats.gov.cn/", "other") is None
    assert sources.admitted("https://evil.gov.cn/", "open") is None
    assert sources.admitted("https://example.com/", "open") is None
    assert sources.listed(unlisted) is None
    assert sources.select("open") == frozenset({"stats.gov.cn"})
    with pytest.raises(UnknownProfile):
        sources.admitted(unlisted, "opne")


def test_extra_files_add_and_replace_rows(tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text(
        HEADER
        + "127.0.0.1,Test server,reference,INT,en,other,2,0.70,,\n"
        + 'nature.com,"Nature, ours",science-publishing,GB,en,publisher,2,0.50,known,changed\n',
        encoding="utf-8",
    )
    # A byte order mark and CRLF, as spreadsheets write them, and columns in another order.
    second.write_bytes(
        "\ufefftier,id,name,sector,country,language,kind,authority,evidence,notes\r\n"
        "3,127.0.0.1,Test server,reference,INT,en,other,0.10,,\r\n".encode()
    )
    sources = SourceList.load([first, second])
    assert sources.get("nature.com").authority == 0.5
    assert sources.get("nature.com").name == "Nature, ours"
    assert (sources.get("127.0.0.1").tier, sources.get("127.0.0.1").authority) == (3, 0.1)
    assert len(sources.sources) == len(SourceList.load().sources) + 1
    assert sources.version != SourceList.load().version
    assert sources.listed("http://127.0.0.1:8765/x") == sources.get("127.0.0.1")


def test_a_faulty_extra_file_is_refused_naming_file_line_and_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "extra.csv"
    path.write_text(
        HEADER + "https://a.org/,A,reference,INT,en,other,2,0.7,,\n" + "b.org,,referenc,INT,en,other,9,seven,,\n",
        encoding="utf-8",
    )
    with pytest.raises(InvalidSourceList) as caught:
        SourceList.load([path])
    error = caught.value
    assert (error.file, error.line) == (str(path), 2)
    assert [problem.line for problem in error.problems] == [2, 3, 3, 3, 3]
    for fragment in (f"{path}:2: ", "scheme", f"{path}:3: name is empty", "'referenc'", "tier '9'", "'seven'"):
        assert fragment in str(error)


def test_a_list_is_the_same_after_a_way_through_json(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(HEADER + "127.0.0.1,Test server,reference,INT,en,other,2,0.70,known,Ours\n", encoding="utf-8")
    sent = SourceList.load([path])
    received = from_plain(json.loads(json.dumps(to_plain(sent))))
    assert received.version == sent.version
    assert (received.sources, received.profiles) == (sent.sources, sent.profiles)
    for url in (
        "http://127.0.0.1:8765/x",
        "https://www.unlisted-ministry.gov.cn/",
        "https://web.stanford.edu/~someone/",
        "https://someone.github.io/",
        "https://breitbart.com/",
    ):
        assert received.match(url) == sent.match(url), url
