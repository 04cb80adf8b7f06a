"""Test collections in BEIR layout, and snapshots made of them so that the product's own searcher is measured."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bench.errors import InvalidCollection
from domain_lists.records import Source
from domain_lists.source_list import SourceList
from index.records import Block, Dated, Page, Passage, passage_id
from index.tokens import count_tokens

# A reserved name (RFC 6761): no such page exists anywhere.
_HOST = "collection.invalid"
_SOURCE = Source(_HOST, "Test collection", "reference", "INT", "multi", "collection", 1, 0.9, "", "")


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents, queries and judgments by id. `qrels[query][document]` is the relevance, 0 or more."""

    name: str
    documents: dict[str, tuple[str, str]]
    queries: dict[str, str]
    qrels: dict[str, dict[str, int]]


def read_collection(folder: Path, split: str = "test") -> Collection:
    """Read corpus.jsonl, queries.jsonl and qrels/<split>.tsv. Keeps judged queries. Raises InvalidCollection."""
    judgments = folder / "qrels" / f"{split}.tsv"
    if not judgments.is_file():
        splits = ", ".join(sorted(path.stem for path in folder.glob("qrels/*.tsv"))) or "none"
        raise InvalidCollection(f"{folder} has no judgments qrels/{split}.tsv; its splits: {splits}")
    documents = {row["_id"]: (row.get("title") or "", row["text"]) for row in _json_lines(folder / "corpus.jsonl")}
    qrels: dict[str, dict[str, int]] = {}
    with judgments.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            qrels.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    queries = {row["_id"]: row["text"] for row in _json_lines(folder / "queries.jsonl") if row["_id"] in qrels}
    return Collection(folder.name, documents, queries, {key: qrels[key] for key in queries})


def collection_sources() -> SourceList:
    """The list with the one source that all documents of a collection belong to."""
    return SourceList([_SOURCE], [], {}, ())


def document_url(document_id: str) -> str:
    """The URL that stands for a document."""
    return f"https://{_HOST}/{quote(document_id, safe='')}"


def collection_pages(collection: Collection) -> Iterator[tuple[Page, list[Passage]]]:
    """Each document as a page of one passage, ordered by URL."""
    for key in sorted(collection.documents, key=document_url):
        title, text = collection.documents[key]
        url, body = document_url(key), text.strip() or title
        if not body:
            continue
        page = Page(url, _HOST, title, "", (Block("paragraph", body),), Dated("1970-01-01", "collection"))
        identity = passage_id(url, body)
        yield page, [Passage(identity, url, 0, (), body, 0, len(body), "", count_tokens(body))]


def _json_lines(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    row = json.loads(line)
                    yield row | {"_id": str(row["_id"])}
                except (ValueError, KeyError, TypeError) as error:
                    raise InvalidCollection(f"{path}:{number} is not a BEIR row ({error!r})") from error
    except OSError as error:
        raise InvalidCollection(f"{path} cannot be read ({error}); a BEIR folder holds it") from error
