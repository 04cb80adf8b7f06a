"""The documents of a collection as an index: made once, opened again while the content is the same."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from bench.records import Collection
from bench.results_cache import code_digest
from domain_lists.records import Source
from domain_lists.source_list import SourceList
from index.build import build_snapshot
from index.encoders import Encoder
from index.progress import Progress, silent
from index.records import Block, Dated, Page, Passage, passage_id
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from index.tokens import count_tokens

# A reserved name (RFC 6761): no such page exists anywhere.
_HOST = "collection.invalid"
_SOURCE = Source(_HOST, "Test collection", "reference", "INT", "multi", "collection", 1, 0.9, "", "")


def open_collection(collection: Collection, work_dir: Path, encoder: Encoder, progress: Progress = silent) -> Snapshot:
    """Index the documents under `work_dir`, or reuse what is there, and open the snapshot.

    Hold `index.lock` on `work_dir` around it. Raises SnapshotInvalid when no document has any text.
    """
    return open_pages(collection.name, collection_pages(collection), collection_sources(), work_dir, encoder, progress)


def open_pages(
    name: str,
    pages: Iterable[tuple[Page, list[Passage]]],
    sources: SourceList,
    work_dir: Path,
    encoder: Encoder,
    progress: Progress = silent,
) -> Snapshot:
    """The same for any pages, ordered by URL. What another version of `index` built is removed.

    All share the vectors in `work_dir/vectors`, so that a text is embedded once.
    """
    indexes = work_dir / "collections"
    home = indexes / code_digest("index")[:12]
    for other in indexes.glob("*"):
        if other != home:
            shutil.rmtree(other)
    store = SnapshotStore(DataFolder(home / name, work_dir / "vectors"))
    kept = list(pages)
    report = build_snapshot(lambda: kept, sources, encoder, store, progress)
    store.publish(report.snapshot)
    for manifest in store.manifests():
        if manifest.id != report.snapshot:
            store.remove(manifest.id)
    return store.open()


def collection_sources() -> SourceList:
    """The list with the one source that all documents of a collection belong to."""
    return SourceList([_SOURCE], [], {}, ())


def document_url(document_id: str, host: str = _HOST) -> str:
    """The URL that stands for a document."""
    return f"https://{host}/{quote(document_id, safe='')}"


def document_page(url: str, source: str, title: str, text: str) -> tuple[Page, list[Passage]]:
    """A document as a page of one passage, whatever its length."""
    page = Page(url, source, title, "", (Block("paragraph", text),), Dated("1970-01-01", "collection"))
    return page, [Passage(passage_id(url, text), url, 0, (), text, 0, len(text), "", count_tokens(text))]


def collection_pages(collection: Collection) -> Iterator[tuple[Page, list[Passage]]]:
    """Each document as a page of one passage, ordered by URL. A document that is a title only has it as its text."""
    for key in sorted(collection.documents, key=document_url):
        title, text = collection.documents[key]
        if not text:
            # As both it would count twice in the lexical arm.
            title, text = "", title
        if not text:
            continue
        yield document_page(document_url(key), _HOST, title, text)
