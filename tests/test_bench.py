"""The bench reads collections: BEIR folders, TREC topics, judgments and runs, and judgments of a snapshot."""

from pathlib import Path

import pytest
from bench_collections import DOCUMENTS, HEADING, write_collection, write_lines
from records import LetterEncoder, build_and_publish, make_page, make_sources

from bench.beir import read_collection, read_with_topics
from bench.corpus import collection_pages, document_url, open_collection
from bench.errors import InvalidCollection
from bench.published import read_published
from bench.queries import Query, read_queries
from bench.rows import Reader
from bench.trec import read_qrels, read_run, trec_lines
from index.records import passage_id
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore

SGML = """<top>
<num> Number: 301
<title> International
 Organized Crime
<desc> Description: ignored
</top>

<top>
<num>302</num>
<title>Topic: Poliomyelitis</title>
</top>
"""


# BEIR


def test_a_collection_holds_all_documents_and_the_judged_queries(tmp_path: Path) -> None:
    collection = read_collection(write_collection(tmp_path / "tiny"))
    assert (collection.name, collection.split) == ("tiny", "test")
    assert collection.documents["d2"] == DOCUMENTS["d2"]
    assert collection.queries == {"q1": "policy rate", "q2": "chlorophyll light"}
    assert collection.qrels == {"q1": {"d2": 1}, "q2": {"d/3 ü": 2}}
    assert collection.answers == {}


def test_answers_come_with_their_queries(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "tiny")
    write_lines(folder / "queries.jsonl", {"_id": "q1", "text": "rate", "answers": ["4 %", "four"]})
    assert read_collection(folder).answers == {"q1": ("4 %", "four")}


def test_the_digest_tells_collections_apart(tmp_path: Path) -> None:
    first = read_collection(write_collection(tmp_path / "a"))
    again = read_collection(write_collection(tmp_path / "b"))
    other = read_collection(write_collection(tmp_path / "c", "q1\td2\t2\n"))
    assert first.digest == again.digest
    assert len({first.digest, other.digest}) == 2


def test_documents_become_pages_in_the_order_of_their_urls(tmp_path: Path) -> None:
    pages = list(collection_pages(read_collection(write_collection(tmp_path / "tiny"))))
    urls = [page.url for page, _ in pages]
    assert urls == sorted(document_url(key) for key in DOCUMENTS if key != "d5")
    assert all(passage.text == page.text()[passage.start : passage.end] for page, (passage,) in pages)


def test_a_title_alone_is_the_text_and_no_title(tmp_path: Path) -> None:
    pages = collection_pages(read_collection(write_collection(tmp_path / "tiny")))
    (found,) = [(page.title, passage.text) for page, (passage,) in pages if page.url == document_url("d4")]
    assert found == ("", "A title alone")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("corpus.jsonl", b'{"_id": "a", "text": "x"}\n{"_id": "b", "text"\n', r"corpus\.jsonl:2 is not a BEIR row"),
        ("corpus.jsonl", b'{"_id": "a"}\n', r"corpus\.jsonl:1 .*text"),
        ("corpus.jsonl", b'{"_id": "a", "text": null}\n', r"corpus\.jsonl:1 "),
        ("corpus.jsonl", b'["a"]\n', r"corpus\.jsonl:1 "),
        ("corpus.jsonl", b'{"_id": "a", "text": "x"}\n\xff\xfe\n', r"corpus\.jsonl:2 is not UTF-8"),
        ("corpus.jsonl", b"\n", r"corpus\.jsonl holds no documents"),
        ("queries.jsonl", b'{"text": "x"}\n', r"queries\.jsonl:1 .*_id"),
        (
            "queries.jsonl",
            b'{"_id": "q1", "text": " "}\n',
            r"queries\.jsonl: 1 judged .* left out, such as 'q1': .*empty",
        ),
        ("queries.jsonl", b'{"_id": "q1", "text": null}\n', r"queries\.jsonl:1 .*must be a string"),
        ("queries.jsonl", b'{"_id": "q1", "text": "' + b"x" * 9000 + b'"}\n', r"queries\.jsonl: 1 judged .*9,000"),
        ("queries.jsonl", b'{"_id": "q1", "text": "x", "answers": "y"}\n', r"queries\.jsonl:1 .*list of strings"),
        ("queries.jsonl", b'{"_id": "q1", "text": "x"}\n' * 2, "two queries with the id 'q1'"),
        ("queries.jsonl", b"", "holds no queries"),
        ("qrels/test.tsv", b"query-id\tcorpus-id\tscore\nq1\td2\n", r"test\.tsv:2 .*columns"),
        ("qrels/test.tsv", b"query-id\tcorpus-id\tscore\nq1\td2\thigh\n", r"test\.tsv:2 .*high"),
        ("qrels/test.tsv", b"query-id\tcorpus-id\tscore\nq9\td2\t1\n", "judges none of the queries"),
        ("qrels/test.tsv", b"query-id\tcorpus-id\tscore\n", "holds no judgments"),
        ("corpus.jsonl", None, r"corpus\.jsonl cannot be read"),
        ("queries.jsonl", None, r"queries\.jsonl cannot be read"),
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


