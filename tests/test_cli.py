"""The command line: help, output for scripts, exit codes, and errors in one line."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

import httpx
import pytest
import typer
from http_server import service
from records import BANK, LetterEncoder, build_and_publish, small_pages, small_sources

import bench.cli  # noqa: F401 - joins its commands to the others
from crawler.archive import ArchiveWriter
from index.encoders import Encoder
from index.lock import write_lock
from index.settings import EncoderSettings
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.cli.console import _LogProgress, run_command
from service.cli.main import app
from service.live import LiveSearcher

PROGRAM = Path(sys.executable).parent / "authority-search"
README = Path(__file__).parents[1] / "service" / "README.md"


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON object that it must be."""
        (line,) = self.out.splitlines()
        return json.loads(line)


Cli = Callable[..., Ended]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: str | Path) -> Ended:
        with pytest.raises(SystemExit) as ended:
            run_command(lambda: app([str(arg) for arg in args], prog_name="authority-search"))
        out, err = capsys.readouterr()
        return Ended(cast(int, ended.value.code), out, err)

    return run


def commands(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """All commands by their words; a group that only holds others is left out."""
    if path and not getattr(command, "no_args_is_help", False):
        yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, *path, name)


COMMANDS = sorted(commands(typer.main.get_command(app)))


# Help and usage


def test_all_commands_are_there() -> None:
    assert {" ".join(path) for path in COMMANDS} == {
        "sources", "sources match", "sources score", "sources check", "crawl", "ingest", "reindex", "refresh",
        "coverage", "publish", "snapshots",
        "snapshots use", "snapshots remove", "snapshots verify", "search", "open", "serve", "mcp", "settings", "demo",
        "keys create", "keys list", "keys revoke",
        "bench run", "bench report", "bench gate", "bench passages", "bench authority", "bench kills", "bench encoders",
        "bench load", "bench soak", "bench scale",
    }  # fmt: skip


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_command_helps_with_an_example(cli: Cli, path: tuple[str, ...]) -> None:
    ended = cli(*path, "--help")
    assert ended.code == 0
    assert re.search(r"Example: authority-search ", ended.out)
    assert f"authority-search {' '.join(path)}" in ended.out
    assert cli(*path, "-h").code == 0


