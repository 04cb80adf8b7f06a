import random
from itertools import pairwise

import pytest

from crawler.passages import split
from crawler.settings import PassageSettings
from index.records import Block, Dated, Page, passage_id
from index.tokens import count_tokens

NOTHING: frozenset[int] = frozenset()
SETTINGS = PassageSettings(min_tokens=20, max_tokens=60)

ENGLISH = ["the", "rate", "of", "change", "in", "policy", "e.g.", "in", "3.14", "cases", "by", "Dr.", "Smith", "others"]
CHINESE = "本法所称的数据是指任何以电子或者其他方式对信息的记录国家保护个人和组织与有关的权益"


def page(*blocks: Block, language: str = "en") -> Page:
    return Page(
        url="https://example.org/page",
        source="example.org",
        title="Page",
        language=language,
        blocks=blocks,
        crawled=Dated("2026-01-01T00:00:00Z", "archive"),
    )


def paragraph(tokens: int, seed: str = "word") -> Block:
    return Block("paragraph", " ".join([seed] * tokens))


def heading(text: str, level: int) -> Block:
    return Block("heading", text, level)


def texts(page: Page, repeated: frozenset[int] = NOTHING) -> list[str]:
    return [passage.text for passage in split(page, repeated, SETTINGS)]


def test_short_neighbours_are_joined_until_they_are_long_enough() -> None:
    assert texts(page(paragraph(12, "a"), paragraph(12, "b"), paragraph(30, "c"))) == [
        paragraph(12, "a").text + "\n\n" + paragraph(12, "b").text,
        paragraph(30, "c").text,
    ]


def test_a_last_fragment_goes_to_its_predecessor_where_it_fits() -> None:
    assert len(texts(page(paragraph(30, "a"), paragraph(5, "b")))) == 1
    assert len(texts(page(paragraph(58, "a"), paragraph(5, "b")))) == 2


def test_no_passage_crosses_a_heading_and_each_carries_its_path() -> None:
    passages = split(
        page(
            paragraph(5, "intro"),
            heading("One", 1),
            paragraph(5, "a"),
            heading("One point one", 3),
            paragraph(5, "b"),
            heading("One point two", 2),
            paragraph(5, "c"),
            heading("Two", 1),
            heading("Two point one", 2),
            paragraph(5, "d"),
        ),
        NOTHING,
        SETTINGS,
    )
    assert [passage.heading_path for passage in passages] == [
        (),
        ("One",),
        ("One", "One point one"),
        ("One", "One point two"),
        ("Two", "Two point one"),
    ]
    assert [passage.ordinal for passage in passages] == [0, 1, 2, 3, 4]


def test_long_english_prose_is_cut_at_sentence_ends_into_even_pieces() -> None:
    sentence = "In 3.14 of all cases, e.g. those of Dr. Smith, the court found for the U.S. Government."
    found = texts(page(Block("paragraph", " ".join([f"{i} {sentence}" for i in range(6)]))))
    assert all(text.endswith("Government.") for text in found)
    lengths = [count_tokens(text) for text in found]
    assert max(lengths) <= 60
    assert max(lengths) < 2 * min(lengths)


def test_long_chinese_prose_is_cut_at_chinese_sentence_ends() -> None:
    found = texts(page(Block("paragraph", "".join(f"第{i}条，{CHINESE}。" for i in range(9))), language="zh"))
    assert len(found) > 2
    assert all(text.endswith("。") for text in found)
    assert {passage.language for passage in split(page(Block("paragraph", CHINESE)), NOTHING, SETTINGS)} == {"zh"}


def test_code_is_cut_at_lines_and_keeps_its_indentation() -> None:
    code = "\n".join(f"    call_{i}(first, second)  # does. Something." for i in range(30))
    found = texts(page(Block("code", code)))
    assert "\n".join(found) == code


def test_a_piece_without_any_break_is_cut_hard() -> None:
    found = split(page(Block("paragraph", "x" * 5000)), NOTHING, SETTINGS)
    # Equal texts on one page are one passage.
    assert {passage.text for passage in found} <= {"x" * 360, "x" * (5000 % 360)}
    mixed = texts(page(Block("table", " | ".join(f"cell{i}" for i in range(400)))))
    assert "".join(mixed).replace(" ", "") == "|".join(f"cell{i}" for i in range(400))


