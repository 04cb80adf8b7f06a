"""Test collections in BEIR layout, and snapshots made of them so that the product's own searcher is measured."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from authority_search.models import MAX_QUERY_CHARACTERS, clean_text
from bench.errors import InvalidCollection
from domain_lists.records import Source
from domain_lists.source_list import SourceList
from index.records import Block, Dated, Page, Passage, passage_id
from index.tokens import count_tokens

RowT = TypeVar("RowT")

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
    documents = dict(_rows(folder / "corpus.jsonl", _document))
    qrels: dict[str, dict[str, int]] = {}
    for query, (document, relevance) in _rows(judgments, _judgment):
        qrels.setdefault(query, {})[document] = relevance
    queries = {key: text for key, text in _rows(folder / "queries.jsonl", _query) if key in qrels}
    if not queries:
        raise InvalidCollection(f"{judgments} judges none of the queries in {folder / 'queries.jsonl'}")
    return Collection(folder.resolve().name, documents, queries, {key: qrels[key] for key in queries})


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
        url, body = document_url(key), text or title
        if not body:
            continue
        page = Page(url, _HOST, title, "", (Block("paragraph", body),), Dated("1970-01-01", "collection"))
        identity = passage_id(url, body)
        yield page, [Passage(identity, url, 0, (), body, 0, len(body), "", count_tokens(body))]


def _rows(path: Path, read: Callable[[str], RowT | None]) -> Iterator[RowT]:
    """What `read` makes of each line; None is left out. Raises InvalidCollection with file and line."""
    number = 0
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):  # noqa: B007 - names the line in the error
                if (row := read(line)) is not None:
                    yield row
    except OSError as error:
        raise InvalidCollection(f"{path} cannot be read ({error}); a BEIR folder holds it") from error
    except UnicodeDecodeError as error:
        raise InvalidCollection(f"{path} is not UTF-8 after line {number}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidCollection(f"{path}:{number} is not a BEIR row ({type(error).__name__}: {error})") from error


def _document(line: str) -> tuple[str, tuple[str, str]]:
    row = json.loads(line)
    return str(row["_id"]), ((row.get("title") or "").strip(), row["text"].strip())


def _query(line: str) -> tuple[str, str]:
    row = json.loads(line)
    text = clean_text(row["text"])
    if len(text) > MAX_QUERY_CHARACTERS:
        raise ValueError(f"a query may have {MAX_QUERY_CHARACTERS:,} characters, this one has {len(text):,}")
    return str(row["_id"]), text


def _judgment(line: str) -> tuple[str, tuple[str, int]] | None:
    query, document, relevance = line.rstrip("\r\n").split("\t")
    # The heading of the table.
    return None if relevance == "score" else (query, (document, int(relevance)))