def test_the_only_split_is_taken_and_said(tmp_path: Path) -> None:
    notes: list[str] = []
    collection = read_collection(write_collection(tmp_path / "tiny"), "dev", notes.append)
    assert collection.split == "test"
    assert notes == ["tiny: there are no judgments 'dev'; taking 'test', the only ones"]


def test_one_of_several_splits_must_be_named(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "tiny")
    (folder / "qrels" / "train.tsv").write_text(HEADING)
    with pytest.raises(InvalidCollection, match=r"qrels/dev\.tsv; its splits: test, train"):
        read_collection(folder, "dev")


def test_judged_documents_that_the_corpus_lacks_are_counted(tmp_path: Path) -> None:
    notes: list[str] = []
    read_collection(write_collection(tmp_path / "tiny", "q1\td2\t1\nq1\tgone\t1\n"), note=notes.append)
    assert notes == ["tiny: the corpus lacks 1 judged documents, such as 'gone'; they count as missed"]


def test_a_collection_that_changes_leaves_one_index(tmp_path: Path) -> None:
    folder, encoder = write_collection(tmp_path / "tiny"), LetterEncoder()
    first = open_collection(read_collection(folder), tmp_path / "work", encoder)
    write_lines(folder / "corpus.jsonl", {"_id": "d2", "text": "Another text."})
    second = open_collection(read_collection(folder), tmp_path / "work", encoder)
    assert second.manifest.content != first.manifest.content
    [home] = (tmp_path / "work/collections").glob("*/tiny")
    assert [one.id for one in SnapshotStore(DataFolder(home)).manifests()] == [second.manifest.id]


def test_an_index_that_other_code_built_is_removed(tmp_path: Path) -> None:
    old = tmp_path / "work/collections/0123456789ab/tiny"
    old.mkdir(parents=True)
    open_collection(read_collection(write_collection(tmp_path / "tiny")), tmp_path / "work", LetterEncoder())
    assert not old.exists()


def test_collections_share_their_vectors(tmp_path: Path) -> None:
    encoder = LetterEncoder()
    for name in ("one", "two"):
        open_collection(read_collection(write_collection(tmp_path / name)), tmp_path / "work", encoder)
    assert encoder.encoded == len(DOCUMENTS) - 1


# TREC


def test_topics_are_read_in_three_forms(tmp_path: Path) -> None:
    expected = [Query("301", "International Organized Crime"), Query("302", "Poliomyelitis")]
    (tmp_path / "topics.sgml").write_text(SGML)
    (tmp_path / "topics.tsv").write_text("301\tInternational Organized Crime\n302\tPoliomyelitis\n")
    write_lines(tmp_path / "q.jsonl", *({"_id": one.id, "text": one.text} for one in expected))
    for name in ("topics.sgml", "topics.tsv", "q.jsonl"):
        assert read_queries(Reader(), tmp_path / name) == expected


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("301\tcrime\n302 polio\n", r"topics:2 is not a query .*no tab"),
        (SGML.replace("<num>302</num>", ""), r"topics:8 begins a topic without <num>"),
        (SGML.replace("<title>Topic: Poliomyelitis</title>", ""), r"topics:8 begins a topic without <title>"),
    ],
)
def test_a_bad_topic_is_named_with_file_and_line(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "topics").write_text(content)
    with pytest.raises(InvalidCollection, match=said):
        read_queries(Reader(), tmp_path / "topics")


def test_a_query_that_cannot_be_asked_is_left_out_and_said_if_it_is_judged(tmp_path: Path) -> None:
    folder, notes = write_collection(tmp_path / "tiny"), list[str]()
    (tmp_path / "topics").write_text("q0\t\nq1\t \nq2\tlight\n")
    collection = read_with_topics(folder, tmp_path / "topics", folder / "qrels/test.tsv", notes.append)
    assert collection.queries == {"q2": "light"}
    assert collection.qrels.keys() == {"q2"}
    (said,) = notes
    assert "1 judged queries are left out, such as 'q1': the text is empty" in said


