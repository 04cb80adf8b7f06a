import csv
from collections import Counter
from importlib.resources import files

import pytest

from domain_lists.build import to_term
from domain_lists.records import Source
from domain_lists.source_list import SourceList
from domain_lists.tables import read_tables
from domain_lists.validator import check
from domain_lists.vocabulary import SECTORS

UNSHIPPABLE = {"mbfc", "newsguard", "citizenlab", "fairsharing", "rsp2021", "rsp2023", "rsp2026", "citeunseen"}
POPULARITY = {"majestic", "cc-hc-rank", "dr-reports", "tranco", "umbrella", "cloudflare", "moz500", "enwiki-cites"}


@pytest.fixture(scope="module")
def sources() -> tuple[Source, ...]:
    return SourceList.load().sources


def tokens(source: Source) -> set[str]:
    return {token.partition(":")[0] for token in source.evidence.split(";")}


def first_cells(name: str) -> list[str]:
    text = (files("domain_lists") / name).read_text(encoding="utf-8")
    return [row[0] for row in csv.reader(text.splitlines())][1:]


def test_the_bundled_data_is_valid() -> None:
    assert check() == []


def test_the_list_is_broad_and_nobody_drowns_the_others(sources: tuple[Source, ...]) -> None:
    sectors, countries = Counter(source.sector for source in sources), Counter(source.country for source in sources)
    assert len(sources) >= 1000
    assert sum(source.language == "zh" for source in sources) >= 200
    assert {source.tier for source in sources} == {1, 2, 3}
    assert set(sectors) == SECTORS
    assert min(sectors.values()) >= 15
    assert max(sectors.values()) <= 0.10 * len(sources)
    assert max(countries.values()) <= 0.30 * len(sources)
    assert len(countries) >= 35


CORNERSTONES = """
1 apache.org bis.org cdc.gov census.gov cninfo.com.cn congress.gov court.gov.cn cve.org debian.org developer.mozilla.org
1 docs.python.org ec.europa.eu/eurostat ecb.europa.eu eia.gov ema.europa.eu eur-lex.europa.eu fda.gov federalreserve.gov
1 gov.cn gov.uk httpd.apache.org hunan.gov.cn iana.org icao.int ietf.org ilo.org imf.org iso.org itu.int kernel.org
1 legislation.gov.uk moe.gov.cn nasa.gov ncbi.nlm.nih.gov nhs.uk nice.org.uk nih.gov nist.gov noaa.gov npc.gov.cn
1 nvd.nist.gov oecd.org ons.gov.uk pbc.gov.cn postgresql.org pubmed.ncbi.nlm.nih.gov rfc-editor.org sec.gov sse.com.cn
1 stats.gov.cn szse.cn un.org unesco.org unicode.org usgs.gov uspto.gov w3.org whitehouse.gov who.int wipo.int
1 worldbank.org wto.org
2 arxiv.org blogs.worldbank.org bmj.com britannica.com cas.cn cnki.net cochrane.org cochranelibrary.com jamanetwork.com
2 mit.edu nature.com nejm.org plato.stanford.edu pnas.org science.org thelancet.com tsinghua.edu.cn
3 apnews.com bbc.com reuters.com web.archive.org wikipedia.org xinhuanet.com
"""


def test_cornerstones_are_listed() -> None:
    loaded = SourceList.load()
    for tier, *ids in map(str.split, CORNERSTONES.strip().splitlines()):
        for source_id in ids:
            assert loaded.get(source_id).tier == int(tier), source_id


def test_no_newsroom_is_above_an_office_of_statistics(sources: tuple[Source, ...]) -> None:
    lowest = min(source.authority for source in sources if source.kind == "statistics")
    assert max(source.authority for source in sources if source.kind == "news") < lowest


def test_each_profile_selects_a_part_of_the_list() -> None:
    loaded = SourceList.load()
    assert set(loaded.profiles) >= {
        "medicine", "law", "finance", "statistics", "science", "standards", "software", "government-us",
        "government-cn", "finance-zh", "news", "encyclopaedic",
    }  # fmt: skip
    for name in loaded.profiles:
        selected = loaded.select(name)
        assert selected is not None
        share = 0.7 if name == "primary" else 0.3
        assert 10 <= len(selected) < share * len(loaded.sources), name


def test_a_profile_admits_unlisted_hosts_under_the_suffixes_it_allows() -> None:
    loaded = SourceList.load()
    ministry = loaded.admitted("https://www.unlisted-ministry.gov.cn/x", "government-cn")
    assert ministry is not None
    assert (ministry.id, ministry.tier, ministry.authority) == ("suffix:gov.cn", 1, 0.78)
    assert loaded.admitted("https://www.unlisted-ministry.gov.cn/x", "law-zh") is None
    assert loaded.admitted("https://www.unlisted-agency.gov/", "government-us") is not None
    assert loaded.admitted("https://bbs.unlisted.gov.cn/", "government-cn") is None