def test_a_lead_in_goes_with_what_it_leads_to() -> None:
    found = texts(
        page(paragraph(18, "before"), Block("paragraph", "For example:"), Block("code", "x = 1\n" * 14 + "y"))
    )
    assert found[-1].startswith("For example:\n\nx = 1")


def test_a_note_after_the_item_of_a_list_stays_with_the_item() -> None:
    found = texts(
        page(
            Block("list", "open(path)\n" + "opens " * 20),
            Block("paragraph", "New in version 3.3."),
            Block("list", "close()\n" + "closes " * 20),
        )
    )
    assert found[0].endswith("New in version 3.3.")
    assert found[1].startswith("close()")


def test_a_repeated_block_breaks_a_passage_and_is_in_none() -> None:
    banner = Block("paragraph", "Accept all cookies of this site now to continue reading the page")
    blocks = page(paragraph(5, "a"), banner, paragraph(5, "b"))
    assert texts(blocks, frozenset([banner.digest()])) == [paragraph(5, "a").text, paragraph(5, "b").text]
    assert split(page(banner, banner), frozenset([banner.digest()]), SETTINGS) == ()


def test_a_short_repeated_label_amid_the_text_stays() -> None:
    note = Block("paragraph", "Note")
    blocks = page(paragraph(5, "a"), note, paragraph(5, "b"))
    assert texts(blocks, frozenset([note.digest()])) == [blocks.text()]
    at_the_end = page(paragraph(5, "a"), paragraph(5, "b"), note)
    assert "Note" not in texts(at_the_end, frozenset([note.digest()]))[0]


def test_fragments_without_substance_and_repeated_texts_are_left_out() -> None:
    assert texts(page(heading("A", 1), Block("paragraph", "12 34 56 78 9"), heading("B", 1), paragraph(2))) == []
    twice = page(paragraph(30), heading("B", 1), paragraph(30))
    assert len(texts(twice)) == 1
    assert split(page(heading("Only a heading", 1)), NOTHING, SETTINGS) == ()


def random_text(dice: random.Random) -> str:
    words = [dice.choice(ENGLISH) if dice.random() < 0.7 else dice.choice(CHINESE) for _ in range(dice.randint(1, 300))]
    marks = dice.choices([" ", ". ", "。", "; ", "", "\n", "\n  "], [70, 8, 5, 3, 5, 5, 2], k=len(words))
    return "".join(word + mark for word, mark in zip(words, marks, strict=True)).strip() or "x"


def random_page(dice: random.Random) -> Page:
    kinds = dice.choices(["heading", "paragraph", "list", "table", "code", "quote"], [2, 8, 3, 1, 2, 1], k=25)
    return page(
        *(
            heading(f"Heading {number}", dice.randint(1, 6)) if kind == "heading" else Block(kind, random_text(dice))
            for number, kind in enumerate(kinds)
        )
    )


@pytest.mark.parametrize("seed", range(60))
def test_every_page_is_covered_in_order_within_bounds(seed: int) -> None:
    dice = random.Random(seed)
    whole = random_page(dice)
    settings = dice.choice([SETTINGS, PassageSettings(min_tokens=1, max_tokens=16), PassageSettings()])
    repeated = frozenset(block.digest() for block in whole.blocks[::7] if count_tokens(block.text) > 8)
    passages = split(whole, repeated, settings)
    text = whole.text()

    assert passages == split(whole, repeated, settings)
    assert len({passage.id for passage in passages}) == len(passages)
    for passage in passages:
        assert passage.text == text[passage.start : passage.end] == passage.text.rstrip()
        assert passage.id == passage_id(whole.url, passage.text)
        assert 3 <= passage.tokens == count_tokens(passage.text) <= settings.max_tokens
    for before, after in pairwise(passages):
        assert before.end <= after.start
        assert before.ordinal + 1 == after.ordinal

    covered = bytearray(len(text))
    for passage in passages:
        covered[passage.start : passage.end] = b"\1" * (passage.end - passage.start)
    known = {passage.text for passage in passages}
    for block, (start, end) in zip(whole.blocks, whole.spans(), strict=True):
        if block.kind == "heading" or block.digest() in repeated:
            assert not any(covered[start:end])
            continue
        missing = "".join(" " if covered[at] else text[at] for at in range(start, end)).split("  ")
        for fragment in filter(str.strip, missing):
            without_substance = count_tokens(fragment) < 3 or not any(map(str.isalpha, fragment))
            assert without_substance or fragment.strip() in known
