"""One collection, many systems: rank, judge, time, and keep the result."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.cached_encoder import CachedEncoder
from bench.latency import measure_latency
from bench.measures import Shown, answer_recall, authority_at, judge, means
from bench.rankers import BATCH, Ranker, make_ranker
from bench.records import Collection, Result, Run
from bench.results_cache import Evaluated, ResultsCache, result_key
from bench.rows import Note, unsaid
from bench.systems import LEXICAL, PEERS, System
from bench.trec import ranked
from bench.view import Place, View
from index.encoders import Encoder
from index.progress import Progress, silent
from index.rerankers import Reranker

TOP_K = 100


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates systems on collections. `encoder` is timed, `queries` answers; `latency` False times nothing.

    `reranker` is that of hybrid+rerank.
    """

    encoder: Encoder
    queries: CachedEncoder
    cache: ResultsCache
    latency: bool = True
    fresh: bool = False
    progress: Progress = silent
    note: Note = unsaid
    reranker: Reranker | None = None

    def evaluate(self, collection: Collection, view: View, systems: Iterable[System]) -> list[Evaluated]:
        """The result of each system. Raises PeerMissing, EncoderMismatch and SystemFailed."""
        found, reused = [], []
        for system in systems:
            key = result_key(collection, view.snapshot.manifest, system, self.reranker)
            kept = None if self.fresh else self._kept(key, system.name)
            done = self._timed(collection, view, system, kept or self._judged(collection, view, system))
            if kept is done:
                reused.append(system.name)
            else:
                self.cache.put(key, done)
            found.append(done)
        if reused:
            self.note(f"{collection.name}: taken from an earlier run (--fresh computes again): {', '.join(reused)}")
        return found

    def _kept(self, key: str, name: str) -> Evaluated | None:
        kept = self.cache.get(key)
        return kept and replace(kept, result=replace(kept.result, system=name))

    def _judged(self, collection: Collection, view: View, system: System) -> Evaluated:
        if system.way not in LEXICAL:
            # All at once: shards and batches are fuller than query batch by query batch.
            self.queries.encode_queries(list(collection.queries.values()), self.progress)
        ranker = make_ranker(system, view, self.queries, self.reranker)
        places = dict(self._ranked(collection, ranker, f"{collection.name} {system.name}"))
        run = {query: ranked(view.documents(query, found)) for query, found in places.items()}
        per_query = judge(collection.qrels, run)
        for query, found in places.items():
            per_query[query] |= _read(collection, view, query, found)
            if view.is_published and system.way not in PEERS:
                per_query[query] |= authority_at([view.authority(one.row) for one in found if not one.copy])
        return Evaluated(_result(collection, system.name, per_query), run)

    def _ranked(self, collection: Collection, ranker: Ranker, stage: str) -> Iterator[tuple[str, list[Place]]]:
        keys = list(collection.queries)
        for start in range(0, len(keys), BATCH):
            self.progress(stage, start, len(keys))
            batch = keys[start : start + BATCH]
            yield from zip(batch, ranker.rank([collection.queries[key] for key in batch], TOP_K), strict=True)
        self.progress(stage, len(keys), len(keys))

    def _timed(self, collection: Collection, view: View, system: System, done: Evaluated) -> Evaluated:
        if not self.latency or done.result.latency is not None:
            return done
        latency = measure_latency(
            make_ranker(system, view, self.encoder, self.reranker), list(collection.queries.values())
        )
        return replace(done, result=replace(done.result, latency=latency))


def evaluate_run(collection: Collection, name: str, run: Run) -> Evaluated:
    """The result of a run that was read from a file. Answer recall needs texts, and so a collection's own documents."""
    judged = {query: found for query, found in run.items() if query in collection.qrels}
    per_query = judge(collection.qrels, judged)
    if collection.documents:
        for query, values in per_query.items():
            order = sorted(judged.get(query, {}), key=lambda document: -judged[query][document])
            texts = ((document, collection.documents.get(document)) for document in order)
            shown = (Shown(document, both[1] or both[0]) for document, both in texts if both is not None)
            values |= answer_recall(shown, collection.qrels[query], collection.answers.get(query, ()))
    return Evaluated(_result(collection, name, per_query), judged)


def _read(collection: Collection, view: View, query: str, places: Sequence[Place]) -> dict[str, float]:
    # A copy's text is not sent: the reply only names its URL.
    sent = [place for place in places if not place.copy]
    texts = zip(view.documents(query, sent), sent, strict=True)
    shown = (Shown(document, view.text(place.row)) for document, place in texts)
    return answer_recall(shown, collection.qrels[query], collection.answers.get(query, ()))


def _result(collection: Collection, system: str, per_query: dict[str, dict[str, float]]) -> Result:
    return Result(
        collection=collection.name,
        split=collection.split,
        digest=collection.digest,
        system=system,
        queries=len(per_query),
        means=means(per_query),
        per_query=per_query,
    )
