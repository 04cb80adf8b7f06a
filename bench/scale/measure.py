"""`bench scale`, step by step: the sample, a corpus of each size, its measures, the dense methods at the largest."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from bench.results_cache import code_digest
from bench.rows import Note
from bench.scale import corpus as corpus_module
from bench.scale import drawing, pieces, sites
from bench.scale import sample as sample_module
from bench.scale.building import LoadEncoder, build, build_changed, fill
from bench.scale.corpus import Corpus
from bench.scale.methods import compare_methods
from bench.scale.opening import ASKED, KnownQueries, open_and_ask
from bench.scale.queries import Queries
from bench.scale.records import Built, Closeness, Incremental, MethodRow, Opened, Size
from bench.scale.sample import Sample
from bench.scale.searching import search
from index.errors import SnapshotInvalid, SnapshotNotFound
from index.files import write_atomically
from index.progress import Progress
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings

ResultT = TypeVar("ResultT")

InProcess = Callable[..., Any]
"""`in_fresh_process` and what can stand for it: called as `run(work, *arguments, progress=progress)`."""

_PARTS = ("snapshots", "analysed", "CURRENT", "built.json", "incremental.json")


@dataclass(frozen=True, slots=True)
class Scale:
    """What to measure. `work_dir` keeps what was built; `rounds` are turns of hybrid search and encoding."""

    sizes: tuple[int, ...]
    work_dir: Path
    seed: int = 1
    rounds: int = 7
    incremental: bool = True
    methods: bool = True
    hnsw: bool = False


class ScaleBench:
    """Measures corpora grown from one sample. Every step runs in a process of its own."""

    def __init__(
        self,
        sample: Sample,
        closeness: Closeness,
        queries: Queries,
        load_encoder: LoadEncoder,
        ranking: RankingSettings,
        scale: Scale,
        run: InProcess,
        progress: Progress,
        note: Note,
    ) -> None:
        self._sample, self._closeness, self._queries = sample, closeness, queries
        self._load_encoder, self._ranking = load_encoder, ranking
        self._scale, self._run, self._progress, self._note = scale, run, progress, note
        self._home = _home(sample, closeness, scale)

    def sizes(self) -> list[Size]:
        """Each size: what is built already is measured again, not built again."""
        found = []
        for number, size in enumerate(self._scale.sizes):
            self._progress("sizes", number, len(self._scale.sizes))
            found.append(self._size(size))
        self._progress("sizes", len(found), len(found))
        return found

    def methods(self) -> list[MethodRow]:
        """The dense methods on the vectors of the largest size."""
        queries = self._queries.many(2560)
        folder = self._folder(max(self._scale.sizes))
        return self._in_process(compare_methods, folder, queries, self._scale.hnsw)

    def _size(self, size: int) -> Size:
        folder, corpus = self._folder(size), Corpus(self._sample, size, self._scale.seed)
        built = self._kept(folder, "built.json", Built, lambda: self._build(corpus, folder))
        opened, answers = self._open(folder)
        searched = self._in_process(
            search, folder, self._queries, answers, self._load_encoder, self._ranking, self._scale.rounds
        )
        changed = None
        if self._scale.incremental:
            changed = self._kept(
                folder, "incremental.json", Incremental, lambda: self._build_changed(corpus, folder, built)
            )
        return Size(
            size, built, opened, searched.dense, searched.lexical, searched.hybrid, searched.recall10,
            searched.recall100, searched.nearest, searched.filters, changed, searched.differing,
        )  # fmt: skip

    def _build(self, corpus: Corpus, folder: DataFolder) -> Built:
        for name in _PARTS:
            _remove(folder.root / name)
        self._in_process(fill, corpus, folder, self._closeness.strength)
        return self._in_process(build, corpus, folder, self._load_encoder)

    def _build_changed(self, corpus: Corpus, folder: DataFolder, built: Built) -> Incremental:
        rewritten = self._in_process(fill, corpus.changed(), folder, self._closeness.strength)
        return self._in_process(build_changed, corpus, folder, built, rewritten, self._load_encoder)

    def _open(self, folder: DataFolder) -> tuple[Opened, tuple[str, ...]]:
        queries = KnownQueries(self._sample.encoder, self._queries.texts, self._queries.vectors)
        cold, warm = (
            self._in_process(open_and_ask, folder, queries, self._ranking, cold) for cold in (True, False)
        )  # fmt: skip
        opened = Opened(
            warm.seconds, warm.first_answer, cold.seconds, cold.first_answer, warm.base, warm.opened, warm.used, ASKED
        )
        return opened, warm.answers

    def _folder(self, size: int) -> DataFolder:
        return DataFolder(self._home / str(size))

    def _in_process(self, work: Callable[..., ResultT], *arguments: Any) -> ResultT:
        return self._run(work, *arguments, progress=self._progress)  # type: ignore[no-any-return]

    def _kept(self, folder: DataFolder, name: str, kind: type[ResultT], make: Callable[[], ResultT]) -> ResultT:
        """The record in that file, if this code of `index` made it and its snapshot is there; else made and kept."""
        path, code = folder.root / name, code_digest("index")
        adapter = TypeAdapter(tuple[str, kind])  # type: ignore[valid-type]
        try:
            SnapshotStore(folder).open()
            made_by, record = adapter.validate_json(path.read_bytes())
        except (OSError, ValidationError, SnapshotInvalid, SnapshotNotFound):
            made_by = ""
        if made_by == code:
            self._note(f"{folder.root.name} passages: {path.stem} before, in {folder.root}")
        else:
            record = make()
            write_atomically(path, adapter.dump_json((code, record)))
        return record


def _home(sample: Sample, closeness: Closeness, scale: Scale) -> Path:
    """A folder for what this sample grows to; those of other samples, or of another way to grow, are removed."""
    digest = hashlib.sha256(f"{sample.digest} {scale.seed} {closeness.strength}".encode())
    for module in (sample_module, sites, pieces, corpus_module, drawing):
        digest.update(Path(str(module.__file__)).read_bytes())
    home = scale.work_dir / "scale" / digest.hexdigest()[:12]
    for other in home.parent.glob("*"):
        if other != home:
            shutil.rmtree(other)
    return home


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
