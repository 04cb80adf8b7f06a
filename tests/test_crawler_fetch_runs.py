"""Runs: what was asked for is on disk, whole, and can be found again."""

import json
from pathlib import Path

import pytest
from records import make_sources

from crawler.errors import ContactRequired, NothingToCrawl, RunError
from crawler.job import Job, dump_job, load_job
from crawler.runs import finish_run, list_runs, load_run, start_run, unfinished_run
from crawler.settings import CrawlSettings

SETTINGS = CrawlSettings(contact="https://example.org/crawler")


def test_a_run_is_found_again_as_it_was_started(tmp_path: Path) -> None:
    run = start_run(tmp_path, ["nature.com", "docs.oracle.com/javase"], [], SETTINGS)
    assert run.starts == ("https://nature.com/", "https://docs.oracle.com/javase")
    assert load_run(run.folder) == run
    assert run.limits["max_pages"] == SETTINGS.max_pages


def test_ids_sort_by_time_also_within_a_second(tmp_path: Path) -> None:
    ids = [start_run(tmp_path, ["nature.com"], [], SETTINGS).id for _ in range(15)]
    assert len(set(ids)) == 15
    assert ids == sorted(ids)
    assert [run.id for run in list_runs(tmp_path)] == ids


def test_the_newest_unfinished_run_of_the_same_sources_is_taken_up(tmp_path: Path) -> None:
    start_run(tmp_path, ["nature.com", "arxiv.org"], [], SETTINGS)
    newest = start_run(tmp_path, ["arxiv.org", "nature.com"], [], SETTINGS)
    start_run(tmp_path, ["nature.com"], [], SETTINGS)
    assert unfinished_run(tmp_path, ["nature.com", "arxiv.org"]) == newest
    assert unfinished_run(tmp_path, ["bbc.com"]) is None
    assert unfinished_run(tmp_path / "absent", ["bbc.com"]) is None


def test_a_finished_run_is_not_taken_up_and_stays_as_it_is(tmp_path: Path) -> None:
    finished = finish_run(start_run(tmp_path, ["nature.com"], [], SETTINGS))
    assert finished.finished
    assert finish_run(finished) == finished == load_run(finished.folder)
    assert unfinished_run(tmp_path, ["nature.com"]) is None


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"sources": []})])
def test_a_damaged_record_is_an_error_that_names_the_file(tmp_path: Path, content: str) -> None:
    run = start_run(tmp_path, ["nature.com"], [], SETTINGS)
    (run.folder / "run.json").write_text(content)
    with pytest.raises(RunError, match=r"run\.json"):
        list_runs(tmp_path)


def test_a_half_made_folder_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "20261122T175100Z").mkdir()
    assert list_runs(tmp_path) == []


def test_the_open_web_is_not_crawled_without_a_contact(tmp_path: Path) -> None:
    with pytest.raises(ContactRequired, match=r"crawl\.contact"):
        start_run(tmp_path, ["nature.com"], [], CrawlSettings())
    assert list(tmp_path.iterdir()) == []
    assert start_run(tmp_path, ["127.0.0.1"], ["http://127.0.0.1:8000/"], CrawlSettings())


def test_a_run_without_sources_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NothingToCrawl):
        start_run(tmp_path, [], [], SETTINGS)


def test_the_process_that_crawls_gets_the_list_of_its_parent_and_no_other(tmp_path: Path) -> None:
    settings = CrawlSettings(contact="mailto:a@example.org")
    run = start_run(tmp_path, ["example.org"], [], settings)
    sources = make_sources("example.org", "example.org/deep")
    line = dump_job(Job(run, sources, settings))
    assert line.count(b"\n") == 1
    job = load_job(line)
    assert (job.run.id, job.settings) == (run.id, settings)
    assert job.source_list.version == sources.version
    assert job.source_list.listed("https://nature.com/") is None