def test_profiles_of_governments_hold_public_bodies_of_that_country_alone() -> None:
    loaded = SourceList.load()
    terms = {row.cells["id"]: set(row.cells["terms"].split(";")) for row in read_tables().sources[0]}
    for name, country in (("cn", "CN"), ("eu", "EU"), ("gb", "GB"), ("us", "US")):
        for source_id in loaded.select(f"government-{name}") or ():
            assert loaded.get(source_id).country == country, source_id
            assert terms[source_id] & {"public-body", "intergovernmental", "legal-mandate"}, source_id
    assert not {"coe.int", "epo.org", "esa.int", "eurocontrol.int"} & (loaded.select("government-eu") or set())


@pytest.mark.parametrize(
    "url",
    [
        "https://aur.archlinux.org/packages/x",
        "https://bugzilla.mozilla.org/show_bug.cgi?id=1",
        "https://cwiki.apache.org/confluence/display/X",
        "https://discussions.apple.com/thread/1",
        "https://faculty.ustc.edu.cn/someone/zh_CN/index.htm",
        "https://hackage.haskell.org/package/x",
        "https://learn.microsoft.com/en-us/answers/questions/1/x",
        "https://pkg.go.dev/example.org/x",
        "https://scholar.harvard.edu/someone",
        "https://techcommunity.microsoft.com/t5/x",
        "https://www.postgresql.org/message-id/x",
        "https://web.stanford.edu/~someone/",
    ],
)
def test_what_anyone_writes_below_a_listed_host_is_no_source(url: str) -> None:
    loaded = SourceList.load()
    match = loaded.match(url)
    assert match is not None
    assert match.rule == "user-generated"
    assert match.source.authority <= 0.60
    assert loaded.listed(url) is None


def test_files_are_sorted() -> None:
    for name in ("sources.csv", "suffixes.csv", "denied.csv", "overrides.csv", "user_generated.csv", "quotas.csv"):
        assert first_cells(name) == sorted(first_cells(name)), name
    assert list(SourceList.load().profiles) == sorted(SourceList.load().profiles)


def test_tiers_overlap_only_where_something_speaks_against_a_source() -> None:
    tables = read_tables()
    terms = {row.cells["term"]: to_term(row) for row in tables.terms}
    lowest = {tier: min(t.value for t in terms.values() if t.effect == "base" and t.tier == tier) for tier in (1, 2, 3)}
    for row in tables.sources[0]:
        tier, authority = int(row.cells["tier"]), float(row.cells["authority"])
        against = [t for t in map(terms.get, row.cells["terms"].split(";")) if t and (t.effect == "cap" or t.value < 0)]
        if not against:
            assert authority >= lowest[tier], row.cells["id"]
        assert tier == 1 or authority < lowest[tier - 1], row.cells["id"]


def test_every_row_can_be_explained(sources: tuple[Source, ...]) -> None:
    """By the arithmetic of the README, done here once more in whole hundredths."""
    tables = read_tables()
    values = {row.cells["term"]: (row.cells["effect"], round(100 * float(row.cells["value"]))) for row in tables.terms}
    overridden = {row.cells["id"]: float(row.cells["authority"]) for row in tables.overrides}
    by_id = {source.id: source for source in sources}
    for row in tables.sources[0]:
        parts = [values[name] for name in row.cells["terms"].split(";")]
        total = sum(value for effect, value in parts if effect != "cap")
        expected = min([total, *(value for effect, value in parts if effect == "cap")]) / 100
        assert by_id[row.cells["id"]].authority == overridden.get(row.cells["id"], expected), row.cells["id"]
    assert len(overridden) <= 10


def test_evidence_may_ship_and_popularity_is_none(sources: tuple[Source, ...]) -> None:
    documented = set(first_cells("evidence.csv"))
    assert not documented & POPULARITY
    for source in sources:
        assert not tokens(source) & (UNSHIPPABLE | POPULARITY), source.id
        assert tokens(source) <= documented, source.id


def test_newsrooms_earn_nothing_by_being_registered(sources: tuple[Source, ...]) -> None:
    registries = {row.cells["token"] for row in read_tables().evidence if row.cells["use"] == "registry"}
    assert not [source.id for source in sources if source.kind == "news" and tokens(source) & registries]


def test_ratings_without_an_observed_value_are_not_used(sources: tuple[Source, ...]) -> None:
    assert not [source.id for source in sources if "/n0" in source.evidence]


def test_the_readme_gives_every_term_with_its_value() -> None:
    readme = (files("domain_lists") / "README.md").read_text(encoding="utf-8")
    for row in read_tables().terms:
        value = f"{float(row.cells['value']):+.2f}" if row.cells["effect"] == "add" else row.cells["value"]
        assert f"| `{row.cells['term']}` | {value} |" in readme, row.cells["term"]
        assert row.cells["meaning"] in readme


def test_the_readme_names_every_file() -> None:
    folder = files("domain_lists")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for entry in folder.iterdir():
        if entry.name.endswith((".py", ".csv", ".toml")) and entry.name != "__init__.py":
            assert f"`{entry.name}`" in readme, entry.name
