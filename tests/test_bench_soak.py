"""The soak: variants published and writers killed under mixed load, and every answer checked."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest
from http_server import service
from records import LetterEncoder, build_and_publish, small_pages, small_sources

from authority_search.models import SearchRequest
from bench.load.checking import difference
from bench.load.mix import make_mix
from bench.load.page import write_soak
from bench.load.plan import Observations, Seen
from bench.load.running import Running
from bench.load.soak import BUILDING, QUIET, SWAPPING, Soak, SoakRun, Span
from bench.load.soak_data import LEFT_OUT, prepare, publish_variant
from bench.load.soak_report import check_answers, memory_growth, soak_report, windows
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.live import LiveSearcher
from service.searcher import Searcher

TEXTS = ("policy rate", "measles vaccine doses", "假币应当交给谁", "why are leaves green")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    root = tmp_path_factory.mktemp("live")
    build_and_publish(root, small_pages(), small_sources(), LetterEncoder())
    return SnapshotStore(DataFolder(root)).open()


def searcher(snapshot: Snapshot) -> Searcher:
    return Searcher(snapshot, LetterEncoder(), RankingSettings())


def test_a_variant_is_the_live_snapshot_less_every_17th_page(source: Snapshot, tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    prepare(source, folder, 1000)
    first = SnapshotStore(folder).open()
    report = publish_variant(source, folder, 1000, 3)
    second = SnapshotStore(folder).open()
    urls = [source.columns.url(number) for number in range(source.columns.page_count)]
    assert len(urls) == LEFT_OUT, "so one page is missing from each variant"
    for snapshot, missing in ((first, 0), (second, 3)):
        assert [snapshot.columns.url(n) for n in range(16)] == urls[:missing] + urls[missing + 1 :]
    assert report.embedded == 0
    # What both hold they hold alike: a page is the same record, a passage the same text with the same vector.
    page = first.columns.page(first.columns.find_page(urls[1]) or 0)
    assert page == source.columns.page(1)._replace(first_row=page.first_row)
    row = second.columns.find_passage(source.columns.passage_id(0))
    assert row is not None
    assert (second.dense.vectors([row]) == source.dense.vectors([0])).all()


def test_a_soak_of_a_sound_service_finds_nothing_wrong(source: Snapshot, tmp_path: Path) -> None:
    folder, keep = DataFolder(tmp_path / "soak"), tmp_path / "replies"
    keep.mkdir()
    prepare(source, folder, 1000)
    store = SnapshotStore(folder)
    live = LiveSearcher(store, LetterEncoder, RankingSettings(), poll_seconds=0.05)
    live.refresh()
    with service(cast(Any, live)) as url:
        run = SoakRun(Running(url, os.getpid(), None), source, folder, TEXTS, Soak(3.0, swaps=2, kills=1, rate=20))
        observed, journal = run.run(keep)
    checked = check_answers(observed, run.mix, keep, lambda identity: searcher(store.open(identity)))
    report = soak_report(observed, journal, checked, {})
    assert (report.failed, report.wrong, report.wrong_answers, report.rounded) == ({}, (), 0, 0)
    assert report.identical == report.requests > 40
    named = {json.loads((keep / one.digest).read_bytes())["snapshot"] for one in observed.seen}
    assert len(named) >= 3, "answers came from the first snapshot and from each of those published"
    happened = Counter(event.what.split()[0] for event in report.events)
    assert (happened["killed"], happened["published"] >= 2) == (1, True)
    assert [aim.name for aim in report.aims[:2]] == ["wrong answers", "failed requests"]
    assert all(aim.met for aim in report.aims[:2])
    page = write_soak(report, tmp_path)[1].read_text(encoding="utf-8")
    assert f"{len(report.aims)} aims met" in page
    assert page.count("<svg") == 1


def test_a_wrong_answer_is_told_from_one_that_differs_by_rounding(source: Snapshot, tmp_path: Path) -> None:
    mix = make_mix(source, TEXTS, seed=1)
    request = next(one for one in mix if one.path == "/batch_search" and '"explain": false' not in one.body)
    reply = searcher(source).search(SearchRequest.model_validate_json(request.body)).model_dump(mode="json")
    hits = reply["results"][0]["hits"]
    assert len(hits) > 1
    bodies = [json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode()]
    hits[0]["score"] += 1e-7
    bodies.append(json.dumps(reply).encode())
    hits[0], hits[1] = hits[1], hits[0]
    bodies.append(json.dumps(reply).encode())
    seen = []
    for number, body in enumerate(bodies):
        (tmp_path / str(number)).write_bytes(body)
        seen += [Seen(0, 0, 1, "ok", request.number, str(number))] * (number + 1)
    checked = check_answers(Observations(seen, 0, 1, 0), mix, tmp_path, lambda _: searcher(source))
    assert checked.verdicts == {"identical": 1, "rounded": 2, "wrong": 3}
    assert len(checked.wrong) == 1
    assert "results[0].hits[0].rank: 2, directly 1" in checked.wrong[0]
    assert ["results[0].hits[0].score: " in one for one in checked.rounded] == [True]


@pytest.mark.parametrize(
    ("got", "expected", "place"),
    [
        ({"a": [1, 2.0]}, {"a": [1, 2.00001]}, ""),
        ({"a": [1, 2.0]}, {"a": [1, 2.1]}, "a[1]: 2.0, directly 2.1"),
        ({"a": 1}, {"b": 1}, 'the reply: {"a": 1}, directly {"b": 1}'),
        ([1], [1, 2], "the reply: [1], directly [1, 2]"),
        (1, 2, "the reply: 1, directly 2"),
    ],
)
def test_the_first_difference_is_named_by_its_place(got: object, expected: object, place: str) -> None:
    assert difference(got, expected) == place


def test_latency_is_told_apart_by_what_went_on_meanwhile() -> None:
    spans = [Span(BUILDING, 1.0, 2.0), Span(SWAPPING, 2.0, 2.5)]
    times = [(0.0, 0.9), (0.9, 1.1), (1.9, 2.1), (2.4, 3.0), (2.6, 3.0)]
    seen = [Seen(due, due, done, "ok", 0, "") for due, done in times] + [Seen(0.0, 0.0, 9.0, "timeout", 0, "")]
    found = {one.name: (one.requests, round(one.p50)) for one in windows(seen, spans)}
    assert found == {QUIET: (2, 650), BUILDING: (1, 200), SWAPPING: (2, 400)}


def test_memory_growth_compares_the_last_fifth_with_the_second() -> None:
    sizes = [50, 100, 100, 100, 110]
    assert memory_growth([(float(at), size) for at, size in enumerate(sizes)]) == 1.1
    assert memory_growth([(0.0, 100.0)]) is None
