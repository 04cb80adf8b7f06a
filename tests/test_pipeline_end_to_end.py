"""From a live site to an answer: crawl, publish, search; refreshed at the cost of change, and killed at any moment."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from misbehaving_web import SOURCE_COLUMNS, Site, misbehaving_web
from records import LetterEncoder, build_and_publish, make_page, make_sources

from authority_search.models import SearchReply, SearchRequest
from index.store import DataFolder
from ranking.settings import RankingSettings
from service.errors import Internal
from service.live import LiveSearcher
from service.pipeline import open_store, run_crawl, run_ingest, run_publish
from service.searcher import Searcher
from service.settings import Settings, load_settings

PROGRAM = Path(sys.executable).parent / "authority-search"
HOST = "127.0.0.1"
SUBJECTS = ["glaciers", "tariffs", "vaccines", "bridges", "orchids", "reactors", "tides", "patents", "wheat", "comets"]
QUESTIONS = [f"what does the annual report say about {subject}" for subject in SUBJECTS]
PUBLISH = """
import sys
from pathlib import Path
from records import LetterEncoder
from service.pipeline import run_publish
from service.settings import load_settings
def progress(stage, done, total):
    print(stage, flush=True)
run_publish(load_settings(Path(sys.argv[1])), LetterEncoder, progress, force=True)
"""


def paragraph(subject: str, number: int, year: int = 2024) -> str:
    return (
        f"Section {number} of the annual report on {subject} describes how they were measured during {year}. "
        f"It lists {number * 7 + 3} stations, explains which instruments they used for {subject}, and compares the "
        f"figures with those of earlier years, so that readers can judge for themselves what has changed and why."
    )


def put_page(site: Site, subject: str, year: int = 2024, sections: int = 3) -> None:
    """A page whose first section speaks of `year`."""
    links = [f"/{other}" for other in SUBJECTS if other != subject]
    text = "".join(
        f"<h2>Part {number}</h2><p>{paragraph(subject, number, year if number == 1 else 2024)}</p>"
        for number in range(1, sections + 1)
    )
    site.page(f"/{subject}", *links, text=f"<main><article><h1>Report on {subject}</h1>{text}</article></main>")


@contextmanager
def reports() -> Iterator[Site]:
    with misbehaving_web() as site:
        site.page("/", *(f"/{subject}" for subject in SUBJECTS))
        for subject in SUBJECTS:
            put_page(site, subject)
        yield site


def write_settings(folder: Path, delay: float = 0.0) -> Path:
    """A settings file for a data folder of its own under `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.csv"
    sources.write_text(f"{SOURCE_COLUMNS}\n{HOST},Reports,reference,INT,en,reference,1,0.9,known,\n", encoding="utf-8")
    file = folder / "settings.toml"
    file.write_text(
        f"data_dir = {json.dumps(str(folder / 'data'))}\nsource_files = [{json.dumps(str(sources))}]\n"
        f"[crawl]\ndelay = {delay}\nallow_private_addresses = true\n[passages]\nmin_tokens = 20\nmax_tokens = 120\n",
        encoding="utf-8",
    )
    return file


def crawl(settings: Settings, site: Site) -> None:
    result = run_crawl(settings, [HOST], [site.url()])
    assert result.fetched.finished
    assert not result.fetched.failures


def answers(settings: Settings) -> list[list[tuple[str, str, float]]]:
    """What is found, without what differs from run to run: the dates."""
    searcher = Searcher(open_store(settings).open(), LetterEncoder(), RankingSettings())
    reply = searcher.search(SearchRequest(queries=QUESTIONS, top_k=20, max_tokens=None))
    assert reply.degraded == []
    return [[(hit.passage_id, hit.text, hit.score) for hit in result.hits] for result in reply.results]


def test_a_site_is_crawled_published_and_searched_and_a_refresh_costs_what_changed(tmp_path: Path) -> None:
    settings = load_settings(write_settings(tmp_path / "one"))
    with reports() as site:
        crawl(settings, site)
        first = run_publish(settings, LetterEncoder)
        assert first.built
        assert first.pages >= len(SUBJECTS)
        assert first.embedded == first.passages >= 3 * len(SUBJECTS)
        for subject, hits in zip(SUBJECTS, answers(settings), strict=True):
            assert f"report on {subject}" in hits[0][1]

        crawl(settings, site)
        again = run_publish(settings, LetterEncoder)
        assert (again.built, again.snapshot, again.embedded) == (False, first.snapshot, 0)

        put_page(site, "tides", year=2025)
        crawl(settings, site)
        changed = run_publish(settings, LetterEncoder)
        assert changed.built
        assert (changed.embedded, changed.passages) == (1, first.passages)
        tides = answers(settings)[SUBJECTS.index("tides")]
        assert sum("during 2025" in text for _, text, _ in tides) == 1

        rebuilt = load_settings(write_settings(tmp_path / "two"))
        crawl(rebuilt, site)
        run_publish(rebuilt, LetterEncoder)
    assert answers(rebuilt) == answers(settings)


class Killer:
    """Starts a command and kills it without mercy, with the whole of its group observed."""

    def __init__(self, seed: int, *command: str | Path) -> None:
        self.random = random.Random(seed)
        self._command = [str(part) for part in command]

    def kill_when(self, due: Callable[["subprocess.Popen[str]"], object]) -> None:
        """Start the command, wait until `due` returns, kill -9 it alone, and see that nothing of it stays."""
        process = self._start()
        due(process)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        self._nothing_stays(process)

    def interrupt_when(self, due: Callable[["subprocess.Popen[str]"], object]) -> None:
        """Start the command, wait until `due` returns, and press Ctrl-C: the whole group gets the signal."""
        process = self._start()
        due(process)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (130, "")
        assert err.splitlines()[-1] == "interrupted; run the same command again to go on"
        self._nothing_stays(process)

    def _nothing_stays(self, process: "subprocess.Popen[str]") -> None:
        deadline = time.monotonic() + 15
        while alive := members(process.pid):
            assert time.monotonic() < deadline, f"left behind: {alive}"
            time.sleep(0.05)

    def complete(self) -> None:
        process = self._start()
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err

    def _start(self) -> "subprocess.Popen[str]":
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self._command, env=environment, start_new_session=True, stdout=pipe, stderr=pipe, text=True
        )


def members(group: int) -> list[str]:
    """The command lines of the living processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = stat.read_text().rpartition(") ")[2].split()[:3]
            if int(of_group) == group and state != "Z":
                found.append((stat.parent / "cmdline").read_text().replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@contextmanager
def searched_all_the_while(root: Path) -> Iterator[None]:
    """A snapshot is served from `root` and searched without a pause; every reply comes, from it or the next one."""
    old = build_and_publish(
        root, [make_page("https://old.example.org/", "The old page.")], make_sources("old.example.org"), LetterEncoder()
    )
    live = LiveSearcher(open_store(Settings(data_dir=root)), LetterEncoder, RankingSettings(), 0.05)
    live.refresh()
    live.start()
    replies: list[SearchReply] = []
    errors: list[Exception] = []
    done = threading.Event()

    def search() -> None:
        while not done.wait(0.02):
            try:
                replies.append(live.current().search(SearchRequest(queries=["old page"])))
            except Internal as error:
                errors.append(error)

    thread = threading.Thread(target=search)
    thread.start()
    try:
        yield
        live.refresh()
        assert live.readiness().snapshot == open_store(Settings(data_dir=root)).current_id()
        assert live.readiness().reason is None
    finally:
        done.set()
        thread.join(20)
        live.close()
    assert errors == []
    assert len(replies) > 10
    assert replies[0].snapshot == old.snapshot
    assert {reply.snapshot for reply in replies} <= {old.snapshot, live.readiness().snapshot}
    assert {(reply.results[0].status, len(reply.degraded)) for reply in replies} == {("ok", 0)}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Site]]:
    """A data folder crawled and published without a kill, and the site."""
    settings = load_settings(write_settings(tmp_path_factory.mktemp("undisturbed")))
    with reports() as site:
        crawl(settings, site)
        run_publish(settings, LetterEncoder)
        yield settings, site


def test_a_crawl_killed_at_any_moment_goes_on(undisturbed: tuple[Settings, Site], tmp_path: Path) -> None:
    settings, site = undisturbed
    file = write_settings(tmp_path, delay=0.1)
    killed = load_settings(file)
    killer = Killer(1, PROGRAM, "--settings", file, "crawl", HOST, "--start", site.url(), "--json")

    def after_requests(_process: "subprocess.Popen[str]") -> None:
        asked, wanted = len(site.log), killer.random.randint(1, 3)
        deadline = time.monotonic() + 60
        while len(site.log) < asked + wanted:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    with searched_all_the_while(killed.data_dir):
        for _ in range(3):
            killer.kill_when(after_requests)
        killer.interrupt_when(after_requests)
        killer.complete()
    run_publish(killed, LetterEncoder, force=True)
    assert len(list(DataFolder(killed.data_dir).archive.iterdir())) == 1
    assert answers(killed) == answers(settings)


def test_an_ingest_killed_at_any_moment_goes_on(undisturbed: tuple[Settings, Site], tmp_path: Path) -> None:
    settings, _ = undisturbed
    file = write_settings(tmp_path)
    killed = load_settings(file)
    files = sorted(DataFolder(settings.data_dir).archive.rglob("*.warc.gz"))
    killer = Killer(2, PROGRAM, "--settings", file, "ingest", *files)
    with searched_all_the_while(killed.data_dir):
        for _ in range(3):
            killer.kill_when(lambda _process: time.sleep(killer.random.uniform(0.8, 3.0)))
        killer.complete()
    assert run_ingest(killed, files).ingested.responses == 0
    run_publish(killed, LetterEncoder, force=True)
    assert answers(killed) == answers(settings)


def test_a_publication_killed_at_any_moment_leaves_the_old_snapshot_or_the_new(
    undisturbed: tuple[Settings, Site], tmp_path: Path
) -> None:
    settings, _ = undisturbed
    file = write_settings(tmp_path)
    killed = load_settings(file)
    run_ingest(killed, sorted(DataFolder(settings.data_dir).archive.rglob("*.warc.gz")))
    killer = Killer(3, sys.executable, "-c", PUBLISH, file)

    def while_building(process: "subprocess.Popen[str]") -> None:
        stage = killer.random.choice(["read", "index"])
        assert process.stdout
        for line in process.stdout:
            if line.strip() == stage:
                break
        time.sleep(killer.random.uniform(0, 0.01))

    with searched_all_the_while(killed.data_dir):
        for _ in range(5):
            killer.kill_when(while_building)
            open_store(killed).open().verify()
        killer.complete()
    assert not list(DataFolder(killed.data_dir).snapshots.glob(".building-*"))
    assert answers(killed) == answers(settings)
