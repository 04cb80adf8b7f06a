import pytest

from index.analysis import index_terms as terms
from index.analysis import is_function_word


def test_english_is_lower_cased_and_stemmed() -> None:
    assert terms("Banks LEND; banking, banked: the bank's Rates") == [
        "bank",
        "lend",
        "bank",
        "bank",
        "the",
        "bank",
        "s",
        "rate",
    ]


def test_chinese_gives_characters_then_pairs() -> None:
    assert terms("中央银行") == ["中", "央", "银", "行", "中央", "央银", "银行"]
    assert terms("利") == ["利"]
    assert terms("利率。税") == ["利", "率", "利率", "税"]


def test_a_year_in_chinese_digits_is_one_run() -> None:
    assert "二〇" in terms("二〇二四年")
    assert "〇二" in terms("二〇二四年")
    assert "人々" in terms("人々")


def test_scripts_part_where_they_meet() -> None:
    assert terms("GDP增长2.5%") == ["gdp", "增", "长", "增长", "2", "5"]


def test_full_width_forms_fold_to_the_plain_ones() -> None:
    assert terms("ＧＤＰ２０２４") == terms("GDP2024") == ["gdp2024"]
    assert terms("ｶﾅ") == terms("カナ") == ["カ", "ナ", "カナ"]


def test_traditional_and_simplified_characters_are_the_same_terms() -> None:
    assert terms("銀行") == terms("银行") == ["银", "行", "银行"]
    assert terms("發展與頭髮") == terms("发展与头发")


def test_words_that_hold_a_sentence_together_are_told_from_its_topic() -> None:
    assert [term for term in terms("What is the having of inflation?") if not is_function_word(term)] == ["inflat"]
    assert [term for term in terms("通脹是什麼") if not is_function_word(term)] == ["通", "胀", "通胀", "胀是"]


@pytest.mark.parametrize(("text", "expected"), [
    ("ﬁnance", ["financ"]),
    ("Straße", ["strass"]),
    ("naïve café", ["naïv", "café"]),
    ("snake_case", ["snake", "case"]),
    ("금리 인상", ["금리", "인상"]),
    ("ставка", ["ставка"]),
])  # fmt: skip
def test_other_letters_are_folded_and_kept(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize("text", ["", " \n", "!?…—。，", "_"])
def test_text_without_letters_has_no_terms(text: str) -> None:
    assert terms(text) == []


def test_overlong_words_are_dropped_and_rare_planes_kept() -> None:
    assert terms(f"short {'x' * 65} {'z' * 60}") == ["short", "z" * 60]
    assert terms("𠮷野") == ["𠮷", "野", "𠮷野"]
