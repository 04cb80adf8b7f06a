"""Queries and judgments for a published snapshot: what they judge are URLs or passage ids."""

import re
from collections.abc import Mapping
from pathlib import Path

from bench.beir import join_judged
from bench.errors import InvalidCollection
from bench.queries import read_queries
from bench.records import Collection, Qrels
from bench.rows import Note, Reader, unsaid
from bench.trec import read_qrels
from domain_lists.errors import InvalidUrl
from domain_lists.urls import canonical_url
from index.snapshot import Snapshot

_PASSAGE_ID = re.compile(r"[0-9a-f]{32}")


def read_published(
    snapshot: Snapshot, name: str, queries_path: Path, qrels_path: Path, note: Note = unsaid
) -> Collection:
    """Read queries and judgments; URLs are brought into their canonical form.

    A query is judged on pages or on passages, not on both. Documents that the snapshot does not hold count as
    missed, and `note` is told how many there are. Raises InvalidCollection.
    """
    reader = Reader()
    read = read_qrels(reader, qrels_path)
    queries = join_judged(read_queries(reader, queries_path), read, queries_path, qrels_path, note)
    qrels = {query.id: _canonical(read[query.id], query.id, qrels_path) for query in queries}
    _report_absent(snapshot, name, qrels, note)
    return Collection(
        name=name,
        split=qrels_path.stem,
        documents={},
        queries={query.id: query.text for query in queries},
        qrels=qrels,
        answers={query.id: query.answers for query in queries if query.answers},
        digest=reader.digest,
    )


def is_passage_id(document: str) -> bool:
    """Whether a judged document is named by a passage id; otherwise it is a URL."""
    return _PASSAGE_ID.fullmatch(document) is not None


def canonical_document(document: str) -> str:
    """A passage id as it is, a URL in its canonical form. Raises InvalidUrl."""
    return document if is_passage_id(document) else canonical_url(document)


def _canonical(judged: Mapping[str, int], query: str, path: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for document, relevance in judged.items():
        try:
            key = canonical_document(document)
        except InvalidUrl as error:
            raise InvalidCollection(
                f"{path}, query {query}: a document is a URL or a passage id, but {error}"
            ) from error
        # Two spellings of one URL: the better judgment counts.
        found[key] = max(relevance, found.get(key, 0))
    if len({is_passage_id(document) for document in found}) > 1:
        raise InvalidCollection(f"{path} judges query {query} on pages and on passages at once; choose one")
    return found


def _report_absent(snapshot: Snapshot, name: str, qrels: Qrels, note: Note) -> None:
    judged = sorted({document for documents in qrels.values() for document in documents})
    find = {True: snapshot.columns.find_passage, False: snapshot.columns.find_page}
    absent = [document for document in judged if find[is_passage_id(document)](document) is None]
    if len(absent) == len(judged):
        raise InvalidCollection(
            f"the snapshot {snapshot.manifest.id} holds none of the {len(judged):,} judged documents, such as "
            f"{absent[0]}; judgments name pages by URL and passages by id"
        )
    if absent:
        note(
            f"{name}: the snapshot does not hold {len(absent):,} of {len(judged):,} judged documents, such as "
            f"{absent[0]}; they count as missed"
        )