def test_the_help_tells_the_exit_codes_of_the_readme(cli: Cli) -> None:
    documented = re.findall(r"^\| (\d+) \| .+\|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    said = " ".join(cli("--help").out.split())
    assert documented == ["0", "1", "2", "3", "4", "5", "6", "130"]
    codes = said.partition("Exit codes:")[2]
    assert all(re.search(rf"\b{code} \w", codes) for code in documented)


@pytest.mark.parametrize(
    "args",
    [
        ["nonsense"],
        ["search"],
        ["search", "x", "--top-k", "0"],
        ["search", "x", "--topk", "3"],
        ["crawl", "x", "--max-pages", "many"],
        ["ingest", "nowhere.warc.gz"],
        ["reindex"],
        ["bench", "run", "nowhere"],
        ["snapshots", "use"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(cli: Cli, args: list[str]) -> None:
    ended = cli(*args)
    assert ended.code == 2
    assert "Usage" in ended.err
    assert ended.out == ""


# Exit codes and errors


@pytest.mark.parametrize("args", [["search", "x"], ["open", "https://x.org/"], ["serve"], ["snapshots", "verify"]])
def test_without_a_snapshot_it_ends_with_3_and_says_what_to_do(cli: Cli, args: list[str]) -> None:
    ended = cli(*args)
    assert ended.code == 3
    assert re.fullmatch(r"error: nothing is published in data; run .*`publish`\n", ended.err)


WRITING = [["publish"], ["snapshots", "use", "x"], ["snapshots", "remove", "x"], ["ingest", "f"]]
WRITING += [["reindex", "--from-archive"]]


@pytest.mark.parametrize("args", WRITING, ids=" ".join)
def test_while_another_run_writes_it_ends_with_4(cli: Cli, tmp_path: Path, args: list[str]) -> None:
    (tmp_path / "f").touch()
    with write_lock(tmp_path / "data"):
        ended = cli(*args)
    assert ended.code == 4
    assert f"process {os.getpid()}" in ended.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["crawl", "docs.pyhton.org"], "unknown source 'docs.pyhton.org'; did you mean docs.python.org"),
        (["crawl", "--profile", "medicin"], "unknown profile 'medicin'; did you mean medicine"),
        (["crawl"], "no sources to crawl: name at least one"),
        (["crawl", "docs.python.org"], "set crawl.contact"),
        (["sources", "--profile", "nothing"], "unknown profile 'nothing'"),
        (["--settings", "nowhere.toml", "sources"], "there is no settings file nowhere.toml"),
        (["serve", "--host", "0.0.0.0"], r"0\.0\.0\.0 can be reached from other machines.*keys create NAME"),
        (["serve", "--keys", "required"], "a key is required, and there are no API keys"),
        (["keys", "revoke", "nobody"], "there is no key nobody; `authority-search keys list`"),
        (["keys", "create", "two words"], "a key's name goes into logs"),
        (["search", " "], "queries.0: the text is empty"),
        (["search", "x", "--authority", "most"], "'off', 'tie' or 'boost'"),
        (["search", "x", "--published-from", "yesterday"], "dates.from: a day is written YYYY-MM-DD"),
        (["search", "x", "--language", "English"], "languages.0"),
        (["search", "x", "--url", "http://127.0.0.1:9/", "--published-from", "2024-13-01"], "dates.from"),
        (["search", "x", "--url", "localhost"], "base_url is not an address"),
        (["open", "\udcff"], "targets.0: .*surrogates"),
    ],
)
def test_an_expected_error_is_one_line_and_ends_with_1(cli: Cli, args: list[str], said: str) -> None:
    ended = cli(*args)
    assert ended.code == 1
    assert re.search(said, ended.err)
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1


def test_wrong_settings_end_with_1_and_name_the_file(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "authority-search.toml").write_text("[crawl]\nmax_page = 3\n", encoding="utf-8")
    ended = cli("settings")
    assert ended.code == 1
    assert "authority-search.toml" in ended.err
    assert "did you mean crawl.max_pages" in ended.err


def test_a_refused_start_does_not_stay_behind_for_the_next_crawl(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "authority-search.toml").write_text('[crawl]\ncontact = "me@example.org"\n', encoding="utf-8")
    for start in ("https://evil.example/", "https://docs.python.org.evil.example/"):
        ended = cli("crawl", "docs.python.org", "--start", start)
        assert ended.code == 1
        assert f"no start URL may be fetched: {start}" in ended.err


# Sources and settings


def test_reindex_reads_the_archive_again_only_when_there_is_need_or_it_is_forced(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "archive" / "20260101T000000Z"
    body = b"<html><body><h1>Rates</h1><p>" + b"The rate was measured with care over several years. " * 9 + b"</p>"
    with ArchiveWriter(folder) as archive:
        archive.write(
            "https://docs.python.org/3/a",
            200,
            "",
            [("Content-Type", "text/html")],
            body,
            datetime(2026, 1, 1, tzinfo=UTC),
        )
    run = {"sources": ["docs.python.org"], "starts": [], "limits": {}, "started": "", "finished": ""}
    (folder / "run.json").write_text(json.dumps(run))
    reports = [cli("reindex", "--from-archive", "--json", *more).json for more in ([], [], ["--force"])]
    assert [(one["rebuilt"], one["ingested"]["responses"]) for one in reports] == [(False, 1), (False, 0), (True, 1)]
    assert "All was extracted by this version" in cli("reindex", "--from-archive").out


def test_sources_are_listed_by_profile(cli: Cli) -> None:
    everything, some = cli("sources", "--json").json, cli("sources", "--profile", "medicine", "--json").json
    assert len(everything["sources"]) > len(some["sources"]) > 10
    assert "medicine" in everything["profiles"]
    assert {"id", "tier", "authority"} <= set(some["sources"][0])
    shown = cli("sources", "--profile", "medicine").out
    assert f"{len(some['sources'])} sources, list version {some['version']}" in shown


LOOK_ALIKES = [
    "https://who.int.evil.example/",
    "https://evil.example/who.int",
    "https://who.int@evil.example/",
    "https://who.org.evil.example/",
    "who.int",
]
RATED_BY_SUFFIX = ["https://whoo.int/", "https://wh\u043e.int/"]


def test_look_alikes_match_nothing(cli: Cli) -> None:
    ended = cli("sources", "match", *LOOK_ALIKES, "--json")
    assert ended.code == 1
    assert ended.json == dict.fromkeys(LOOK_ALIKES)
    assert cli("sources", "match", *LOOK_ALIKES).out.count(": no source\n") == len(LOOK_ALIKES)


def test_a_look_alike_under_a_restricted_suffix_is_rated_but_no_source(cli: Cli) -> None:
    ended = cli("sources", "match", *RATED_BY_SUFFIX)
    assert ended.code == 1
    assert ended.out.count(": no source; suffix:int rates links to it") == len(RATED_BY_SUFFIX)


def test_a_listed_url_matches_with_its_rule(cli: Cli) -> None:
    ended = cli("sources", "match", "https://www.who.int/news", "--json")
    assert ended.code == 0
    assert ended.json["https://www.who.int/news"]["source"]["id"] == "who.int"
    assert "https://www.who.int/news: who.int (" in cli("sources", "match", "https://www.who.int/news").out


def test_the_bundled_lists_are_sound_and_a_bad_file_is_told_line_by_line(cli: Cli, tmp_path: Path) -> None:
    assert cli("sources", "check").code == 0
    bad = tmp_path / "bad.csv"
    rows = [
        "id,name,sector,country,language,kind,tier,authority,evidence,notes",
        "Example.ORG,Example,health,INT,en,agency,9,0.9,known,",
        "example.org,Example,health,INT,en,agency,1,high,known,",
    ]
    bad.write_text("\n".join(rows) + "\n", encoding="utf-8")
    ended = cli("sources", "check", bad)
    assert ended.code == 1
    assert f"{bad}:2" in ended.err
    assert f"{bad}:3" in ended.err
    assert re.search(r"\d problems", ended.err)


def test_settings_show_what_is_in_force(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHORITY_SEARCH_CRAWL__MAX_PAGES", "77")
    assert cli("--data-dir", "elsewhere", "settings", "--json").json["data_dir"] == "elsewhere"
    assert cli("settings", "--json").json["crawl"]["max_pages"] == 77
    assert re.search(r"crawl\.max_pages\s+77\s+1000", cli("settings").out)


# Snapshots


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    """Two snapshots in ./data, the second live."""
    half = build_and_publish(tmp_path / "data", small_pages()[:3], small_sources(), LetterEncoder())
    whole = build_and_publish(tmp_path / "data", small_pages(), small_sources(), LetterEncoder())
    return half.snapshot, whole.snapshot


def test_snapshots_are_listed_taken_back_removed_and_verified(cli: Cli, two: tuple[str, str]) -> None:
    half, whole = two
    listed = cli("snapshots", "--json").json
    assert listed["live"] == whole
    assert sorted(one["id"] for one in listed["snapshots"]) == sorted(two)
    assert re.search(rf"^ *\* .*{whole}", cli("snapshots").out, re.MULTILINE)
    assert all(listed["memory"][one]["mapped"] > 10_000 for one in two)
    assert cli("snapshots", "use", half) == Ended(0, f"live: {half}\n", "")
    refused = cli("snapshots", "remove", half)
    assert (refused.code, "is live" in refused.err) == (1, True)
    assert cli("snapshots", "verify", whole).code == 0
    assert cli("snapshots", "remove", whole).code == 0
    assert [one["id"] for one in cli("snapshots", "--json").json["snapshots"]] == [half]
    gone = cli("snapshots", "use", whole)
    assert (gone.code, half in gone.err) == (3, True)


def test_without_snapshots_the_list_says_so(cli: Cli) -> None:
    assert cli("snapshots", "--json").json == {"live": None, "snapshots": [], "memory": {}}
    assert "no snapshots yet" in cli("snapshots").out


def test_verify_finds_a_changed_byte(cli: Cli, tmp_path: Path, two: tuple[str, str]) -> None:
    path = tmp_path / "data" / "snapshots" / two[1] / "vectors.faiss"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    ended = cli("snapshots", "verify")
    assert ended.code == 1
    assert "vectors.faiss is not what was published" in ended.err


@pytest.mark.parametrize("snapshot_id", ["../data", "..", ".", "/etc", "a/b", ""])
def test_only_snapshots_are_removed(cli: Cli, tmp_path: Path, two: tuple[str, str], snapshot_id: str) -> None:
    assert cli("snapshots", "remove", snapshot_id).code in (1, 3)
    assert all((tmp_path / "data" / "snapshots" / one / "manifest.json").is_file() for one in two)


# Search and open, here and through a service


@pytest.fixture
def real(tmp_path: Path, small_data: Path, minilm_settings: EncoderSettings) -> list[str]:
    """Global options for the small snapshot of MiniLM."""
    file = tmp_path / "real.toml"
    encoder = {key: value for key, value in minilm_settings.model_dump(mode="json").items() if value is not None}
    lines = [f"data_dir = {json.dumps(str(small_data))}", "[encoder]"]
    file.write_text("\n".join([*lines, *(f"{key} = {json.dumps(value)}" for key, value in encoder.items())]))
    return ["--settings", str(file)]


def test_search_and_open_answer_alike_here_and_through_a_service(
    cli: Cli, real: list[str], small_data: Path, minilm: Encoder
) -> None:
    live = LiveSearcher(SnapshotStore(DataFolder(small_data)), lambda: minilm, RankingSettings(), 0.01)
    search = ["search", "policy rate", "麻疹疫苗", "-k", "2", "--include", BANK, "--published-from", "2020-01-01"]
    with service(cast(Any, live)) as url:
        while httpx.get(f"{url}/ready").status_code != 200:
            time.sleep(0.01)
        here, there = cli(*real, *search, "--json"), cli(*search, "--url", url, "--json")
        assert here.json == there.json
        (first, _) = here.json["results"]
        assert len(first["hits"]) == 2
        assert {hit["source"]["id"] for hit in first["hits"]} == {BANK}
        target = [first["hits"][0]["url"], first["hits"][0]["passage_id"]]
        assert cli(*real, "open", *target, "--json").json == cli("open", *target, "--url", url, "--json").json
        shown = cli("search", "policy rate", "--url", url, "--explain", "--drop-undated").out
        assert re.search(r"  1\. Policy rate > .*\n +https://bank", shown)
        assert re.search(r"lexical \d.*\(rank 1\), dense .*authority moved it", shown)
        assert re.search(r"[1-9]\d* passages excluded by filters", shown)
        missing = cli("open", "https://nowhere.example/", target[0], "--url", url)
        assert missing.code == 1
        assert "holds no page" in missing.out
        unknown = cli("search", "x", "--include", "bank.example.net", "--url", url)
        assert (unknown.code, "did you mean" in unknown.err) == (1, True)
    assert cli("search", "x", "--url", url).code == 1


def test_the_bench_prints_what_it_measured(cli: Cli, tmp_path: Path, real: list[str]) -> None:
    folder = tmp_path / "tiny"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "d", "title": "", "text": "the policy rate"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "policy"}\n')
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t1\n")
    report = cli(*real, "bench", "run", folder, "--work-dir", tmp_path / "work", "--no-latency", "--json").json
    assert [(row["system"], row["means"]["nDCG@10"]) for row in report["results"]] == [
        ("lexical", 1.0),
        ("dense", 1.0),
        ("hybrid", 1.0),
    ]
    (folder / "queries.jsonl").write_text("{}\n")
    ended = cli(*real, "bench", "run", folder)
    assert (ended.code, "queries.jsonl:1 is not a JSON query" in ended.err) == (1, True)


def test_keys_are_made_listed_and_revoked_while_a_crawl_holds_the_data_folder(cli: Cli, tmp_path: Path) -> None:
    assert cli("keys", "list").out.startswith("no keys")
    with write_lock(tmp_path / "data"):
        made = cli("keys", "create", "trainer", "--scope", "search", "--scope", "admin", "--quota", "600")
        assert re.fullmatch(r"ask_[\w-]{43}\n", made.out)
        assert "only now" in made.err
        other = cli("keys", "create", "other", "--json").json
        assert (other["scopes"], other["queries_per_minute"]) == (["search"], None)
        listed = cli("keys", "list", "--json")
        assert [(key["name"], key["scopes"], key["queries_per_minute"]) for key in listed.json["keys"]] == [
            ("trainer", ["search", "admin"], 600),
            ("other", ["search"], None),
        ]
        shown = cli("keys", "list").out
        assert re.search(r"trainer +search, admin +600 ", shown)
        assert not [secret for secret in (made.out.strip(), other["key"]) if secret in shown + listed.out]
        assert cli("keys", "revoke", "trainer").out == "revoked: trainer\n"
    assert [key["name"] for key in cli("keys", "list", "--json").json["keys"]] == ["other"]


# Progress


def test_a_log_shows_the_last_count_of_each_stage(capsys: pytest.CaptureFixture[str]) -> None:
    progress = _LogProgress()
    for stage, counts, total in (("fetch", range(1, 6), None), ("ingest", range(1, 4), 3), ("read", [7, 8], None)):
        for done in counts:
            progress(stage, done, total)
    progress.finish()
    progress.finish()
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["fetch: 1", "fetch: 5", "ingest: 1 of 3", "ingest: 3 of 3", "read: 7", "read: 8"]


# As a process


def run(*args: str | bytes | Path, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([PROGRAM, *args], capture_output=True, env={**os.environ, **environment}, check=False)


def test_the_program_is_installed_and_needs_no_engine_to_say_so() -> None:
    ended = run("--version")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert re.fullmatch(rb"\d+\.\d+\.\d+\n", ended.stdout)
    assert run().returncode == 2


def test_text_that_the_terminal_or_the_shell_cannot_encode_is_no_crash() -> None:
    ended = run("sources", "match", "https://wh\u043e.example/", b"\xff", PYTHONIOENCODING="ascii")
    assert ended.returncode == 1
    assert ended.stderr == b""
    assert ended.stdout.splitlines() == [rb"https://wh\u043e.example/: no source", rb"\udcff: no source"]


def test_serve_says_where_answers_and_ends_on_ctrl_c(real: list[str]) -> None:
    command = [str(PROGRAM), *real, "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            found = re.search(r"http://127\.0\.0\.1:[1-9]\d*", process.stderr.readline())
            assert found
            deadline = time.monotonic() + 60
            while (ready := httpx.get(f"{found[0]}/ready")).status_code != 200:
                assert time.monotonic() < deadline, ready.text
                time.sleep(0.1)
            assert httpx.post(f"{found[0]}/batch_search", json={"queries": ["policy rate"]}).status_code == 200
            taken = run(*real, "serve", "--port", found[0].rpartition(":")[2])
            assert taken.returncode == 1
            assert b"error: " in taken.stderr
            assert b"in use" in taken.stderr
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()
