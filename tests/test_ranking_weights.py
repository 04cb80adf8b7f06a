import pytest

from ranking.settings import RankingSettings
from ranking.weights import dense_weight, is_chinese


@pytest.mark.parametrize("query", ["政策利率", "GDP 增长率", "2024年 CPI 同比涨幅", "繁體中文查詢"])
def test_queries_of_han_characters_are_chinese(query: str) -> None:
    assert is_chinese(query)


@pytest.mark.parametrize(
    "query",
    ["policy rate", "What does 利率 mean in English?", "日本銀行の金利", "カタカナ漢字", "금리", "", "2024 + 1", "!?"],
)
def test_other_queries_are_not(query: str) -> None:
    assert not is_chinese(query)


def test_a_third_of_the_letters_is_enough() -> None:
    assert is_chinese("利率 abcd")
    assert not is_chinese("利率 abcde")


def test_each_kind_of_query_has_its_weight() -> None:
    settings = RankingSettings(dense_weight=0.25, dense_weight_chinese=0.75)
    assert dense_weight("policy rate", settings) == 0.25
    assert dense_weight("政策利率", settings) == 0.75
