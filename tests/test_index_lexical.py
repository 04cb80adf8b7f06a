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
from numpy.typing import NDArray

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


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    """3,000 rows in which w0 is common and w99 rare; "alpha" stands in all, "beta" in all but every third row."""
    dice = np.random.default_rng(5)
    weights = 1 / np.arange(1, 101)
    words = dice.choice(100, (3000, 8), p=weights / weights.sum())
    return texts(
        tmp_path_factory.mktemp("many") / "index",
        *(f"alpha {'beta ' * (row % 3 > 0)}{' '.join(f'w{word}' for word in of)}" for row, of in enumerate(words)),
    )


def masks(rows: int) -> dict[str, NDArray[np.bool_]]:
    dice = np.random.default_rng(6)
    every = np.arange(rows)
    scattered = {f"{share} of them": dice.random(rows) < share for share in (0.999, 0.5, 0.1, 0.01)}
    return scattered | {
        "none": every < 0,
        "all": every >= 0,
        "one": every == 2345,
        "a source": (every >= 700) & (every < 1000),
        "three sources": (every < 90) | (every // 100 == 7) | (every >= 2950),
        # What they hold is worth less than what every other row holds.
        "the worst third": every % 3 == 0,
        "some of the worst": every % 30 == 0,
    }


@pytest.mark.parametrize("name", masks(1))
@pytest.mark.parametrize("depth", [1, 7, 100])
def test_what_a_restriction_leaves_is_found_as_if_all_hits_had_been_looked_through(
    many: LexicalIndex, name: str, depth: int
) -> None:
    mask = masks(len(many))[name]
    restriction = many.restriction(mask)
    for query in ("w0", "w3 w50 w77", "alpha beta", "w99", "w1 w2 unknown the", "unknown"):
        rows, scores = many.search(query, len(many))
        own = mask[rows]
        expected = scores[own][:depth]
        found, restricted = many.search(query, depth, restriction)
        assert restricted == pytest.approx(expected, rel=1e-5)
        # Told to Tantivy, a score may be added up in another order, so that rows of equal scores change places.
        of_row = dict(zip(rows.tolist(), scores.tolist(), strict=True))
        assert mask[found].all()
        assert len(set(found.tolist())) == len(expected)
        assert [of_row[row] for row in found.tolist()] == pytest.approx(restricted.tolist(), rel=1e-5)


def test_many_rows_are_looked_for_and_few_or_neighbours_are_told(many: LexicalIndex) -> None:
    def looks(mask: NDArray[np.bool_]) -> list[int]:
        restriction = many.restriction(mask)
        assert restriction is not None
        return list(restriction.looks(10))

    every = np.arange(3000)
    # 100 hits hold ten of every tenth row by chance; twice as many are looked through, since that is at most 2 · 300.
    assert looks(every % 10 == 0) == [200]
    # The second look would be at 208 hits, which is more than a sixteenth of 2,307 rows; 160 is less than one of 2,998.
    assert looks(every % 13 > 2) == [26]
    assert looks(every % 1500 > 0) == [20, 160]
    assert looks(every % 100 == 0) == []
    assert looks(every < 1500) == []
    assert looks(every < 0) == []


def test_of_long_queries_those_terms_are_searched_that_can_add_most(
    many: LexicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "alpha w99 beta w10"
    assert list(many.terms(query)) == ["alpha", "w99", "beta", "w10"]
    monkeypatch.setattr("index.lexical.FEW_POSTINGS", 0)
    monkeypatch.setattr("index.lexical.POSTINGS_A_PASSAGE", 0.9)
    # 2,700 postings are allowed. "beta" has 2,000, the rarer two some 450, "alpha" 3,000.
    assert list(many.terms(query)) == ["w99", "w10", "beta"]
    assert many.search(query, 50)[0].tolist() == many.search("w99 w10 beta", 50)[0].tolist()
    assert many.ceiling(query) == pytest.approx(many.ceiling("w99 w10 beta"))
    # One that finds is always searched. What stands in no row costs nothing, and that it was asked for counts.
    assert list(many.terms("alpha unknown")) == ["unknown", "alpha"]


def test_a_common_function_word_is_left_out_before_a_word_as_common(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = texts(tmp_path / "index", "the bank", "the bank", "the rate", "a rate")
    monkeypatch.setattr("index.lexical.FEW_POSTINGS", 0)
    # Eight are allowed. "the" costs 3 · 5, "a" 5; "rate" and "bank" 2 each.
    assert list(index.terms("the rate a bank")) == ["bank", "rate"]
    assert list(index.terms("a rate")) == ["a", "rate"]
    assert list(index.terms("the")) == ["the"]


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
