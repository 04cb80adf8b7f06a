import pytest

from index.likeness import LEAST_RESEMBLANCE, facts, names, outline, resemblance, shingles, text_hash, words

REPORT = (
    "The regional office said on Monday that the bridge across the river had been closed to traffic because "
    "engineers found cracks in 3.5 percent of the bolts, and that it may open again when the work is done. "
    "Drivers are asked to take the road along the northern bank, where the ferry to Lowport still runs."
)
REPORT_ZH = (
    "地区办公室周一表示，由于工程师在螺栓中发现裂缝，跨河大桥已停止通行，工程完成后方可重新开放。请司机绕行北岸公路。"
)


def alike(one: str, other: str) -> float:
    there, back = resemblance(outline(one), outline(other)), resemblance(outline(other), outline(one))
    assert there == back
    return there


def test_texts_that_differ_in_case_and_space_have_one_hash() -> None:
    assert text_hash("Some  Text\n") == text_hash("some text") == text_hash("SOME TEXT")
    assert text_hash("some text") != text_hash("sometext")
    assert text_hash("利率") != text_hash("利 率")


def test_resemblance_is_the_share_of_word_triples() -> None:
    # 22 words have 20 triples; two words more at the end make two triples more.
    text = " ".join(f"word{chr(97 + n)}" for n in range(22))
    assert alike(text, text + " and so") == pytest.approx(20 / 22)
    # A word exchanged in the middle takes its three triples and brings three others.
    assert alike(text, text.replace("wordk", "other")) == pytest.approx(17 / 23)


def test_triples_are_of_words_and_in_chinese_of_characters() -> None:
    assert shingles(words("A-b c, d!")) == ["a b c", "b c d", "c d !"]
    assert shingles(words("央行加息。")) == ["央 行 加", "行 加 息"]
    assert (shingles(words("Two words")), shingles(words("…"))) == (["two words"], [])


@pytest.mark.parametrize(
    "copy",
    [
        REPORT.replace(", ", " ,\n").replace(". ", " . "),
        f"As the agency reports: {REPORT}",
        f"{REPORT} Read the whole story at our partner.",
        REPORT.replace("because", "since"),
        REPORT.replace("traffic", "trafic"),
    ],
)
def test_a_copy_with_small_changes_is_a_near_duplicate(copy: str) -> None:
    assert alike(REPORT, copy) >= LEAST_RESEMBLANCE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("3.5", "2.5"),
        ("3.5", "-3.5"),
        ("3.5", "35"),
        ("3.5 percent", "€3.5"),
        ("may open", "must open"),
        ("had been", "had not been"),
        ("it may", "it doesn't and may"),
        ("Monday", "Tuesday"),
        ("Lowport", "Highport"),
        ("percent of", "percent of all IV"),
    ],
)
def test_other_facts_or_names_are_another_text(old: str, new: str) -> None:
    assert old in REPORT
    assert alike(REPORT, REPORT.replace(old, new)) == 0


def test_numbers_in_another_order_are_other_facts() -> None:
    filler = " ".join(f"word{chr(97 + n)}" for n in range(26))
    assert alike(f"{filler} from 2 to 3", f"{filler} from 3 to 2") == 0


@pytest.mark.parametrize(
    "copy", [REPORT_ZH.replace("，", ",").replace("。", ". "), f"本报讯：{REPORT_ZH}", f"{REPORT_ZH}（编辑：王明）"]
)
def test_chinese_may_be_added_to(copy: str) -> None:
    assert alike(REPORT_ZH, copy) >= LEAST_RESEMBLANCE


@pytest.mark.parametrize(
    ("old", "new"), [("周一", "周二"), ("北岸", "南岸"), ("已停止", "未停止"), ("停止", "不停止"), ("大桥", "二桥")]
)
def test_chinese_may_not_be_exchanged_or_denied(old: str, new: str) -> None:
    assert old in REPORT_ZH
    assert alike(REPORT_ZH, REPORT_ZH.replace(old, new)) == 0


def test_a_short_text_is_only_like_itself() -> None:
    short = " ".join(f"word{chr(97 + n)}" for n in range(21))
    assert alike(short, f"{short} errata") == 0
    assert alike(short, f"{short}!".replace(" ", ", ").replace("!", ".")) == 1
    assert alike("Available.", "available") == 1
    assert alike("Available.", "Not available.") == 0


def test_texts_without_words_are_alike_to_nothing() -> None:
    assert alike("…", "—") == 0


def test_signs_of_code_are_facts() -> None:
    assert alike("if (a < b) return x;", "if (a > b) return x;") == 0
    assert alike("if (a) return x;", "if (!a) return x;") == 0


def test_facts_and_names_in_their_order() -> None:
    text = "In 2024, the Bank of Japan did not raise rates by 1,000.5 or -2 %. It may (see Article IV) use IPv6."
    assert facts(words(text)) == ("2024", "not", "1,000.5", "-2", "%", "may", "iv", "ipv6")
    assert names(text) == ("Bank", "Japan", "Article", "IV", "IPv6")
    assert names("利率 rose") == ("利", "率")
