"""Hosts that no row covers, under a restricted suffix that the settings allow: sources with the suffix's score."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from records import LetterEncoder

from authority_search.models import SearchReply, SearchRequest
from crawler.archive import ArchiveWriter
from crawler.scope import Scope, default_start
from domain_lists.errors import InvalidSourceList, UnknownSource
from domain_lists.explain import Explainer
from domain_lists.plain import from_plain, to_plain
from domain_lists.source_list import SourceList
from ranking.settings import RankingSettings
from service.pipeline import open_store, run_ingest, run_publish
from service.searcher import Searcher
from service.settings import Settings, load_settings

MINISTRY = "unlisted-ministry.gov.cn"
PROSE = "The ministry reports that wheat was harvested on more land than in any of the ten years before this one. "


@pytest.fixture(scope="module")
def allowing() -> SourceList:
    return SourceList.load(allowed_suffixes=["gov.cn", "admin.ch"])


def test_a_host_is_a_source_one_label_below_its_suffix_with_the_suffix_score(allowing: SourceList) -> None:
    found = [allowing.listed(f"https://{host}/a") for host in (MINISTRY, f"www.{MINISTRY}", f"x.y.{MINISTRY}")]
    assert [(one.id, one.tier, one.authority) for one in found if one] == [(MINISTRY, 1, 0.78)] * 3
    (explained,) = Explainer().explain(MINISTRY)
    assert (explained.score.tier, explained.score.authority) == (1, 0.78)
    # admin.ch is one registrable domain, and yet each body under it speaks for itself.
    body = allowing.listed("https://docs.unlisted-body.admin.ch/")
    assert body
    assert body.id == "unlisted-body.admin.ch"


def test_the_rules_for_everything_else_stay(allowing: SourceList) -> None:
    listed = allowing.listed("https://unlisted.stats.gov.cn/")
    assert listed
    assert listed.id == "stats.gov.cn"
    for url in (
        f"https://{MINISTRY}/~li/",
        f"https://{MINISTRY}.com/",
        "https://unlisted.gov.uk/",
        "https://mit.edu/~x",
    ):
        assert allowing.listed(url) is None
    assert SourceList.load().listed(f"https://{MINISTRY}/") is None
    denied = SourceList((), (), allowing.suffixes, [MINISTRY], allowed_suffixes=["gov.cn"])
    assert denied.listed(f"https://{MINISTRY}/") is None
    with pytest.raises(UnknownSource):
        SourceList.load().get(MINISTRY)
    with pytest.raises(InvalidSourceList, match=r"'gov\.cm' is not in suffixes\.csv"):
        SourceList.load(allowed_suffixes=["gov.cm"])


def test_one_can_be_crawled_by_its_id_alone_and_travels_with_the_list(allowing: SourceList) -> None:
    carried = from_plain(json.loads(json.dumps(to_plain(allowing))))
    assert carried.version == allowing.version != SourceList.load().version
    scope = Scope(carried, [carried.get(MINISTRY).id], allow_private_addresses=False)
    assert scope.decide(default_start(MINISTRY)).source == MINISTRY
    # Another host is another source, and a link to it begins nothing.
    assert scope.decide("https://other-ministry.gov.cn/").reason == "other source"


def settings_in(folder: Path, *suffixes: str) -> Settings:
    file = folder / "settings.toml"
    file.write_text(f"data_dir = {json.dumps(str(folder / 'data'))}\nsource_suffixes = {json.dumps(suffixes)}\n")
    return load_settings(file)


def test_archived_pages_of_one_are_found_by_profiles_that_allow_its_suffix(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path / "archive") as archive:
        for host in (MINISTRY, "stats.gov.cn", "unlisted.example.org"):
            body = f"<html><body><h1>Harvest of {host}</h1><p>{PROSE * 3}</p></body></html>".encode()
            archive.write(f"https://{host}/a", 200, "", [("Content-Type", "text/html")], body, datetime.now(UTC))
    settings = settings_in(tmp_path, "gov.cn")
    done = run_ingest(settings, [tmp_path / "archive/00000.warc.gz"])
    assert (done.ingested.pages.new, done.ingested.skipped) == (2, {"not listed": 1})
    run_publish(settings, LetterEncoder)

    def search(**request: object) -> SearchReply:
        wanted = SearchRequest.model_validate({"queries": ["wheat harvest"], "max_tokens": None, **request})
        return Searcher(open_store(settings).open(), LetterEncoder(), RankingSettings()).search(wanted)

    def excluded(**request: object) -> int | None:
        return search(**request).excluded_passages

    assert excluded(profile="government-cn") == excluded() == 0
    # `chinese` has the country's statistics, but allows no suffix.
    assert excluded(profile="chinese") == 1
    only = search(sources={"include": [MINISTRY]}).results[0].hits
    assert [(hit.source.id, hit.source.authority) for hit in only] == [(MINISTRY, 0.78)]

    run_publish(settings_in(tmp_path), LetterEncoder, force=True)
    assert [hit.source.id for hit in search().results[0].hits] == ["stats.gov.cn"]
