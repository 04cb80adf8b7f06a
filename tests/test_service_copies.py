"""One text on several hosts, equal or nearly so, through the real searcher: one hit, and all copies named."""

from typing import Any

import pytest
from records import BANK, FORUM, JOURNAL, LetterEncoder, build_and_publish, make_page, small_sources

from authority_search.models import QueryResult, SearchRequest
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.searcher import Searcher

_NEWS = (
    "The committee raised the policy rate by 0.25 points on Thursday, since prices rose faster than it had expected, "
    "and said that further steps depend on wages and on the price of energy over the coming winter months."
)
_NEWS_ZH = "委员会周四将政策利率上调百分之零点二五，原因是物价涨幅超出预期，并表示后续措施取决于工资和今冬能源价格。"


@pytest.fixture(scope="module")
def syndicated(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """A searcher over news of the bank that a journal and a forum carry on, and that the forum also twists."""
    pages = [
        make_page(f"https://{BANK}/news", _NEWS, _NEWS_ZH, "Reserves earn the deposit rate."),
        make_page(f"https://{JOURNAL}/copy", f"As the bank announced: {_NEWS}", f"本刊讯：{_NEWS_ZH}"),
        make_page(
            f"https://{FORUM}/a", f"{_NEWS.replace('committee', 'comittee')}", "Reserves   EARN the deposit rate."
        ),
        make_page(f"https://{FORUM}/b", _NEWS.replace("0.25", "0.75"), _NEWS_ZH.replace("上调", "下调")),
        make_page(f"https://{FORUM}/c", _NEWS.replace("depend", "do not depend")),
    ]
    root = tmp_path_factory.mktemp("syndicated")
    build_and_publish(root, pages, small_sources(), LetterEncoder())
    return Searcher(SnapshotStore(DataFolder(root)).open(), LetterEncoder(), RankingSettings())


def ask(searcher: Searcher, query: str, **options: Any) -> QueryResult:
    options = {"top_k": 100, "max_tokens": None, "max_per_page": None} | options
    (result,) = searcher.search(SearchRequest(queries=[query], **options)).results
    return result


@pytest.mark.parametrize("authority", ["tie", "boost"])
def test_near_duplicates_are_one_hit_under_the_most_trusted_and_name_the_others_by_trust(
    syndicated: Searcher, authority: str
) -> None:
    result = ask(syndicated, "committee raised the policy rate", authority=authority)
    also_at = {hit.url: hit.also_at for hit in result.hits if hit.text.startswith(_NEWS[:20])}
    assert also_at == {
        f"https://{BANK}/news": [f"https://{JOURNAL}/copy", f"https://{FORUM}/a"],
        f"https://{FORUM}/b": [],
        f"https://{FORUM}/c": [],
    }
    assert len(result.hits) + result.folded == result.candidates


def test_chinese_near_duplicates_fold_and_a_changed_word_does_not(syndicated: Searcher) -> None:
    hits = ask(syndicated, "委员会 政策利率 上调").hits
    also_at = {hit.url: hit.also_at for hit in hits if "委员会周四" in hit.text}
    assert also_at == {f"https://{BANK}/news": [f"https://{JOURNAL}/copy"], f"https://{FORUM}/b": []}


def test_a_short_text_folds_with_its_equal(syndicated: Searcher) -> None:
    hits = ask(syndicated, "reserves earn the deposit rate").hits
    assert (hits[0].url, hits[0].also_at) == (f"https://{BANK}/news", [f"https://{FORUM}/a"])


def test_without_authority_the_best_copy_is_shown_and_no_copy_is_lost(syndicated: Searcher) -> None:
    result = ask(syndicated, f"As the bank announced: {_NEWS}", authority="off")
    assert result.hits[0].url == f"https://{JOURNAL}/copy"
    assert set(result.hits[0].also_at) == {f"https://{BANK}/news", f"https://{FORUM}/a"}


def test_a_copy_stands_for_itself_where_the_trusted_source_is_filtered_out(syndicated: Searcher) -> None:
    wanted = {"include": [FORUM, JOURNAL]}
    hits = ask(syndicated, "committee raised the policy rate", sources=wanted).hits
    assert {hit.url: hit.also_at for hit in hits if hit.also_at} == {f"https://{JOURNAL}/copy": [f"https://{FORUM}/a"]}
