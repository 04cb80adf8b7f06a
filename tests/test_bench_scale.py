"""The scale bench: what corpora are grown from, how they are measured, and what is told."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from records import LetterEncoder, build_and_publish, make_page, make_sources, small_pages, small_sources
from scale_work import die, fail, square
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import InvalidCollection, SystemFailed
from bench.scale.building import StageClock, disk, fill, shared_bytes
from bench.scale.corpus import CHANGED, Corpus
from bench.scale.drawing import measured_strength
from bench.scale.exact import exact_search, recall
from bench.scale.filtering import HOSTS, SHARES, filter_masks
from bench.scale.measure import Scale, ScaleBench
from bench.scale.methods import REFERENCE, compare_methods
from bench.scale.page import write_scale
from bench.scale.pieces import halves, mixed, pieces_of, seeded
from bench.scale.processes import in_fresh_process, memory
from bench.scale.queries import LONG_TERMS, make_queries
from bench.scale.records import ScaleReport
from bench.scale.sample import Sample, read_sample
from bench.scale.slopes import slope
from bench.scale.view import scale_sections
from index.analysis import index_terms
from index.encoders import EncoderDescription, unit_rows
from index.errors import EncoderMismatch
from index.progress import silent
from index.records import Page
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from index.tokens import count_tokens
from ranking.settings import RankingSettings

_NOUNS = ("rate", "bank", "vaccine", "quake", "leaf", "note", "target", "doctor", "reserve", "rash", "wave", "sugar")
_VERBS = ("raises", "lowers", "measures", "shows", "holds", "follows", "explains", "replaces")
_HAN = "利率银行疫苗地震树叶纸币目标医生储备行长波浪指数贷款剂量上升下降测量说明"


def documents(count: int) -> list[Page]:
    """Documents of one passage of several sentences each, every fourth in Chinese, on one host."""
    random = np.random.default_rng(1)

    def sentence() -> str:
        return " ".join(["The", *random.choice(_NOUNS, 4), random.choice(_VERBS), *random.choice(_NOUNS, 3)]) + "."

    def chinese() -> str:
        return "".join(random.choice([*_HAN], 14)) + "。"

    return [
        make_page(
            f"https://docs.example.org/{number:04d}",
            " ".join(sentence() for _ in range(4)) if number % 4 else "".join(chinese() for _ in range(4)),
            title=f"{_NOUNS[number % 12].title()} and {_NOUNS[number // 12 % 12]} {number}"
            if number % 4
            else chinese(),
            language="en" if number % 4 else "zh",
        )
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    root = tmp_path_factory.mktemp("sample")
    build_and_publish(root, documents(240), make_sources("docs.example.org"), LetterEncoder())
    return SnapshotStore(DataFolder(root)).open()


@pytest.fixture(scope="module")
def sample(snapshot: Snapshot) -> Sample:
    return read_sample([snapshot], fewest=200)


def direct(work: Callable[..., Any], *arguments: Any, progress: Any) -> Any:
    """Runs here what the command runs in a process of its own, which takes a second to start."""
    return work(*arguments, progress)


def test_a_corpus_is_the_same_each_time_and_stands_on_listed_sources(sample: Sample) -> None:
    corpus = Corpus(sample, 1000)
    pages = list(corpus.pages())
    assert pages == list(corpus.pages()) != list(replace(corpus, seed=2).pages())
    urls = [page.url for page, _ in pages]
    assert urls == sorted(set(urls))
    assert sum(len(passages) for _, passages in pages) == pytest.approx(1000, abs=8)
    listed = [sample.sources.listed(page.url) for page, _ in pages]
    assert [source and source.id for source in listed] == [page.source for page, _ in pages]
    assert len({url.split("/")[2] for url in urls}) > 10
    for page, passages in pages:
        assert all(page.text()[one.start : one.end] == one.text for one in passages)
        assert [count_tokens(one.text) for one in passages] == [one.tokens for one in passages]


def test_a_grown_passage_joins_sentences_of_real_ones_of_its_language(sample: Sample) -> None:
    drawn = [
        (passage, origin)
        for grown in Corpus(sample, 1000).grown()
        for passage, origin in zip(grown.passages, grown.origins, strict=True)
    ]
    real = [passage.text for passage, origin in drawn if origin.real]
    assert sorted(real) == sorted(one.text for one in sample.passages), "each once, as it is"
    for passage, origin in drawn:
        if not origin.real:
            parents = [sample.passages[row] for row in (origin.text, origin.mixed, origin.other)]
            pieces = {piece for parent in parents for piece in parent.pieces.texts}
            own = sum(piece in passage.text for piece in parents[0].pieces.texts)
            assert 2 <= own < len(parents[0].pieces.texts) or parents[1] is parents[0]
            assert all(piece.strip() in pieces for piece in pieces_of(passage.text).texts)
            assert {sample.spoken[sample.languages[row]] for row in origin} == {passage.language}


def test_texts_are_cut_between_sentences_words_and_characters() -> None:
    assert pieces_of("One two. Three four. Five.").texts == ("One two.", "Three four.", "Five.")
    assert pieces_of("One two three four").texts == ("One two", "three four")
    assert pieces_of("利率上升。银行说明。").glue == ""
    assert halves("利率银行") == ("利率", "银行")
    assert halves("Word") == ("Word", "")
    text, tokens = mixed(pieces_of("A b. C d. E f. G h."), [pieces_of("X y. Z w.")], seeded(3))
    assert count_tokens(text) == tokens == 4 * 3
    assert sum(piece in text for piece in ("X y.", "Z w.")) == 2


def test_another_edition_differs_in_one_passage_of_a_hundred(sample: Sample) -> None:
    corpus = Corpus(sample, 6000)
    first, second = ({passage.id for _, some in one.pages() for passage in some} for one in (corpus, corpus.changed()))
    rewritten = sum(grown.rewritten for grown in corpus.changed().grown())
    assert len(second - first) == rewritten
    assert 0.6 < rewritten / (CHANGED * len(first)) < 1.4
    pages = [sum(1 for _ in one.pages()) for one in (corpus, corpus.changed())]
    assert 0 < pages[0] - pages[1] < 10


def test_drawn_vectors_have_neighbours_as_near_as_real_ones(sample: Sample) -> None:
    # Topics of very unlike sizes in few dimensions, for which noise of one size fits ill.
    random = np.random.default_rng(5)
    topics = random.normal(size=(30, 64)) * random.uniform(0.5, 2, (30, 1))
    vectors = unit_rows((topics[random.integers(0, 30, 4000)] + random.normal(size=(4000, 64)) + 2).astype(np.float32))
    found = measured_strength(replace(sample, vectors=vectors, languages=np.zeros(4000, np.int64)))
    assert (found.part, found.grown, found.held_out) == (115, 3680, 300)
    assert [row.rank for row in found.rows] == [1, 10, 100]
    assert all(row.apart < 0.04 for row in found.rows)
    # Mere copies of a part of the vectors leave the nearest farther away than what is drawn around them does.
    nearest = [np.sort((vectors[:300] @ some.T).max(axis=1)) for some in (vectors[300:], vectors[300:415])]
    assert found.rows[0].apart < 0.8 * np.abs(nearest[0] - nearest[1]).mean()


def test_queries_are_titles_and_lexical_ones_are_short_and_long_in_both_scripts(sample: Sample) -> None:
    queries = make_queries(sample, LetterEncoder())
    titles = {heading for one in sample.passages for heading in one.headings}
    assert titles <= set(queries.texts), "and where these are too few, beginnings of passages"
    assert [*queries.lexical] == ["words, short", "words, long", "Chinese, short", "Chinese, long"]
    assert all(3 <= len(text.split()) <= 5 for text in queries.lexical["words, short"])
    assert min(len(set(index_terms(text))) for text in queries.lexical["Chinese, long"]) >= LONG_TERMS
    many = queries.many(1000)
    assert many.shape == (1000, 64)
    assert np.array_equal(many[: len(queries.texts)], queries.vectors)
    assert np.allclose(np.linalg.norm(many, axis=1), 1, atol=1e-5)


def test_recall_counts_what_is_as_near_as_the_last_of_the_nearest() -> None:
    vectors = unit_rows(np.array([[1, 0], [0.9, 0.1], [0.9, 0.1], [0.5, 0.5], [0, 1]], np.float32))
    query = np.array([[1, 0]], np.float32)
    stored = vectors.__getitem__
    mask = np.array([False, False, True, True, True])
    everything, left = exact_search(stored, 5, query, 2, [None, mask])
    assert everything.rows[0].tolist() == [0, 1]
    assert left.rows[0].tolist() == [2, 3]
    assert recall([np.array([0, 2])], everything, query, stored, 2) == 1, "row 2 is as near as row 1"
    assert recall([np.array([0, 3])], everything, query, stored, 2) == 0.5
    assert recall([np.array([0, 0])], everything, query, stored, 2) == 0.5, "no row counts twice"
    only = exact_search(stored, 5, query, 2, [np.arange(5) == 4])[0]
    assert recall([np.array([4])], only, query, stored, 2) == 1, "there is but one"


def test_filters_leave_their_share_by_rows_and_by_hosts(sample: Sample, tmp_path: Path) -> None:
    pages = [page for page, _ in Corpus(sample, 600).pages()]
    build_and_publish(tmp_path, pages, sample.sources, LetterEncoder())
    grown = SnapshotStore(DataFolder(tmp_path)).open()
    count = len(grown.columns)
    masks = list(filter_masks(grown))
    assert [int(one.mask.sum()) for one in masks] == [max(1, round(share * count)) for share in SHARES] * 2
    half = next(one.mask for one in masks if one.rows == HOSTS)
    hosts = [grown.columns.url(number).split("/")[2] for number in grown.columns.page_numbers(np.arange(count))]
    cut = {host for host in hosts if 0 < np.mean(half[[host == one for one in hosts]]) < 1}
    assert len(cut) <= 1


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(1e4, 2.0), (1e5, 20.0), (1e6, 200.0)], 1.0),
        ([(1e4, 5.0), (1e6, 50.0)], 0.5),
        ([(1e4, 3.0), (1e5, 3.0)], 0.0),
        # By hand: x −1, 0, 1 and y 0, 1, 1 give (0 + 0 + ½·… ) = Σxy / Σx² = (−1·0 + 0·1 + 1·1) / 2.
        ([(1e4, 1.0), (1e5, 10.0), (1e6, 10.0)], 0.5),
        ([(1e4, 3.0)], None),
        ([(1e4, 0.0), (1e5, 3.0)], None),
    ],
)
def test_slopes_are_those_of_lines_on_logarithmic_axes(
    points: list[tuple[float, float]], expected: float | None
) -> None:
    found = slope(points)
    assert found == (None if expected is None else pytest.approx(expected))


def test_time_counts_for_the_stage_that_tells_of_it_and_growing_for_none(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(0, 1000, 10))
    monkeypatch.setattr("bench.scale.building.time.perf_counter", lambda: float(next(now)))
    clock = StageClock(silent)
    clock("read", 1, None)
    page = next(clock.pages(Corpus(sample, 200)))
    assert page[1]
    clock("index", 1, None)
    stages, growing = clock.finish()
    assert [(one.name, one.seconds) for one in stages] == [("read", 10), ("index", 20), ("finish", 10)]
    assert growing.seconds == 10


def test_bytes_are_counted_by_kind_of_file_and_shared_ones_by_link(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        (folder / "lexical").mkdir(parents=True)
    (one / "lexical" / "a.idx").write_bytes(b"x" * 10)
    (one / "dense.flat").write_bytes(b"x" * 5)
    (one / "dense.lists").write_bytes(b"x" * 7)
    assert disk(one) == {"dense": 12, "lexical": 10}
    (other / "lexical" / "b.idx").hardlink_to(one / "lexical" / "a.idx")
    (other / "dense.flat").write_bytes(b"x" * 5)
    assert shared_bytes(other, one) == (10, 15)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Threads of FAISS that wait for each other take seconds where the processors are busy."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(threads)


@pytest.fixture(scope="module")
def report(sample: Sample, one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> ScaleReport:  # noqa: ARG001
    work_dir = tmp_path_factory.mktemp("work")
    notes = list[str]()
    sizes = tuple(scale_bench(sample, work_dir, (200, 600), notes).sizes())
    assert not notes
    # Once more: what was built and changed is there.
    scale_bench(sample, work_dir, (200,), notes).sizes()
    assert [note.partition(", in")[0] for note in notes] == [
        "200 passages: built before",
        "200 passages: incremental before",
    ]
    folder = DataFolder(next(work_dir.glob("scale/*/600")))
    methods = compare_methods(folder, make_queries(sample, LetterEncoder()).many(300), True, silent)
    return ScaleReport("bench scale", "", "", {}, measured_strength(sample), sizes, tuple(methods))


def scale_bench(sample: Sample, work_dir: Path, sizes: tuple[int, ...], notes: list[str]) -> ScaleBench:
    asked = Scale(sizes, work_dir, rounds=2)
    queries, closeness = make_queries(sample, LetterEncoder()), measured_strength(sample)
    return ScaleBench(
        sample, closeness, queries, LetterEncoder, RankingSettings(), asked, direct, silent, notes.append
    )  # fmt: skip


def test_every_size_is_measured_whole(report: ScaleReport) -> None:
    assert report.deterministic
    for size in report.sizes:
        built, changed = size.built, size.incremental
        assert built.passages == pytest.approx(size.size, abs=8)
        assert {stage.name for stage in built.stages} >= {"read", "index", "finish"}
        assert built.languages.keys() == {"en", "zh"}
        assert {"lexical", "pages"} < built.disk.keys()
        assert built.dense == "exact"
        assert [*size.dense] == [1, 32, 512, 2560]
        kinds = [one.kind for one in size.lexical]
        assert kinds == ["words, short", "words, long", "Chinese, short", "Chinese, long", "all in threads"]
        # The product's own promise at this size is exactness.
        assert (size.recall10, size.recall100) == (1, 1)
        assert [(one.share, one.recall100) for one in size.filters] == [(share, 1.0) for share in SHARES] * 2
        assert size.nearest[1] >= size.nearest[10] >= size.nearest[100]
        assert changed is not None
        assert changed.passages > 0
        assert changed.rewritten < 0.05 * size.size
        assert size.opened.opened.total >= size.opened.base.total > 0
        assert size.hybrid.ratio > 0


def test_dense_methods_are_held_against_exact_search(report: ScaleReport) -> None:
    flat = [row for row in report.methods if row.method.startswith("flat")]
    assert [row.recall100 for row in flat] == [1, 1, 1]
    reference = next(row for row in flat if f"{row.method}, {row.effort}" == REFERENCE)
    assert set(reference.times.values()) == {1.0}
    assert flat[-1].bytes < 0.6 * reference.bytes, "half as many bytes a number"
    assert len({row.method for row in report.methods}) == 5
    for name in {row.method for row in report.methods}:
        assert max(row.recall10 for row in report.methods if row.method == name) > 0.9, name
    assert any(row.method.startswith("HNSW") for row in report.methods)


def test_the_page_has_all_tables_and_plots(report: ScaleReport, tmp_path: Path) -> None:
    files = write_scale(report, tmp_path)
    kept = json.loads(files[0].read_bytes())
    assert [size["size"] for size in kept["sizes"]] == [200, 600]
    page = files[1].read_text(encoding="utf-8")
    sections = scale_sections(report)
    assert all(f">{section.title}</h2>" in page for section in sections)
    assert page.count("<svg") == sum(len(section.curves) for section in sections) == 5
    growth = next(section for section in sections if section.title == "Cost against size")
    disks = next(row for row in growth.rows if row[0] == "disk, MB")
    assert 0.5 < float(disks[3]) < 1.2, "the disk grows about as fast as the passages"


def test_work_in_a_process_of_its_own_returns_raises_or_is_said_to_have_died() -> None:
    told = list[tuple[str, int, int | None]]()
    assert in_fresh_process(square, 3, progress=lambda *one: told.append(one)) == 9
    assert told == [("square", 1, 2)]
    with pytest.raises(InvalidCollection, match="no luck"):
        in_fresh_process(fail, "no luck", progress=silent)
    with pytest.raises(SystemFailed, match=r"`die` died \(killed, as when memory runs out\)"):
        in_fresh_process(die, 9, progress=silent)
    assert memory().anonymous > 1_000_000


def test_too_small_a_sample_and_wrong_sizes_are_errors_in_words(tmp_path: Path, snapshot: Snapshot) -> None:
    build_and_publish(tmp_path, small_pages(), small_sources(), LetterEncoder())
    few = CliRunner().invoke(app, ["--data-dir", str(tmp_path), "bench", "scale", "--work-dir", str(tmp_path / "work")])
    assert few.exit_code == 1
    assert "passages are too few to grow a corpus from, 2,000 are needed; publish more" in " ".join(few.output.split())
    for sizes, said in (("10k", "write numbers of passages"), ("5", "is too small, 100 is the least")):
        wrong = CliRunner().invoke(app, ["bench", "scale", "--sizes", sizes])
        assert wrong.exit_code == 2
        assert said in " ".join(wrong.output.replace("│", " ").split())
    other = SnapshotStore(DataFolder(tmp_path)).open()
    description = EncoderDescription("other", 64, 512, "", "", "other")
    other.manifest = replace(other.manifest, encoder=description)
    with pytest.raises(EncoderMismatch):
        read_sample([snapshot, other], fewest=200)


def test_several_samples_are_one(snapshot: Snapshot, tmp_path: Path) -> None:
    build_and_publish(tmp_path, small_pages(), small_sources(), LetterEncoder())
    both = read_sample([snapshot, SnapshotStore(DataFolder(tmp_path)).open()], fewest=200)
    assert len(both.passages) == 240 + len(SnapshotStore(DataFolder(tmp_path)).open().columns)
    assert {site.source for site in both.sites} >= {"docs.example.org", "bank.example.org"}
    assert fill(Corpus(both, 300), DataFolder(tmp_path / "grown"), 0.5, silent) == 0
