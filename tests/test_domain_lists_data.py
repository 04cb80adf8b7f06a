import csv
import re
from importlib.resources import files

import pytest

from domain_lists.records import Source
from domain_lists.source_list import SourceList
from domain_lists.validator import check

TIER_BASE = {1: 0.90, 2: 0.78, 3: 0.60, 4: 0.35}
UNSHIPPABLE = {"mbfc", "newsguard", "citizenlab", "fairsharing", "rsp2021", "rsp2023", "rsp2026", "citeunseen"}
WEAK = {"suffix", "parent", "kagi", "known"}


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


def test_the_list_is_broad_enough(sources: tuple[Source, ...]) -> None:
    assert len(sources) >= 100
    assert sum(source.language == "zh" for source in sources) >= 30
    assert len({source.sector for source in sources}) >= 15
    assert len(SourceList.load().profiles) >= 6


@pytest.mark.parametrize(
    ("source_id", "tier"),
    [
        ("blogs.worldbank.org", 2),
        ("debian.org", 1),
        ("docs.python.org", 1),
        ("httpd.apache.org", 1),
        ("hunan.gov.cn", 1),
        ("kernel.org", 1),
        ("nature.com", 2),
        ("postgresql.org", 1),
        ("pubmed.ncbi.nlm.nih.gov", 1),
        ("stats.gov.cn", 1),
        ("web.archive.org", 3),
        ("whitehouse.gov", 1),
        ("worldbank.org", 1),
    ],
)
def test_cornerstones_are_listed(source_id: str, tier: int) -> None:
    assert SourceList.load().get(source_id).tier == tier


@pytest.mark.parametrize(
    "profile", ["finance", "government-cn", "law", "medicine", "news", "science", "software", "statistics"]
)
def test_a_profile_selects_a_part_of_the_list(profile: str) -> None:
    loaded = SourceList.load()
    selected = loaded.select(profile)
    assert selected is not None
    assert 10 <= len(selected) < len(loaded.sources) / 2


def test_files_are_sorted() -> None:
    for name in ("sources.csv", "suffixes.csv", "denied.csv"):
        assert first_cells(name) == sorted(first_cells(name)), name
    assert list(SourceList.load().profiles) == sorted(SourceList.load().profiles)


def test_authority_follows_the_documented_base_and_caps(sources: tuple[Source, ...]) -> None:
    for source in sources:
        assert source.authority <= TIER_BASE[source.tier], source.id
        if tokens(source) <= WEAK:
            assert source.authority <= 0.85, source.id
        if "preprints" in source.notes:
            assert source.authority <= 0.65, source.id
        if re.search(r"\bstate (news agency|broadcaster|newspaper)|party newspaper|user-edited|wiki", source.notes):
            assert source.authority <= 0.78, source.id


def test_every_source_has_evidence_that_may_ship_and_the_readme_explains(sources: tuple[Source, ...]) -> None:
    readme = (files("domain_lists") / "README.md").read_text(encoding="utf-8")
    documented = readme[readme.index("## Evidence") :]
    for source in sources:
        assert not tokens(source) & UNSHIPPABLE, source.id
        for token in tokens(source):
            assert re.search(rf"\b{token}\b", documented), (source.id, token)


def test_ratings_without_an_observed_value_are_not_used(sources: tuple[Source, ...]) -> None:
    assert not [source.id for source in sources if "/n0" in source.evidence]


def test_the_readme_names_every_file() -> None:
    folder = files("domain_lists")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for entry in folder.iterdir():
        if entry.name.endswith((".py", ".csv", ".toml")) and entry.name != "__init__.py":
            assert f"`{entry.name}`" in readme, entry.name
