"""Test collections in BEIR layout: corpus.jsonl, queries.jsonl, qrels/<split>.tsv."""

import json
from pathlib import Path

from bench.errors import InvalidCollection
from bench.queries import Query, read_queries
from bench.records import Collection, Qrels
from bench.rows import Note, Reader, unsaid
from bench.trec import read_qrels


def read_collection(folder: Path, split: str = "test", note: Note = unsaid) -> Collection:
    """Read a BEIR folder; queries without judgments are left out.

    Where `split` is missing and there is exactly one other, that one is taken and `note` is told.
    Raises InvalidCollection with file and line.
    """
    judgments = _split_file(folder, split, note)
    return _collection(folder, folder / "queries.jsonl", judgments, note)


def read_with_topics(folder: Path, topics: Path, qrels: Path, note: Note = unsaid) -> Collection:
    """The documents of a BEIR folder with queries and judgments from elsewhere. Raises InvalidCollection."""
    return _collection(folder, topics, qrels, note)


def join_judged(
    queries: list[Query], qrels: Qrels, queries_path: Path, qrels_path: Path, note: Note = unsaid
) -> list[Query]:
    """The judged queries that can be searched for; `note` is told of others. Raises InvalidCollection without any."""
    judged = [query for query in queries if query.id in qrels]
    if unusable := [query for query in judged if query.problem]:
        judged = [query for query in judged if not query.problem]
        said = f"{queries_path}: {len(unusable):,} judged queries are left out, such as {unusable[0].id!r}: "
        if not judged:
            raise InvalidCollection(said + unusable[0].problem)
        note(said + unusable[0].problem)
    if not judged:
        raise InvalidCollection(
            f"{qrels_path} judges none of the queries in {queries_path}; their ids must be the same, "
            f"but one is {next(iter(qrels))!r} and the other {queries[0].id!r}"
        )
    return judged


def _collection(folder: Path, queries_path: Path, qrels_path: Path, note: Note) -> Collection:
    reader = Reader()
    documents = dict(reader.rows(folder / "corpus.jsonl", _document, "BEIR row"))
    if not documents:
        raise InvalidCollection(f"{folder / 'corpus.jsonl'} holds no documents")
    qrels = read_qrels(reader, qrels_path)
    queries = join_judged(read_queries(reader, queries_path), qrels, queries_path, qrels_path, note)
    name = folder.resolve().name
    absent = {document for query in queries for document in qrels[query.id]} - documents.keys()
    if absent:
        note(
            f"{name}: the corpus lacks {len(absent):,} judged documents, such as {min(absent)!r}; they count as missed"
        )
    return Collection(
        name=name,
        split=qrels_path.stem,
        documents=documents,
        queries={query.id: query.text for query in queries},
        qrels={query.id: qrels[query.id] for query in queries},
        answers={query.id: query.answers for query in queries if query.answers},
        digest=reader.digest,
    )


def _split_file(folder: Path, split: str, note: Note) -> Path:
    asked = folder / "qrels" / f"{split}.tsv"
    if asked.is_file():
        return asked
    there = sorted(folder.glob("qrels/*.tsv"))
    if len(there) != 1:
        splits = ", ".join(path.stem for path in there) or "none"
        raise InvalidCollection(f"{folder} has no judgments qrels/{split}.tsv; its splits: {splits}")
    note(f"{folder.resolve().name}: there are no judgments {split!r}; taking {there[0].stem!r}, the only ones")
    return there[0]


def _document(line: str) -> tuple[str, tuple[str, str]]:
    row = json.loads(line)
    return str(row["_id"]), ((row.get("title") or "").strip(), row["text"].strip())
