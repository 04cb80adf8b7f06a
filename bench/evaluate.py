"""Measures of the product's searcher on a judged collection: lexical, dense and hybrid, by ir_measures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import ir_measures
from ir_measures import RR, P, R, nDCG

from authority_search.models import Arm, SearchRequest
from bench.beir import Collection, collection_pages, collection_sources, document_url
from index.build import build_snapshot
from index.encoders import Encoder
from index.lock import write_lock
from index.progress import Progress, silent
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.searcher import Searcher

MEASURES = {"nDCG@10": nDCG @ 10, "R@10": R @ 10, "R@100": R @ 100, "RR@10": RR @ 10, "P@1": P @ 1}
BATCH = 256

Run = dict[str, dict[str, float]]
"""Scores by query and document, higher is better."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One system on one collection: the mean of each measure over all judged queries."""

    collection: str
    system: str
    queries: int
    values: dict[str, float]


def open_collection(
    collection: Collection, folder: Path, encoder: Encoder, settings: RankingSettings, progress: Progress = silent
) -> Searcher:
    """Index a collection under `folder`, or reuse what is there, and open the searcher on it."""
    store = SnapshotStore(DataFolder(folder))
    with write_lock(folder):
        report = build_snapshot(lambda: collection_pages(collection), collection_sources(), encoder, store, progress)
        store.publish(report.snapshot)
    return Searcher(store.open(), encoder, settings)


def evaluate(collection: Collection, searcher: Searcher, progress: Progress = silent) -> list[Evaluation]:
    """Run all queries once and judge both arms and their fusion. A query without results counts 0."""
    runs = search_all(collection, searcher, progress)
    return [
        Evaluation(collection.name, system, len(collection.queries), judge(collection.qrels, run))
        for system, run in runs.items()
    ]


def search_all(collection: Collection, searcher: Searcher, progress: Progress = silent) -> dict[str, Run]:
    """The runs of both arms alone and of the hybrid."""
    documents = {document_url(key): key for key in collection.documents}
    runs: dict[str, Run] = {"lexical": {}, "dense": {}, "hybrid": {}}
    keys = list(collection.queries)
    for start in range(0, len(keys), BATCH):
        progress(collection.name, start, len(keys))
        batch = keys[start : start + BATCH]
        request = SearchRequest(
            queries=[collection.queries[key] for key in batch],
            top_k=100,
            authority="off",
            max_tokens=None,
            max_per_page=None,
            explain=False,
        )
        for key, result in zip(batch, searcher.search(request).results, strict=True):
            hits = [(documents[hit.url], hit) for hit in result.hits]
            # The best of both lists is at most 2 × depth long; top_k shows its first 100.
            runs["hybrid"][key] = {document: 1.0 / hit.rank for document, hit in hits}
    for arm in ("lexical", "dense"):
        runs[arm] = _arm_run(collection, searcher, arm, documents)
    progress(collection.name, len(keys), len(keys))
    return runs


def _arm_run(collection: Collection, searcher: Searcher, arm: Arm, documents: Mapping[str, str]) -> Run:
    snapshot, keys = searcher.snapshot, list(collection.queries)
    found = searcher.search_arm(arm, [collection.queries[key] for key in keys])
    return {
        key: {
            documents[snapshot.columns.url(snapshot.columns.page_number(int(row)))]: 1.0 / place
            for place, row in enumerate(rows, 1)
        }
        for key, (rows, _) in zip(keys, found, strict=True)
    }


def judge(qrels: Mapping[str, Mapping[str, int]], run: Run) -> dict[str, float]:
    """Means over all judged queries; a query that the run lacks counts 0."""
    measures = list(MEASURES.values())
    totals = dict.fromkeys(map(str, measures), 0.0)
    for row in ir_measures.iter_calc(measures, qrels, run):
        totals[str(row.measure)] += row.value
    return {name: totals[str(measure)] / len(qrels) for name, measure in MEASURES.items()}