def test_judgments_are_read_in_two_forms(tmp_path: Path) -> None:
    (tmp_path / "trec").write_text("q1 0 d1 2\nq1 0 d2 0\n\nq2 0 d1 -2\n")
    (tmp_path / "beir").write_text(f"{HEADING}q1\td1\t2\nq1\td2\t0\nq2\td1\t-2\n")
    expected = {"q1": {"d1": 2, "d2": 0}, "q2": {"d1": 0}}
    assert read_qrels(Reader(), tmp_path / "trec") == expected
    assert read_qrels(Reader(), tmp_path / "beir") == expected


def test_a_run_is_ordered_as_trec_eval_orders_it(tmp_path: Path) -> None:
    (tmp_path / "a.run").write_text("q1 Q0 low 1 1.5 x\nq1 Q0 tie-a 2 3 x\nq1 Q0 tie-b 3 3 x\nq2 Q0 d 1 -1e3 x\n")
    run = read_run(tmp_path / "a.run")
    assert run == {"q1": {"tie-b": 1, "tie-a": 1 / 2, "low": 1 / 3}, "q2": {"d": 1}}
    (tmp_path / "again.run").write_text(trec_lines(run, "x"))
    assert read_run(tmp_path / "again.run") == run


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("q1 Q0 d1 1 2.5 x\nq1 Q0 d1 1 2.5\n", r"a\.run:2 is not a line of a TREC run .*6 columns"),
        ("q1 Q0 d1 1 high x\n", r"a\.run:1 .*high"),
        ("q1 Q0 d1 1 nan x\n", r"a\.run:1 .*finite"),
        ("\n", "holds no results"),
    ],
)
def test_a_bad_line_of_a_run_is_named(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "a.run").write_text(content)
    with pytest.raises(InvalidCollection, match=said):
        read_run(tmp_path / "a.run")


def test_topics_and_judgments_go_with_a_corpus(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "tiny")
    (tmp_path / "topics").write_text("7\tlight\n8\tunjudged\n")
    (tmp_path / "qrels.txt").write_text("7 0 d1 1\n")
    collection = read_with_topics(folder, tmp_path / "topics", tmp_path / "qrels.txt")
    assert (collection.split, collection.queries, collection.qrels) == ("qrels", {"7": "light"}, {"7": {"d1": 1}})
    assert collection.documents["d1"] == DOCUMENTS["d1"]


# A published snapshot


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    page = make_page("https://a.example.org/rates", "The policy rate is four percent.")
    build_and_publish(tmp_path / "data", [page], make_sources("a.example.org"), LetterEncoder())
    return SnapshotStore(DataFolder(tmp_path / "data")).open()


def published(snapshot: Snapshot, folder: Path, judgments: str, notes: list[str]) -> dict[str, dict[str, int]]:
    (folder / "queries").write_text("q1\tpolicy rate\n")
    (folder / "qrels").write_text(judgments)
    return read_published(snapshot, "data", folder / "queries", folder / "qrels", notes.append).qrels


def test_judged_urls_become_canonical_and_absent_ones_are_counted(snapshot: Snapshot, tmp_path: Path) -> None:
    notes: list[str] = []
    judgments = (
        "q1 0 HTTPS://A.example.org:443/rates#top 2\nq1 0 https://a.example.org/rates 1\nq1 0 https://b.org/ 1\n"
    )
    assert published(snapshot, tmp_path, judgments, notes) == {
        "q1": {"https://a.example.org/rates": 2, "https://b.org/": 1}
    }
    assert notes == [
        "data: the snapshot does not hold 1 of 2 judged documents, such as https://b.org/; they count as missed"
    ]


def test_passages_are_judged_by_their_ids(snapshot: Snapshot, tmp_path: Path) -> None:
    notes: list[str] = []
    identity = passage_id("https://a.example.org/rates", "The policy rate is four percent.")
    assert published(snapshot, tmp_path, f"q1 0 {identity} 1\n", notes) == {"q1": {identity: 1}}
    assert notes == []


@pytest.mark.parametrize(
    ("judgments", "said"),
    [
        ("q1 0 d1 1\n", "a URL or a passage id"),
        ("q1 0 https://b.org/ 1\n", "holds none of the 1 judged documents, such as https://b.org/"),
        (f"q1 0 https://a.example.org/rates 1\nq1 0 {'0' * 32} 1\n", "on pages and on passages at once"),
    ],
)
def test_judgments_that_do_not_fit_the_snapshot_are_refused(
    snapshot: Snapshot, tmp_path: Path, judgments: str, said: str
) -> None:
    with pytest.raises(InvalidCollection, match=said):
        published(snapshot, tmp_path, judgments, [])
