"""Building a snapshot: beside, validated, then moved into place by one rename. The live one is never touched."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from domain_lists.errors import UnknownSource
from domain_lists.source_list import SourceList
from index.analysed import AnalysedTexts
from index.catalog import Catalog
from index.columns import TEXT_HASHES, Columns, StoredPage
from index.columns_writer import ColumnsWriter
from index.copies import FINGERPRINT_SIZE, find_copies, text_hashes
from index.dense import DenseWriter
from index.encoders import Encoder, Vectors
from index.errors import SnapshotInvalid, SnapshotNotFound
from index.files import complete, link_equal, remove_unfinished, unfinished_folder
from index.lexical import LexicalWriter
from index.progress import Progress, silent
from index.records import Page, Passage
from index.settings import DenseSettings
from index.shards import KEY, Keys, text_key
from index.snapshot import FORMAT, MANIFEST, Manifest, Snapshot, file_digests, write_sources
from index.store import SnapshotStore
from index.vectors import VectorCache, cache_folder, embed_shards
from index.waiting import WaitingTexts

PagesWithPassages = Callable[[], Iterable[tuple[Page, list[Passage]]]]
"""Gives the pages ordered by URL."""

NOTHING_TO_PUBLISH = "there are no passages to publish; crawl or ingest pages of listed sources first"
_BATCH = 8192
_VALIDATED_ROWS = 32
AUTO = DenseSettings()
_HELD_OUT_QUERIES = 200


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did. `built` is False when the live snapshot already holds exactly this content.

    `removed` are the snapshots that went when it was published.
    """

    snapshot: str
    built: bool
    pages: int
    passages: int
    embedded: int
    removed: tuple[str, ...] = ()


def listed_pages(catalog: Catalog, sources: SourceList) -> Iterator[tuple[Page, list[Passage]]]:
    """The catalogue's pages whose URL the list still has, under the source that has it now."""
    for page, passages in catalog.pages_with_passages():
        source = sources.listed(page.url)
        if source is not None:
            yield (page if source.id == page.source else replace(page, source=source.id)), passages


def embedded_text(page: Page | StoredPage, passage: Passage) -> str:
    """The text that models read for a passage: title and headings give a paragraph its subject."""
    context = [page.title, *(heading for heading in passage.heading_path if heading != page.title)]
    return "\n".join([" > ".join(part for part in context if part), passage.text]).strip()


