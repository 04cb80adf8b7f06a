"""One run of the bench: inputs read, indexes opened, systems evaluated and compared, one report."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bench.beir import read_collection, read_with_topics
from bench.cached_encoder import CachedEncoder
from bench.corpus import open_collection
from bench.errors import InvalidCollection, InvalidSystem
from bench.evaluate import Evaluator, evaluate_run
from bench.machine import machine
from bench.published import canonical_document, read_published
from bench.rankers import require_installed
from bench.records import Collection, Report, Run
from bench.results_cache import Evaluated, ResultsCache
from bench.rows import Note, unsaid
from bench.significance import compare
from bench.systems import RERANKED, System
from bench.trec import read_run
from bench.view import View
from domain_lists.errors import InvalidUrl
from index.encoders import Encoder
from index.lock import write_lock
from index.progress import Progress, silent
from index.rerankers import Reranker
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore


@dataclass(frozen=True, slots=True)
class Inputs:
    """What to measure on. `queries` and `qrels` go with `snapshot`, or else with the one folder.

    `snapshot` is a data folder; its live snapshot is measured, or the one that `snapshot_id` names.
    """

    folders: tuple[Path, ...] = ()
    split: str = "test"
    snapshot: Path | None = None
    snapshot_id: str | None = None
    queries: Path | None = None
    qrels: Path | None = None
    run_files: tuple[Path, ...] = ()


class Judged(NamedTuple):
    """A collection; `snapshot` is None where its documents are still to be indexed."""

    collection: Collection
    snapshot: Snapshot | None


class Outcome(NamedTuple):
    """The report, and every run by collection and system."""

    report: Report
    runs: dict[str, dict[str, Run]]


def read_inputs(inputs: Inputs, note: Note = unsaid) -> list[Judged]:
    """Read everything that is judged on. Raises InvalidCollection, SnapshotNotFound and SnapshotInvalid."""
    found = []
    if inputs.snapshot is not None and inputs.queries and inputs.qrels:
        snapshot = SnapshotStore(DataFolder(inputs.snapshot)).open(inputs.snapshot_id)
        name = inputs.snapshot.resolve().name
        found.append(Judged(read_published(snapshot, name, inputs.queries, inputs.qrels, note), snapshot))
    for folder in inputs.folders:
        if inputs.snapshot is None and inputs.queries and inputs.qrels:
            found.append(Judged(read_with_topics(folder, inputs.queries, inputs.qrels, note), None))
        else:
            found.append(Judged(read_collection(folder, inputs.split, note), None))
    names = [judged.collection.name for judged in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise InvalidCollection(f"two collections are named {min(twice)!r}; rename a folder")
    return found


def read_run_files(paths: Iterable[Path], collection: Collection, note: Note = unsaid) -> dict[str, Run]:
    """Runs by the names of their files without ending. Raises InvalidCollection, also for a run of other queries."""
    runs: dict[str, Run] = {}
    for path in paths:
        run = read_run(path)
        if not collection.documents:
            run = {query: _canonical(found, path) for query, found in run.items()}
        if path.stem in runs:
            raise InvalidCollection(f"two runs are named {path.stem!r}; rename a file")
        lacking = collection.queries.keys() - run.keys()
        if len(lacking) == len(collection.queries):
            raise InvalidCollection(f"{path} has results for none of the {len(lacking):,} queries of {collection.name}")
        if lacking:
            note(f"{path.stem}: no results for {len(lacking):,} queries, such as {min(lacking)!r}; they count 0")
        runs[path.stem] = run
    return runs


def choose_baseline(asked: str | None, names: Sequence[str]) -> str:
    """The system that others are compared with: the one asked for, or hybrid, or the first. Raises InvalidSystem."""
    if asked is not None and asked not in names:
        raise InvalidSystem(f"the baseline {asked!r} is none of the systems: {', '.join(names)}")
    return asked or ("hybrid" if "hybrid" in names else names[0])


@dataclass(frozen=True, slots=True)
class Bench:
    """How a run is done. `settings` are told in the report; `work_dir` keeps indexes, vectors and results."""

    systems: tuple[System, ...]
    work_dir: Path
    settings: dict[str, str]
    baseline: str | None = None
    latency: bool = True
    fresh: bool = False
    reranker: Reranker | None = None

    def run(
        self,
        inputs: Sequence[Judged],
        encoder: Encoder,
        run_files: Sequence[Path] = (),
        progress: Progress = silent,
        note: Note = unsaid,
    ) -> Outcome:
        """Evaluate every system on every input. Run files go with a single input.

        Raises BenchError, IndexingError, and DataFolderLocked while another run works in `work_dir`.
        """
        require_installed(self.systems)
        if self.reranker is None and any(system.way == RERANKED for system in self.systems):
            raise InvalidSystem(f"{RERANKED} needs a reranker: --reranker FOLDER, or the setting reranker.model")
        runs_read = {judged.collection.name: read_run_files(run_files, judged.collection, note) for judged in inputs}
        names = [*(system.name for system in self.systems), *(path.stem for path in run_files)]
        if twice := {name for name in names if names.count(name) > 1}:
            raise InvalidSystem(f"two systems are named {min(twice)!r}; rename the run file or the system")
        baseline = choose_baseline(self.baseline, names)
        done: list[Evaluated] = []
        with write_lock(self.work_dir):
            evaluator = self._evaluator(encoder, progress, note)
            for collection, snapshot in inputs:
                opened = snapshot or open_collection(collection, self.work_dir, encoder, progress)
                done += evaluator.evaluate(collection, View(collection, opened), self.systems)
                done += [evaluate_run(collection, name, run) for name, run in runs_read[collection.name].items()]
        return Outcome(self._report(inputs, done, baseline), _by_collection(done))

    def _evaluator(self, encoder: Encoder, progress: Progress, note: Note) -> Evaluator:
        queries = CachedEncoder(encoder, self.work_dir / "vectors")
        cache = ResultsCache(self.work_dir / "results")
        return Evaluator(encoder, queries, cache, self.latency, self.fresh, progress, note, self.reranker)

    def _report(self, inputs: Sequence[Judged], done: Sequence[Evaluated], baseline: str) -> Report:
        results = tuple(one.result for one in done)
        return Report(
            title="Retrieval on " + ", ".join(judged.collection.name for judged in inputs),
            created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            machine=machine(),
            settings=self.settings | {"baseline": baseline} | _described(self.systems),
            results=results,
            comparisons=compare(results, baseline),
            queries={judged.collection.name: dict(judged.collection.queries) for judged in inputs},
        )


def _described(systems: Iterable[System]) -> dict[str, str]:
    """Each system in the words of the command line, with all its settings."""
    return {
        f"system {system.name}": " ".join(
            [system.way, *(f"ranking.{name}={value}" for name, value in system.ranking().items())]
        )
        for system in systems
    }


def _by_collection(done: Iterable[Evaluated]) -> dict[str, dict[str, Run]]:
    runs: dict[str, dict[str, Run]] = {}
    for one in done:
        runs.setdefault(one.result.collection, {})[one.result.system] = one.run
    return runs


def _canonical(found: dict[str, float], path: Path) -> dict[str, float]:
    try:
        return {canonical_document(document): score for document, score in found.items()}
    except InvalidUrl as error:
        raise InvalidCollection(f"{path}: a document of a snapshot is a URL or a passage id, but {error}") from error
