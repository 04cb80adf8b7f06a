"""The console marks what the lexical arm matches: stems of words, pairs of Chinese characters."""

import pytest
from records import small_pages

from index.analysis import index_terms, is_function_word
from service.console.highlight import highlight, query_terms


def marked(text: str, query: str) -> list[str]:
    return [piece.text for piece in highlight(text, query_terms(query)) if piece.matches]


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("inflation targets", "Inflation: targeting it, re-target.", ["Inflation", "targeting", "target"]),
        ("the rate of GDP", "the rates of ＧＤＰ", ["rates", "ＧＤＰ"]),
        ("who is the", "who is it", ["who", "is"]),
        ("预防麻疹", "預防麻疹，麻煩的疹子可防", ["預防麻疹"]),
        ("如何接种", "如何预防？接种。", ["接种"]),
        ("税", "税收和税", ["税", "税"]),
        ("税收", "税和收", []),
        ("policy 利率", "政策利率 Policy", ["利率", "Policy"]),
        ("q", "", []),
        ("!", "no words asked for!", []),
    ],
)
def test_words_and_pairs_that_match_are_marked(query: str, text: str, found: list[str]) -> None:
    assert marked(text, query) == found


@pytest.mark.parametrize(
    "text", ["ﬁnal ①½ e\u0301", "か\u3099が ゟ", "👩‍🔬 麻\ud800疹", "a_b-c\n\n<b>&amp;", "x" * 200]
)
def test_the_pieces_joined_are_the_text(text: str) -> None:
    pieces = highlight(text, query_terms("final 麻疹 b か\u3099 x"))
    assert "".join(piece.text for piece in pieces) == text


@pytest.mark.parametrize("query", ["what is the policy rate", "麻疹疫苗要接种几剂", "逆回購 counterfeit banknotes"])
def test_a_text_has_marks_just_where_it_shares_a_telling_term_with_the_query(query: str) -> None:
    terms = {term for term in index_terms(query) if not is_function_word(term) and (term.isascii() or len(term) == 2)}
    for page in small_pages():
        assert bool(marked(page.text(), query)) == bool(terms & set(index_terms(page.text())))
