import gc
import math
import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from index.analysis import joined_terms
from index.lexical import FIELD_WEIGHTS, FUNCTION_WORD_WEIGHT, MAX_QUERY_TERMS, PADDING, LexicalIndex, LexicalWriter

K1, B = 1.2, 0.75
Row = tuple[str, Sequence[str], str]


def build(path: Path, rows: Sequence[Row]) -> LexicalIndex:
    writer = LexicalWriter(path)
    for number, (title, headings, text) in enumerate(rows):
        writer.add(number, title, headings, joined_terms(text))
    writer.finish()
    return LexicalIndex(path)


def texts(path: Path, *contents: str) -> LexicalIndex:
    return build(path, [("", (), content) for content in contents])


def fields(row: Row) -> dict[str, list[str]]:
    title, headings, text = row
    parts = (title, *headings, text)
    return {
        "all": " ".join(parts).split() + ["_"] * PADDING,
        "title": title.split(),
    }


def bm25(rows: Sequence[Row], query: str) -> list[float]:
    """Robertson's BM25 with the idf of Lucene and Tantivy, summed over the fields. Words must be their own stems."""
    scores = [0.0] * len(rows)
    for field, weight in FIELD_WEIGHTS.items():
        documents = [fields(row)[field] for row in rows]
        average = sum(map(len, documents)) / len(documents)
        for word in query.split():
            holding = sum(word in document for document in documents)
            idf = math.log(1 + (len(rows) - holding + 0.5) / (holding + 0.5))
            for number, document in enumerate(documents):
                if frequency := document.count(word):
                    length = K1 * (1 - B + B * len(document) / average)
                    scores[number] += weight * idf * frequency * (K1 + 1) / (frequency + length)
    return scores


