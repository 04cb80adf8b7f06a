"""The bench: reading collections, judging runs, evaluating a tiny collection from end to end."""

import json
from math import log2
from pathlib import Path

import pytest
from records import LetterEncoder

from bench.beir import collection_pages, document_url, read_collection
from bench.errors import InvalidCollection
from bench.evaluate import MEASURES, evaluate, judge, open_collection
from index.errors import DataFolderLocked
from index.lock import write_lock
from ranking.settings import RankingSettings

DOCUMENTS = {
    "d1": ("Sepsis", "Antibiotics within the hour save lives."),
    "d2": ("Banking", "The policy rate is set eight times a year."),
    "d/3 ü": ("", "Chlorophyll absorbs red and blue light."),
    "d4": ("A title alone", ""),
    "d5": ("", " "),
}
QUERIES = {"q1": "policy rate", "q2": "chlorophyll light", "q3": "never judged"}


def write_collection(folder: Path, judgments: str = "q1\td2\t1\nq2\td/3 ü\t2\n") -> Path:
    (folder / "qrels").mkdir(parents=True)
    write_lines(folder / "corpus.jsonl", *({"_id": k, "title": t, "text": x} for k, (t, x) in DOCUMENTS.items()))
    write_lines(folder / "queries.jsonl", *({"_id": key, "text": text} for key, text in QUERIES.items()))
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judgments}", encoding="utf-8")
    return folder


def write_lines(path: Path, *rows: object) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_a_collection_holds_all_documents_and_the_judged_queries(tmp_path: Path) -> None:
    collection = read_collection(write_collection(tmp_path / "tiny"))
    assert collection.name == "tiny"
    assert collection.documents["d2"] == DOCUMENTS["d2"]
    assert collection.queries == {"q1": "policy rate", "q2": "chlorophyll light"}
    assert collection.qrels == {"q1": {"d2": 1}, "q2": {"d/3 ü": 2}}


def test_documents_become_pages_in_the_order_of_their_urls(tmp_path: Path) -> None:
    pages = list(collection_pages(read_collection(write_collection(tmp_path / "tiny"))))
    urls = [page.url for page, _ in pages]
    assert urls == sorted(document_url(key) for key in DOCUMENTS if key != "d5")
    assert all(passage.text == page.text()[passage.start : passage.end] for page, (passage,) in pages)
    assert [passage.text for page, (passage,) in pages if page.url == document_url("d4")] == ["A title alone"]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("corpus.jsonl", b'{"_id": "a", "text": "x"}\n{"_id": "b", "text"\n', r"corpus\.jsonl:2 is not a BEIR row"),
        ("corpus.jsonl", b'{"_id": "a"}\n', r"corpus\.jsonl:1 .*text"),
        ("corpus.jsonl", b'{"_id": "a", "text": null}\n', r"corpus\.jsonl:1 "),
        ("corpus.jsonl", b'["a"]\n', r"corpus\.jsonl:1 "),
        ("corpus.jsonl", b"\xff\xfe\n", r"corpus\.jsonl is not UTF-8"),
        ("queries.jsonl", b'{"text": "x"}\n', r"queries\.jsonl:1 .*_id"),
        ("queries.jsonl", b'{"_id": "q1", "text": " "}\n', r"queries\.jsonl:1 .*empty"),
        ("queries.jsonl", b'{"_id": "q1", "text": "' + b"x" * 9000 + b'"}\n', r"queries\.jsonl:1 .*9,000"),
        ("qrels/test.tsv", b"query-id\tcorpus-id\tscore\nq1\td2\n", r"test\.tsv:2 "),
        ("qrels/test.tsv", b"query-id\tcorpus-id\tscore\nq1\td2\thigh\n", r"test\.tsv:2 .*high"),
        ("qrels/test.tsv", b"query-id\tcorpus-id\tscore\nq9\td2\t1\n", "judges none of the queries"),
        ("corpus.jsonl", None, r"corpus\.jsonl cannot be read"),
    ],
)
def test_a_bad_row_is_named_with_file_and_line(tmp_path: Path, file: str, content: bytes | None, said: str) -> None:
    folder = write_collection(tmp_path / "tiny")
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(InvalidCollection, match=said):
        read_collection(folder)


def test_a_missing_split_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidCollection, match=r"qrels/dev\.tsv; its splits: test"):
        read_collection(write_collection(tmp_path / "tiny"), "dev")


def test_judging_agrees_with_a_calculation_by_hand() -> None:
    qrels = {"q1": {"a": 2, "b": 1, "c": 1}, "q2": {"a": 1}, "q3": {"a": 1}}
    run = {"q1": {"b": 0.9, "x": 0.8, "a": 0.7}, "q2": {"x": 0.5, "a": 0.4}}
    # The gain is the relevance, halved by log2 of the place + 1; q3 has no results and counts 0.
    q1 = (1 + 2 / log2(4)) / (2 + 1 / log2(3) + 1 / log2(4))
    q2 = (1 / log2(3)) / 1
    values = judge(qrels, run)
    assert values["nDCG@10"] == pytest.approx((q1 + q2 + 0) / 3)
    assert values["R@10"] == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert values["RR@10"] == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert values["P@1"] == pytest.approx((1 + 0 + 0) / 3)


def test_a_run_without_any_result_scores_nothing() -> None:
    assert judge({"q1": {"a": 1}}, {"q1": {}}) == dict.fromkeys(MEASURES, 0.0)
    assert judge({"q1": {"a": 1}}, {}) == dict.fromkeys(MEASURES, 0.0)


def test_both_arms_and_the_hybrid_are_judged_on_the_same_index(tmp_path: Path) -> None:
    collection, encoder = read_collection(write_collection(tmp_path / "tiny")), LetterEncoder()
    searcher = open_collection(collection, tmp_path / "work", encoder, RankingSettings())
    found = {one.system: one for one in evaluate(collection, searcher)}
    assert set(found) == {"lexical", "dense", "hybrid"}
    assert {one.queries for one in found.values()} == {2}
    # Only one document has any word of either query, and hashed letters find it too.
    assert found["lexical"].values == {"nDCG@10": 1, "R@10": 1, "R@100": 1, "RR@10": 1, "P@1": 0.5 + 0.5}
    assert found["hybrid"].values["P@1"] == 1
    assert found["dense"].values["R@100"] == 1


def test_a_collection_that_was_indexed_before_embeds_nothing(tmp_path: Path) -> None:
    collection, encoder = read_collection(write_collection(tmp_path / "tiny")), LetterEncoder()
    first = open_collection(collection, tmp_path / "work", encoder, RankingSettings())
    embedded = encoder.encoded
    second = open_collection(collection, tmp_path / "work", encoder, RankingSettings())
    assert embedded == len(DOCUMENTS) - 1
    assert encoder.encoded == embedded
    assert second.snapshot.manifest == first.snapshot.manifest


def test_two_runs_do_not_index_into_one_folder(tmp_path: Path) -> None:
    collection = read_collection(write_collection(tmp_path / "tiny"))
    with write_lock(tmp_path / "work"), pytest.raises(DataFolderLocked):
        open_collection(collection, tmp_path / "work", LetterEncoder(), RankingSettings())
