import random
from itertools import pairwise

import pytest

from index.sentences import sentence_ends
from index.tokens import count_tokens, cut, skip


def sentences(text: str) -> list[str]:
    ends = [0, *sentence_ends(text), len(text)]
    return [text[start:end].strip() for start, end in pairwise(ends)]


def test_words_digits_marks_and_characters_are_counted() -> None:
    assert count_tokens("") == count_tokens(" \n\t") == 0
    assert count_tokens("policy rate") == 2
    assert count_tokens("institutions") == 2
    assert count_tokens("12345.6") == 4
    assert count_tokens("x_y()") == 5


def test_chinese_takes_about_two_tokens_for_three_characters() -> None:
    dice = random.Random(1)
    text = "".join(chr(dice.randrange(0x4E00, 0x9FA5)) for _ in range(3000))
    assert 1900 <= count_tokens(text) <= 2100


def test_sentences_end_at_english_and_chinese_marks() -> None:
    assert sentences("It rose. Did it? “Yes!” It did.") == ["It rose.", "Did it?", "“Yes!”", "It did."]
    assert sentences("第一条。第二条；第三条！“第四条。”第五条") == [
        "第一条。",
        "第二条；",
        "第三条！",
        "“第四条。”",
        "第五条",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "It grew by 3.14 percent",
        "See e.g. Chapter two and Fig. 3 of Dr. Smith",
        "The U.S. Government and J. R. Jones",
        "It went on... and on",
        "1. The first item",
        "version 3.11.2 of the file setup.py",
    ],
)
def test_abbreviations_decimals_and_numbering_end_no_sentence(text: str) -> None:
    assert sentence_ends(text) == []


def test_a_cut_prefers_sentence_ends_then_words_then_characters() -> None:
    assert cut("One two three. Four five six seven", 6) == len("One two three.")
    assert cut("one two three four", 3) == len("one two three")
    assert cut("internationalisation of everything", 2) == 12
    assert cut("第一条规定。第二条规定了其他事项", 7) == len("第一条规定。")
    assert cut("one two", 100) == 7
    assert cut("one two", 0) == 0


@pytest.mark.parametrize("seed", range(40))
def test_a_text_is_read_part_by_part_without_loss(seed: int) -> None:
    dice = random.Random(seed)
    parts = ["word", "internationalisation", "汉字", "数据。", "3.14", "End.", "\n", "x" * 200, "(a|b)", "，", " "]
    text = "".join(dice.choice(parts) + dice.choice(["", " "]) for _ in range(300))
    read, tokens = "", 0
    while (start := skip(text, tokens)) < len(text):
        end = start + cut(text[start:], 25)
        assert 0 < count_tokens(text[start:end]) <= 25 or end == len(text)
        read += text[start:end]
        tokens += count_tokens(text[start:end])
    assert read == text
    assert tokens == count_tokens(text)
