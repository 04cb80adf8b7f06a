"""The bench at work: systems, peers, cache, comparison, the command line."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from bench_collections import QUERIES, write_collection
from records import LetterEncoder, build_and_publish, make_page, make_source, make_sources
from rich.console import Console

import bench.cli_run
from bench.cached_encoder import CachedEncoder
from bench.cli import bench_app
from bench.corpus import open_collection
from bench.errors import InvalidCollection, InvalidSystem, PeerMissing, SystemFailed
from bench.evaluate import Evaluator
from bench.latency import measure_latency
from bench.output import write_outcome
from bench.rankers import Ranker, make_ranker
from bench.records import Latency, Result
from bench.results_cache import ResultsCache, result_key
from bench.run import Bench, Inputs, Judged, Outcome, read_inputs
from bench.systems import DEFAULT, RERANKED, WAYS, System, parse_systems
from bench.table import legend, results_table
from bench.view import Place, View
from index.encoders import Vectors
from index.errors import DataFolderLocked
from index.lock import write_lock
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.cli.console import run_command
from service.cli.main import app

SETTINGS = RankingSettings()
PERFECT = {"nDCG@10": 1, "R@10": 1, "R@100": 1, "RR@10": 1, "P@1": 1, "AR@512": 1, "AR@1024": 1, "AR@2048": 1}


def run_bench(folder: Path, work: Path, *systems: str, encoder: LetterEncoder | None = None, **options: Any) -> Outcome:
    bench = Bench(tuple(parse_systems(systems or DEFAULT, SETTINGS)), work, {"encoder.model": "letters"}, **options)
    return bench.run(read_inputs(Inputs((folder,))), encoder or LetterEncoder())


def by_system(outcome: Outcome) -> dict[str, Result]:
    return {one.system: one for one in outcome.report.results}


# Systems


def test_a_system_has_a_name_and_settings_of_its_own() -> None:
    first, second, third = parse_systems(
        ["lexical", "narrow: hybrid+tie ranking.band_width=0.05 ranking.depth=50", "hybrid ranking.depth=7"], SETTINGS
    )
    assert first == System("lexical", "lexical", SETTINGS)
    assert (second.name, second.way) == ("narrow", "hybrid+tie")
    assert (second.settings.band_width, second.settings.depth) == (0.05, 50)
    assert (third.name, third.settings.depth) == ("hybrid ranking.depth=7", 7)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (["best"], "there is no 'best'; there are: lexical, dense, hybrid"),
        ([" : "], "names no system"),
        (["hybrid depth=3"], "'depth=3' is no setting of ranking"),
        (["hybrid ranking.depht=3"], "no setting ranking.depht; did you mean ranking.depth?"),
        (["hybrid ranking.depth=0"], r"ranking\.depth cannot be '0': .*greater than or equal to 1"),
        (["hybrid ranking.depth=many"], r"ranking\.depth cannot be 'many'"),
        (["bm25s ranking.depth=3"], "takes no settings"),
        (["hybrid", "hybrid"], "two systems are named 'hybrid'"),
    ],
)
def test_a_system_that_cannot_be_is_refused(written: list[str], said: str) -> None:
    with pytest.raises(InvalidSystem, match=said):
        parse_systems(written, SETTINGS)


def test_every_system_finds_the_only_document_with_the_words(tmp_path: Path) -> None:
    ways = [way for way in WAYS if way != RERANKED]
    outcome = run_bench(write_collection(tmp_path / "tiny"), tmp_path / "work", *ways)
    found = by_system(outcome)
    assert set(found) == set(ways)
    assert {one.queries for one in found.values()} == {2}
    # Only one document has any word of either query.
    for system in ("lexical", "hybrid", "hybrid+tie", "hybrid+boost", "bm25s"):
        assert found[system].means == PERFECT, system
    # Letters alone find it among the four, which a budget of 512 tokens holds.
    assert found["dense"].means["R@100"] == found["dense"].means["AR@512"] == 1


def test_the_dense_arm_agrees_with_a_plain_product(tmp_path: Path) -> None:
    runs = run_bench(write_collection(tmp_path / "tiny"), tmp_path / "work", "dense", "flat-dense").runs["tiny"]
    assert runs["dense"] == runs["flat-dense"]


def test_bm25s_stems_words_and_parts_chinese_into_bigrams(tmp_path: Path) -> None:
    collection = read_inputs(Inputs((write_collection(tmp_path / "tiny"),)))[0].collection
    snapshot = open_collection(collection, tmp_path / "work", LetterEncoder())
    from bench.peers.bm25s_peer import Bm25sRanker

    peer = Bm25sRanker(snapshot)
    assert peer.terms("Running rates, 政策利率 x 利") == ["run", "rate", "政策", "策利", "利率", "x", "利"]
    assert peer.rank(["utterly unknown"], 10) == [[]]


def test_a_peer_that_is_not_installed_is_told_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bm25s", None)
    monkeypatch.delitem(sys.modules, "bench.peers.bm25s_peer", raising=False)
    with pytest.raises(PeerMissing, match=r"pip install 'authority-search-server\[peers\]'"):
        run_bench(write_collection(tmp_path / "tiny"), tmp_path / "work", "lexical", "bm25s")
    assert not (tmp_path / "work").exists()


def test_words_alone_encode_no_query(tmp_path: Path) -> None:
    encoder = Counting()
    run_bench(write_collection(tmp_path / "tiny"), tmp_path / "work", "lexical", "bm25s", encoder=encoder)
    assert encoder.queries == 0


def test_an_arm_that_fails_ends_the_run(tmp_path: Path) -> None:
    class Broken(LetterEncoder):
        def encode_queries(self, _texts: Any) -> Vectors:
            raise RuntimeError("no more memory")

    collection = read_inputs(Inputs((write_collection(tmp_path / "tiny"),)))[0].collection
    snapshot = open_collection(collection, tmp_path / "work", LetterEncoder())
    (system,) = parse_systems(["hybrid"], SETTINGS)
    with pytest.raises(SystemFailed, match=r"the dense arm failed .*no more memory"):
        make_ranker(system, View(collection, snapshot), Broken()).rank(["rate"], 10)


# A published snapshot


@pytest.fixture
def published(tmp_path: Path) -> Inputs:
    rate = "The policy rate of the central bank."
    pages = [
        make_page("https://a.example.org/", rate, "The policy rate, its policy and its rate.", "Banknotes."),
        make_page("https://b.example.org/", rate, "Chlorophyll absorbs light."),
    ]
    sources = make_sources(make_source("a.example.org", authority=0.9), make_source("b.example.org", authority=0.4))
    build_and_publish(tmp_path / "data", pages, sources, LetterEncoder())
    (tmp_path / "queries.tsv").write_text("q1\tpolicy rate\nq2\tchlorophyll\n")
    (tmp_path / "judged.txt").write_text("q1 0 https://b.example.org/ 1\nq2 0 HTTPS://B.example.org 1\n")
    return Inputs(snapshot=tmp_path / "data", queries=tmp_path / "queries.tsv", qrels=tmp_path / "judged.txt")


def run_published(inputs: Inputs, work: Path, *systems: str) -> Outcome:
    bench = Bench(tuple(parse_systems(systems, SETTINGS)), work, {}, latency=False)
    return bench.run(read_inputs(inputs), LetterEncoder(), inputs.run_files)


def test_a_page_is_judged_by_its_first_passage_and_copies_follow_their_hit(published: Inputs, tmp_path: Path) -> None:
    outcome = run_published(published, tmp_path / "work", "lexical", "hybrid+tie")
    run = outcome.runs["data"]
    # Each page once; the lexical arm ranks the repetition on a first, then the text that both pages have.
    assert run["lexical"]["q1"] == {"https://a.example.org/": 1, "https://b.example.org/": 1 / 2}
    # The reply shows the text at the trusted source and names the other page.
    assert run["hybrid+tie"]["q1"] == {"https://a.example.org/": 1, "https://b.example.org/": 1 / 2}
    assert by_system(outcome)["lexical"].per_query["q1"]["RR@10"] == 1 / 2


def test_authority_of_the_hits_is_measured_on_real_sources(published: Inputs, tmp_path: Path) -> None:
    found = by_system(run_published(published, tmp_path / "work", "lexical", "bm25s"))
    # q1: two passages of a and one of b.
    assert found["lexical"].per_query["q1"]["authority@5"] == pytest.approx((0.9 + 0.9 + 0.4) / 3)
    assert found["lexical"].per_query["q2"]["authority@10"] == pytest.approx(0.4)
    assert "authority@5" not in found["bm25s"].means


def test_passages_are_judged_one_by_one(published: Inputs, tmp_path: Path) -> None:
    snapshot = read_inputs(published)[0].snapshot
    assert snapshot is not None
    assert published.qrels is not None
    row = next(row for row in range(len(snapshot.columns)) if snapshot.columns.passage(row)[0].text == "Banknotes.")
    wanted = snapshot.columns.passage_id(row)
    published.qrels.write_text(f"q1 0 {wanted} 1\n")
    outcome = run_published(published, tmp_path / "work", "flat-dense")
    run = outcome.runs["data"]["flat-dense"]["q1"]
    # All five passages by their own names.
    assert len(run) == 5
    assert wanted in run


# Runs from files


def test_a_run_file_is_one_more_system(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "tiny")
    (tmp_path / "old.run").write_text("q1 Q0 d1 1 9 x\nq1 Q0 d2 2 8 x\nq9 Q0 d2 1 1 x\n")
    notes: list[str] = []
    bench = Bench(tuple(parse_systems(["lexical"], SETTINGS)), tmp_path / "work", {}, "old", latency=False)
    outcome = bench.run(read_inputs(Inputs((folder,))), LetterEncoder(), [tmp_path / "old.run"], note=notes.append)
    old = by_system(outcome)["old"]
    assert notes == ["old: no results for 1 queries, such as 'q2'; they count 0"]
    assert old.per_query["q1"]["RR@10"] == 1 / 2
    assert old.per_query["q1"]["AR@512"] == 1
    assert old.means["RR@10"] == 1 / 4
    assert old.latency is None
    # It is the baseline, and lexical helped both queries by nDCG.
    helped = {one.measure: one.helped for one in outcome.report.comparisons}
    assert [query for query, _ in helped["nDCG@10"]] == ["q2", "q1"]


def test_a_run_of_other_queries_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.run").write_text("q9 Q0 d1 1 9 x\n")
    bench = Bench(tuple(parse_systems(["lexical"], SETTINGS)), tmp_path / "work", {})
    inputs = read_inputs(Inputs((write_collection(tmp_path / "tiny"),)))
    with pytest.raises(InvalidCollection, match="none of the 2 queries of tiny"):
        bench.run(inputs, LetterEncoder(), [tmp_path / "old.run"])


# What is kept


def test_a_second_run_encodes_and_computes_nothing(tmp_path: Path) -> None:
    folder, encoder, notes = write_collection(tmp_path / "tiny"), LetterEncoder(), []
    first = run_bench(folder, tmp_path / "work", encoder=encoder, latency=False)
    again = Counting()
    bench = Bench(tuple(parse_systems(DEFAULT, SETTINGS)), tmp_path / "work", {}, latency=False)
    second = bench.run(read_inputs(Inputs((folder,))), again, note=notes.append)
    assert (again.encoded, again.queries) == (0, 0)
    assert second.report.results == first.report.results
    assert second.runs == first.runs
    assert notes == ["tiny: taken from an earlier run (--fresh computes again): lexical, dense, hybrid"]


def test_other_settings_and_fresh_runs_encode_no_query_again(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "tiny")
    run_bench(folder, tmp_path / "work", latency=False)
    again = Counting()
    run_bench(folder, tmp_path / "work", "hybrid ranking.depth=50", encoder=again, latency=False)
    run_bench(folder, tmp_path / "work", encoder=again, latency=False, fresh=True)
    assert again.queries == 0


def test_a_result_is_kept_by_what_it_depends_on_and_not_by_its_name(tmp_path: Path) -> None:
    inputs = read_inputs(Inputs((write_collection(tmp_path / "tiny"),)))[0].collection
    manifest = open_collection(inputs, tmp_path / "work", LetterEncoder()).manifest
    systems = parse_systems(
        ["hybrid", "other name: hybrid", "hybrid+tie", "hybrid ranking.depth=9", "a: bm25s", "b: flat-dense"], SETTINGS
    )
    keys = [result_key(inputs, manifest, system) for system in systems]
    assert keys[0] == keys[1]
    assert len(set(keys)) == len(keys) - 1


def test_a_damaged_result_is_computed_again(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "tiny")
    first = run_bench(folder, tmp_path / "work", "hybrid", latency=False)
    (kept,) = (tmp_path / "work" / "results").iterdir()
    kept.write_text('{"result": {}')
    assert run_bench(folder, tmp_path / "work", "hybrid", latency=False).report.results == first.report.results


def test_a_result_that_was_not_timed_is_timed_later(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "tiny")
    assert by_system(run_bench(folder, tmp_path / "work", "hybrid", latency=False))["hybrid"].latency is None
    latency = by_system(run_bench(folder, tmp_path / "work", "hybrid"))["hybrid"].latency
    assert latency is not None
    assert 0 < latency.p50 <= latency.p95
    assert by_system(run_bench(folder, tmp_path / "work", "hybrid"))["hybrid"].latency == latency


def test_cached_query_vectors_are_the_same_the_first_time_and_later(tmp_path: Path) -> None:
    first = CachedEncoder(LetterEncoder(), tmp_path).encode_queries(["rate", "light", "rate"])
    encoder = Counting()
    later = CachedEncoder(encoder, tmp_path).encode_queries(["rate", "light", "rate"])
    assert encoder.queries == 0
    assert (first == later).all()
    assert abs(first - LetterEncoder().encode_queries(["rate", "light", "rate"])).max() < 0.001


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "tiny")
    with write_lock(tmp_path / "work"), pytest.raises(DataFolderLocked):
        run_bench(folder, tmp_path / "work")


class Counting(LetterEncoder):
    """Counts the queries that it encodes."""

    queries = 0

    def encode_queries(self, texts: Any) -> Vectors:
        self.queries += len(texts)
        return super().encode_queries(texts)


# Latency


def test_latency_samples_50_queries_and_one_batch() -> None:
    class Noting:
        def __init__(self) -> None:
            self.sizes: list[int] = []

        def rank(self, queries: Any, top_k: int) -> list[list[Place]]:
            assert top_k == 10
            self.sizes.append(len(queries))
            return [[] for _ in queries]

    noting = Noting()
    ranker: Ranker = noting
    latency = measure_latency(ranker, [str(number) for number in range(1000)])
    assert noting.sizes == [1] * (3 + 50) + [256]
    assert isinstance(latency, Latency)


# Output


def test_two_collections_of_one_name_are_refused(tmp_path: Path) -> None:
    folders = (write_collection(tmp_path / "a" / "tiny"), write_collection(tmp_path / "b" / "tiny"))
    with pytest.raises(InvalidCollection, match="two collections are named 'tiny'"):
        read_inputs(Inputs(folders))


def test_the_outcome_is_written_as_report_runs_and_differences(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "tiny")
    outcome = run_bench(folder, tmp_path / "work", "lexical", "odd /name: dense", baseline="lexical", latency=False)
    write_outcome(outcome, tmp_path / "out")
    report = json.loads((tmp_path / "out/results.json").read_text())
    assert [one["system"] for one in report["results"]] == ["lexical", "odd /name"]
    assert report["settings"]["system lexical"].startswith("lexical ranking.depth=100 ")
    assert report["queries"]["tiny"] == {key: QUERIES[key] for key in ("q1", "q2")}
    assert (tmp_path / "out/runs/tiny/lexical.run").read_text() == (
        "q1 Q0 d2 1 1.000000000 lexical\nq2 Q0 d/3%20ü 1 1.000000000 lexical\n"
    )
    assert (tmp_path / "out/runs/tiny/odd-name.run").is_file()
    heading = "measure\tsystem\tbaseline\tdifference\tsystem value\tbaseline value\tquery-id\tquery\n"
    assert (tmp_path / "out/differences/tiny.tsv").read_text().startswith(heading)


def test_differences_list_queries_with_both_values(tmp_path: Path) -> None:
    folder = write_collection(tmp_path / "tiny")
    (tmp_path / "old.run").write_text("q1 Q0 d2 1 9 x\n")
    bench = Bench(tuple(parse_systems(["lexical"], SETTINGS)), tmp_path / "work", {}, "old", latency=False)
    outcome = bench.run(read_inputs(Inputs((folder,))), LetterEncoder(), [tmp_path / "old.run"])
    write_outcome(outcome, tmp_path / "out")
    lines = (tmp_path / "out/differences/tiny.tsv").read_text().splitlines()
    assert lines[1:] == [
        f"{measure}\tlexical\told\t1.0000\t1.0000\t0.0000\tq2\tchlorophyll light"
        for measure in ("nDCG@10", "R@100", "AR@1024")
    ]


def shown(outcome: Outcome) -> str:
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(results_table(outcome.report), legend(outcome.report))
    return capture.get()


def test_the_table_has_a_block_for_each_collection_and_means_in_80_columns(tmp_path: Path) -> None:
    folders = (write_collection(tmp_path / "one"), write_collection(tmp_path / "two", "q1\td1\t1\n"))
    bench = Bench(tuple(parse_systems(["lexical"], SETTINGS)), tmp_path / "work", {}, latency=False)
    lines = shown(bench.run(read_inputs(Inputs(folders)), LetterEncoder())).splitlines()
    rows = [line.split() for line in lines if line.startswith("  lexical")]
    assert [line.strip() for line in lines if line and not line.startswith(" ")][1:4] == [
        "one (2)",
        "two (1)",
        "mean of 2",
    ]
    # On `two` the judged document has none of the words.
    assert [row[1] for row in rows] == ["1.0000", "0.0000", "0.5000"]
    # The name and six measures: nothing was timed, so there is no column for it.
    assert all(len(row) == 7 for row in rows)


def test_the_table_marks_what_is_significantly_worse(tmp_path: Path) -> None:
    words = ["apple", "brick", "cloud", "drill", "eagle", "frost", "grape", "house", "igloo", "jelly", "knife", "lemon"]
    folder = write_collection(tmp_path / "many", "".join(f"q{n}\td{n}\t1\n" for n in range(12)))
    for name in ("corpus", "queries"):
        prefix = "q" if name == "queries" else "d"
        rows = (json.dumps({"_id": f"{prefix}{n}", "text": word}) for n, word in enumerate(words))
        (folder / f"{name}.jsonl").write_text("\n".join(rows))
    (tmp_path / "bad.run").write_text("".join(f"q{n} Q0 nothing 1 1 x\n" for n in range(12)))
    bench = Bench(tuple(parse_systems(["lexical"], SETTINGS)), tmp_path / "work", {}, latency=False)
    outcome = bench.run(read_inputs(Inputs((folder,))), LetterEncoder(), [tmp_path / "bad.run"])
    # 2 of 4,096 assignments of signs are as extreme, times three measures.
    assert [one.p_corrected for one in outcome.report.comparisons] == pytest.approx([3 * 2 / 4096] * 3)
    text = shown(outcome)
    assert "0.0000▼" in text
    assert "worse than lexical" in text


# The command line


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `bench run` in this process with the tiny encoder; returns exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench.cli_run, "load_encoder", lambda _: LetterEncoder())

    def run(*args: str | Path) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            run_command(lambda: app(["bench", "run", *map(str, args)], prog_name="authority-search"))
        return (ended.value.code, *capsys.readouterr())

    assert bench_app.registered_commands
    return run


def test_the_command_compares_systems_on_folders(command: Any, tmp_path: Path) -> None:
    code, out, err = command(write_collection(tmp_path / "tiny"), "--split", "dev", "--system", "lexical", "--peers")
    assert code == 0, err
    assert "taking 'test', the only ones" in err
    assert [line.split()[0] for line in out.splitlines()[1:5]] == ["tiny", "lexical", "bm25s", "flat-dense"]
    assert (tmp_path / "data/bench/results").is_dir()


def test_the_command_prints_the_report_as_one_json_object(command: Any, tmp_path: Path) -> None:
    code, out, _ = command(write_collection(tmp_path / "tiny"), "--json", "--no-latency", "--baseline", "dense")
    report = json.loads(out)
    assert code == 0
    assert [one["system"] for one in report["results"]] == ["lexical", "dense", "hybrid"]
    assert {one["baseline"] for one in report["comparisons"]} == {"dense"}
    assert {"encoder.model", "ranking.depth", "baseline", "system hybrid"} <= report["settings"].keys()
    assert "cores" in report["machine"]


def test_the_command_measures_a_published_snapshot(command: Any, published: Inputs) -> None:
    files = ("--queries", published.queries, "--qrels", published.qrels)
    code, out, err = command("--snapshot", published.snapshot, *files, "--no-latency")
    assert code == 0, err
    assert "data (2)" in out


def test_the_command_measures_any_snapshot_of_a_data_folder(command: Any, published: Inputs) -> None:
    files = ("--snapshot", published.snapshot, "--queries", published.queries, "--qrels", published.qrels)
    assert published.snapshot
    [manifest] = SnapshotStore(DataFolder(published.snapshot)).manifests()
    code, out, _ = command(*files, "--snapshot-id", manifest.id, "--no-latency")
    assert (code, "data (2)" in out) == (0, True)
    code, _, err = command(*files, "--snapshot-id", "20200101T000000Z-00000000")
    assert (code, "20200101T000000Z-00000000" in err) == (3, True)


def test_a_reranker_is_one_more_system(command: Any, tmp_path: Path, cross_encoder_folder: Path) -> None:
    folder = write_collection(tmp_path / "tiny")
    code, out, err = command(folder, "--reranker", cross_encoder_folder, "--json")
    assert code == 0, err
    report = json.loads(out)
    assert [one["system"] for one in report["results"]] == ["lexical", "dense", "hybrid", "hybrid+rerank"]
    assert report["results"][-1]["latency"]["p50"] > 0
    assert report["settings"]["reranker.model"] == str(cross_encoder_folder)
    code, _, err = command(folder, "--system", "hybrid+rerank")
    assert code == 1
    assert "hybrid+rerank needs a reranker" in err


def test_the_command_writes_the_report_page(command: Any, tmp_path: Path) -> None:
    code, _, err = command(write_collection(tmp_path / "tiny"), "--no-latency", "--out", "out")
    assert code == 0, err
    assert "report.html" in err
    assert json.loads((tmp_path / "out/results.json").read_text())["results"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "name a FOLDER"),
        (["--queries", "q", "tiny"], "--queries and --qrels go together"),
        (["--snapshot", "tiny"], "--snapshot needs --queries"),
        (["--snapshot-id", "x", "tiny"], "--snapshot-id needs --snapshot"),
        (["--queries", "q", "--qrels", "q", "tiny", "tiny"], "go with one FOLDER"),
        (["--run-file", "q", "tiny", "tiny"], "goes with one collection"),
    ],
)
def test_inputs_that_do_not_go_together_are_wrong_usage(
    command: Any, tmp_path: Path, args: list[str], said: str
) -> None:
    write_collection(tmp_path / "tiny")
    (tmp_path / "q").touch()
    code, _, err = command(*args)
    assert code == 2
    assert said in " ".join(err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--system", "best"], 1, "there is no 'best'"),
        (["--baseline", "best"], 1, "'best' is none of the systems: lexical, dense, hybrid"),
        (["--snapshot", "empty", "--queries", "q", "--qrels", "q"], 3, "nothing is published"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(
    command: Any, tmp_path: Path, args: list[str], code: int, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "q").touch()
    ended, out, err = command(write_collection(tmp_path / "tiny"), *args)
    assert (ended, out) == (code, "")
    assert said in err
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1


def test_the_evaluator_needs_no_command_line(tmp_path: Path) -> None:
    collection = read_inputs(Inputs((write_collection(tmp_path / "tiny"),)))[0].collection
    encoder = LetterEncoder()
    view = View(collection, open_collection(collection, tmp_path / "work", encoder))
    cached = CachedEncoder(encoder, tmp_path / "vectors")
    evaluator = Evaluator(encoder, cached, ResultsCache(tmp_path / "results"), latency=False)
    (done,) = evaluator.evaluate(collection, view, parse_systems(["lexical"], SETTINGS))
    assert done.result.means == PERFECT
    assert Judged(collection, None).snapshot is None