@pytest.mark.parametrize("seed", range(4))
def test_scores_and_order_are_those_of_bm25(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    words = [f"w{number}" for number in range(9)]
    # Up to 40 terms with the padding: Tantivy keeps lengths in one byte, exact to there.
    rows = [
        (
            " ".join(dice.choices(words, k=dice.randrange(3))),
            [" ".join(dice.choices(words, k=1)) for _ in range(dice.randrange(2))],
            " ".join(dice.choices(words, k=dice.randrange(1, 6))),
        )
        for _ in range(50)
    ]
    index = build(tmp_path / "index", rows)
    for query in ("w1", "w2 w3 w4", "w5 w5 w6", "w7 unknown", " ".join(words)):
        expected = np.array(bm25(rows, query))
        found, scores = index.search(query, 50)
        assert len(found) == (expected > 0).sum()
        assert scores == pytest.approx(expected[found], rel=1e-5)
        assert np.all(np.diff(scores) <= 0)
        assert expected[found] == pytest.approx(np.sort(expected[expected > 0])[::-1], rel=1e-5)


def test_one_score_computed_by_hand(tmp_path: Path) -> None:
    index = texts(tmp_path / "index", "rate rate rise", "rise", "fall fall fall fall")
    # "rate": in 1 of 3 texts, idf = ln(1 + 2.5/1.5) = 0.980829; length 3 + 24 of average 8/3 + 24; twice:
    # 0.980829 · 2 · 2.2 / (2 + 1.2 · (0.25 + 0.75 · 27 / 26.666667)) = 4.315649 / 3.211250 = 1.343915
    rows, scores = index.search("rate", 10)
    assert (rows.tolist(), scores.tolist()) == ([0], [pytest.approx(1.343915, rel=1e-5)])


def test_the_ceiling_is_what_a_passage_of_nothing_else_nears_and_no_score_exceeds_it(tmp_path: Path) -> None:
    index = texts(tmp_path / "index", *["other words"] * 9, "rate " * 400, "rise of the rate", "the rise")
    # "rate" is in 2 of 12 texts, "rise" in 2, "the" in 2 and counts a fifth: idf = ln(1 + 10.5/2.5) = 1.648659.
    assert index.ceiling("rate") == pytest.approx(1.648659 * 2.2, rel=1e-5)
    assert index.ceiling("rate rise rate the") == pytest.approx(1.648659 * 2.2 * 3.2, rel=1e-5)
    assert index.ceiling("?!") == 0
    found, scores = index.search("rate", 1)
    assert found.tolist() == [9]
    assert 0.7 * index.ceiling("rate") < scores[0] < index.ceiling("rate")
    # A word that no passage has is the rarest of all.
    assert index.ceiling("unknown") == pytest.approx(math.log(1 + 12.5 / 0.5) * 2.2, rel=1e-5)


def test_function_words_count_a_fifth_and_still_find(tmp_path: Path) -> None:
    index = texts(tmp_path / "index", "where", "bank", "other")
    (_, [where]), (_, [bank]) = index.search("where", 9), index.search("bank", 9)
    assert where == pytest.approx(FUNCTION_WORD_WEIGHT * bank)


def test_traditional_and_simplified_characters_find_each_other(tmp_path: Path) -> None:
    index = texts(tmp_path / "index", "銀行", "水", "发展")
    assert index.search("银行", 9)[0].tolist() == [0]
    assert index.search("發展", 9)[0].tolist() == [2]


def test_equal_scores_order_by_row_and_depth_cuts(tmp_path: Path) -> None:
    index = texts(tmp_path / "index", *["the same text"] * 9, "same same same text")
    rows, scores = index.search("same", 5)
    assert rows.tolist() == [9, 0, 1, 2, 3]
    assert scores.dtype == np.float32
    assert len(set(scores[1:].tolist())) == 1


def test_what_is_searched_is_analysed_as_what_was_indexed(tmp_path: Path) -> None:
    index = texts(tmp_path / "index", "Banks lend money", "中央银行的政策利率", "ＡＢＣ 2024", "銀行")
    assert index.search("LENDING bank", 9)[0].tolist() == [0]
    assert index.search("利率", 9)[0].tolist() == [1]
    assert index.search("abc", 9)[0].tolist() == [2]
    # One shared character finds, a shared pair finds better.
    assert index.search("银行", 9)[0].tolist() == [3, 1]


def test_headings_count_as_text_and_the_title_a_little_more(tmp_path: Path) -> None:
    index = build(
        tmp_path / "index", [("x", ["x"], "rate"), ("x", ["rate"], "x"), ("rate", ["x"], "x"), ("x", ["x"], "x")]
    )
    rows, scores = index.search("rate", 9)
    assert rows.tolist() == [2, 0, 1]
    assert scores[1] == scores[2] < scores[0] < 2 * scores[1]


@pytest.mark.parametrize("query", ["", "  ", "?!", "unknown", "(", 'a" AND ~', "text:x OR *"])
def test_queries_are_words_and_no_syntax(tmp_path: Path, query: str) -> None:
    index = texts(tmp_path / "index", "some content")
    rows, scores = index.search(query, 9)
    assert (rows.tolist(), scores.tolist()) == ([], [])


def test_of_a_huge_query_the_rarest_terms_decide(tmp_path: Path) -> None:
    words = [f"c{number}" for number in range(400)]
    # The first and last hundred stand in one text, the others in two.
    index = texts(tmp_path / "index", *(" ".join(words[start : start + 200]) for start in (0, 100, 200)))
    chosen = index.terms(" ".join(words))
    assert len(chosen) == MAX_QUERY_TERMS
    assert {*words[:100], *words[300:]} < set(chosen)
    assert index.terms("c1 c2 c1 c3") == {"c1": 2, "c2": 1, "c3": 1}


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    index = texts(tmp_path / "index")
    assert (len(index), index.search("anything", 5)[0].tolist()) == (0, [])


def test_a_restriction_changes_no_score(tmp_path: Path) -> None:
    index = texts(tmp_path / "index", *[f"same {'other ' * (number % 7)}" for number in range(60)])
    rows, scores = index.search("same other", 60)
    for kept in ([], [5], [1, 2, 59], [*range(0, 60, 2)], [*range(59)], [*range(60)]):
        mask = np.zeros(60, np.bool_)
        mask[kept] = True
        found, restricted = index.search("same other", 60, index.restriction(mask))
        assert found.tolist() == [row for row in rows.tolist() if mask[row]]
        assert restricted.tolist() == scores[mask[rows]].tolist()
    assert index.restriction(None) is None


def test_the_restriction_comes_before_the_cut(tmp_path: Path) -> None:
    index = texts(tmp_path / "index", *["best best best"] * 50, "best and much else")
    mask = np.zeros(51, np.bool_)
    mask[50] = True
    assert index.search("best", 3, index.restriction(mask))[0].tolist() == [50]


@contextmanager
def another_user() -> Iterator[None]:
    """Root may write everywhere; whoever else runs the tests is stopped by read-only folders as he is."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_read_only_index_can_be_opened_by_another_user() -> None:
    # Not in pytest's folders, which are closed to others.
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        folder = Path(parent) / "index"
        texts(folder, "some content")
        for path in folder.iterdir():
            path.chmod(0o444)
        folder.chmod(0o555)
        before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())
        with another_user():
            assert LexicalIndex(folder).search("content", 1)[0].tolist() == [0]
        assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()) == before
        folder.chmod(0o755)


def test_nothing_is_left_behind_when_an_index_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    index = texts(tmp_path / "index", "some content")
    assert index.search("content", 1)[0].tolist() == [0]
    del index
    gc.collect()
    assert list(scratch.iterdir()) == []