def build_snapshot(
    pages: PagesWithPassages,
    sources: SourceList,
    encoder: Encoder,
    store: SnapshotStore,
    progress: Progress = silent,
    dense: DenseSettings = AUTO,
) -> BuildReport:
    """Build a snapshot of `pages`, unless the live one has the same content. Does not publish it.

    Raises RecallTooLow, and SnapshotInvalid when there is nothing to index or validation fails. Hold `index.lock`
    around it.
    """
    snapshots, description = store.folder.snapshots, encoder.description
    snapshots.mkdir(parents=True, exist_ok=True)
    remove_unfinished(snapshots)
    cache = VectorCache(cache_folder(store.folder.vectors, description), description.dimensions)
    with unfinished_folder(snapshots) as beside, WaitingTexts(store.folder.root) as waiting:
        content = _read(pages(), sources, encoder, dense, beside, cache, waiting, progress)
        live = _live_manifest(store)
        if live is not None and live.content == content.digest:
            return BuildReport(live.id, False, live.pages, live.passages, embedded=0)
        embedded = embed_shards(waiting.shards(), len(waiting), encoder, cache, progress)
        now = datetime.now(UTC)
        snapshot_id = f"{now:%Y%m%dT%H%M%SZ}-{content.digest[:8]}"
        vectors = DenseWriter(description.dimensions)
        _index(content, beside, cache, AnalysedTexts(store.folder.analysed), vectors, progress)
        method = vectors.write(beside, partial(_held_out, Columns(beside), encoder), dense, progress)
        write_sources(beside / "sources.json", sources)
        counts, digests = (content.pages, len(content.keys)), file_digests(beside)
        if live is not None:
            link_equal(beside, digests, snapshots / live.id, live.files)
        manifest = Manifest(
            FORMAT, snapshot_id, f"{now:%Y-%m-%dT%H:%M:%SZ}", content.digest, *counts, sources.version, description,
            method, digests,
        )  # fmt: skip
        (beside / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
        validate(Snapshot(beside))
        complete(beside, snapshots / snapshot_id)
    return BuildReport(snapshot_id, True, *counts, embedded)


def validate(snapshot: Snapshot) -> None:
    """Check that both arms find what was indexed and that filters can read it. Raises SnapshotInvalid."""
    if not len(snapshot.columns):
        raise SnapshotInvalid(NOTHING_TO_PUBLISH)
    try:
        for source_id in snapshot.columns.filterable.source_ids:
            snapshot.sources.get(source_id)
    except UnknownSource as error:
        raise SnapshotInvalid(f"a page has a source that cannot be filtered by: {error}") from error
    rows = np.unique(np.linspace(0, len(snapshot.columns) - 1, _VALIDATED_ROWS).astype(np.int64))
    found = snapshot.dense.search(snapshot.dense.vectors(rows), depth=1)
    for row, (_, scores) in zip(rows, found, strict=True):
        passage, page = snapshot.columns.passage(int(row))
        if not len(scores) or not np.isfinite(scores[0]) or abs(scores[0] - 1) > 0.01:
            raise SnapshotInvalid(f"the dense index does not find passage {passage.id} by its own vector")
        only = np.zeros(len(snapshot.columns), np.bool_)
        only[row] = True
        terms = f"{page.title} {passage.text}"
        hits, _ = snapshot.lexical.search(terms, 1, snapshot.lexical.restriction(only))
        if snapshot.lexical.terms(terms) and hits.tolist() != [row]:
            raise SnapshotInvalid(f"the lexical index does not find passage {passage.id} by its own terms")


def _live_manifest(store: SnapshotStore) -> Manifest | None:
    """The live snapshot's manifest; None where there is none or it cannot be opened, which a new build mends."""
    try:
        return store.open().manifest
    except (SnapshotNotFound, SnapshotInvalid):
        return None


class _Content(NamedTuple):
    """What reading the pages gives: a digest of all, and the key of each row's vector, shape [n]."""

    digest: str
    pages: int
    keys: Keys
    hosts: int


def _read(
    pages: Iterable[tuple[Page, list[Passage]]],
    sources: SourceList,
    encoder: Encoder,
    dense: DenseSettings,
    folder: Path,
    cache: VectorCache,
    waiting: WaitingTexts,
    progress: Progress,
) -> _Content:
    """Write the columns; texts that the cache lacks are let wait."""
    built_for = dense.model_dump(exclude={"device"})
    digest = hashlib.sha256(f"{FORMAT} {sources.version} {encoder.description} {built_for}".encode())
    columns, parts, hosts = ColumnsWriter(folder), [np.empty(0, KEY)], set()
    for batch in _batches(pages):
        texts: dict[bytes, str] = {}
        keys: list[bytes] = []
        for page, passages in batch:
            hosts.add(page.url.split("/", 3)[2])
            # `crawled` is left out: to have looked again is no change of content.
            dates = (page.published, page.modified, page.changed)
            digest.update(repr((page.url, page.source, page.title, *dates, page.content_hash())).encode())
            for passage in passages:
                digest.update(f"{passage.id} {passage.start} {passage.heading_path}".encode())
                text = embedded_text(page, passage)
                keys.append(text_key(text))
                texts[keys[-1]] = text
            columns.add(page, passages)
        waiting.add({key: texts[key] for key, there in zip(keys, cache.has(keys), strict=True) if not there})
        parts.append(np.array(keys, KEY))
        progress("read", columns.passages, None)
    columns.finish()
    return _Content(digest.hexdigest(), columns.pages, np.concatenate(parts), len(hosts))


def _index(
    content: _Content,
    folder: Path,
    cache: VectorCache,
    analysed: AnalysedTexts,
    dense: DenseWriter,
    progress: Progress,
) -> None:
    """Write lexical files and the hashes of texts, out of the columns; collect the vectors."""
    columns = Columns(folder)
    lexical = LexicalWriter(folder / "lexical")
    # Near-duplicates are sought between hosts alone.
    compared = content.hosts > 1
    prints = np.empty((len(columns), FINGERPRINT_SIZE if compared else 1), np.uint64)
    rows = columns.documents()
    for start in range(0, len(columns), _BATCH):
        batch = list(islice(rows, _BATCH))
        place = slice(start, start + len(batch))
        texts = [document.text for document in batch]
        if compared:
            terms, prints[place] = analysed.terms_and_fingerprints(texts)
        else:
            terms, prints[place] = analysed.terms(texts), text_hashes(texts)
        for row, (document, own) in enumerate(zip(batch, terms, strict=True), start):
            lexical.add(row, document.title, document.heading_path, own)
        dense.add(cache.get(content.keys[place]))
        progress("index", place.stop, len(columns))
    np.save(folder / TEXT_HASHES, find_copies(columns, prints, progress) if compared else prints[:, 0])
    lexical.finish()


def _held_out(columns: Columns, encoder: Encoder) -> Vectors:
    """Queries a reader might put to some of the pages: title and last heading of passages evenly spread."""
    rows = np.unique(np.linspace(0, max(0, len(columns) - 1), _HELD_OUT_QUERIES).astype(np.int64))
    found = (columns.passage(int(row)) for row in rows[: len(columns)])
    asked = dict.fromkeys(" ".join([page.title, *passage.heading_path[-1:]]) for passage, page in found)
    return encoder.encode_queries(list(asked))


def _batches(pages: Iterable[tuple[Page, list[Passage]]]) -> Iterator[list[tuple[Page, list[Passage]]]]:
    """The pages in batches of at least `_BATCH` passages."""
    batch, passages = [], 0
    for one in pages:
        batch.append(one)
        passages += len(one[1])
        if passages >= _BATCH:
            yield batch
            batch, passages = [], 0
    yield batch
