"""The whole service over real sockets: uvicorn, app, live searcher, snapshot, encoder, and the client before it."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from http_server import service
from records import BANK, LetterEncoder, build_and_publish, make_page, small_pages, small_sources

from authority_search import Client, UnknownName
from authority_search.models import SearchReply, SearchRequest
from domain_lists.source_list import SourceList
from index.encoders import Encoder
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.live import LiveSearcher

QUERIES = ["what is the policy rate", "麻疹疫苗要接种几剂", "counterfeit banknotes"]


@contextmanager
def running(root: Path, encoder: Encoder) -> Iterator[tuple[str, LiveSearcher]]:
    """The service over a data folder: its address and its live searcher."""
    live = LiveSearcher(SnapshotStore(DataFolder(root)), lambda: encoder, RankingSettings(), poll_seconds=0.01)
    with service(cast(Any, live)) as url:
        yield url, live


def wait_for(url: str, snapshot: str | None = None) -> None:
    """Until the service is ready, with that snapshot."""
    deadline = time.monotonic() + 20
    while True:
        reply = httpx.get(f"{url}/ready")
        if reply.status_code == 200 and snapshot in (None, reply.json()["snapshot"]):
            return
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture(scope="module")
def stack(small_data: Path, minilm: Encoder) -> Iterator[tuple[str, LiveSearcher]]:
    with running(small_data, minilm) as (url, live):
        wait_for(url)
        yield url, live


def test_it_starts_unready_and_becomes_ready_with_the_first_snapshot(tmp_path: Path) -> None:
    encoder = LetterEncoder()
    with running(tmp_path, encoder) as (url, _):
        assert httpx.get(f"{url}/health").status_code == 200
        assert httpx.get(f"{url}/ready").status_code == 503
        refused = httpx.post(f"{url}/batch_search", json={"queries": ["a"]})
        assert (refused.status_code, refused.json()["error_type"]) == (503, "not_ready")
        report = build_and_publish(tmp_path, small_pages(), small_sources(), encoder)
        wait_for(url, report.snapshot)
        assert httpx.post(f"{url}/batch_search", json={"queries": ["a"]}).json()["snapshot"] == report.snapshot


def test_publications_are_picked_up_without_one_failed_request(tmp_path: Path) -> None:
    encoder, store = LetterEncoder(), SnapshotStore(DataFolder(tmp_path))
    ids = [
        build_and_publish(tmp_path, pages, small_sources(), encoder).snapshot
        for pages in (small_pages()[:8], small_pages())
    ]
    expected: dict[str, Any] = {}
    replies: list[SearchReply] = []
    errors: list[Exception] = []
    done = threading.Event()

    def keep_searching(url: str) -> None:
        with Client(url, retries=0) as client:
            while not done.is_set():
                try:
                    replies.append(client.search(QUERIES, top_k=3))
                except Exception as error:
                    errors.append(error)

    with running(tmp_path, encoder) as (url, _):
        wait_for(url, ids[1])
        searchers = [threading.Thread(target=keep_searching, args=(url,)) for _ in range(2)]
        for thread in searchers:
            thread.start()
        try:
            for snapshot in ids * 4:
                store.publish(snapshot)
                wait_for(url, snapshot)
                seen = len(replies)
                while len(replies) < seen + 3 and not errors:
                    time.sleep(0.001)
        finally:
            done.set()
            for thread in searchers:
                thread.join(20)
    assert errors == []
    assert {reply.snapshot for reply in replies} == set(ids)
    # Each reply is of one snapshot throughout: equal to every other reply of it.
    for reply in replies:
        assert expected.setdefault(reply.snapshot, reply.results) == reply.results


def test_a_snapshot_that_is_refused_does_not_stop_the_service(tmp_path: Path) -> None:
    encoder, store = LetterEncoder(), SnapshotStore(DataFolder(tmp_path))
    good = build_and_publish(tmp_path, small_pages()[:8], small_sources(), encoder).snapshot
    with running(tmp_path, encoder) as (url, _):
        wait_for(url, good)
        build_and_publish(tmp_path, small_pages(), small_sources(), LetterEncoder(digest="other"))
        deadline = time.monotonic() + 20
        while not (ready := httpx.get(f"{url}/ready")).json()["reason"]:
            assert time.monotonic() < deadline
        assert (ready.status_code, ready.json()["snapshot"]) == (200, good)
        assert "the encoder is test/letters" in ready.json()["reason"]
        assert httpx.post(f"{url}/batch_search", json={"queries": ["a"]}).json()["snapshot"] == good
        store.publish(good)
        while httpx.get(f"{url}/ready").json()["reason"]:
            assert time.monotonic() < deadline


def test_a_restarted_service_answers_with_the_same_bytes(small_data: Path, minilm: Encoder) -> None:
    body = {"queries": QUERIES, "top_k": 20, "max_tokens": 500}
    replies = []
    for _ in range(2):
        with running(small_data, minilm) as (url, _):
            wait_for(url)
            replies += [httpx.post(f"{url}/batch_search", json=body).content for _ in range(2)]
    assert replies[0] == replies[1] == replies[2] == replies[3]


def test_the_client_gets_what_a_direct_call_gives(stack: tuple[str, LiveSearcher]) -> None:
    url, live = stack
    options: dict[str, Any] = {
        "top_k": 4,
        "sources": {"include": [BANK]},
        "dates": {"from": "2020-01-01", "undated": "keep"},
        "authority": "boost",
        "languages": ["en", "zh"],
    }
    with Client(url) as client:
        assert client.search(QUERIES, **options) == live.current().search(SearchRequest(queries=QUERIES, **options))
        assert client.sources() == live.current().sources()
        hit = client.search(QUERIES[0]).results[0].hits[0]
        (opened,) = client.open(hit.passage_id, neighbours=0).results
        assert (opened.text, opened.url) == (hit.text, hit.url)
        (page,) = client.open(hit.url).results
        assert hit.text in page.text
        with pytest.raises(UnknownName, match=f"did you mean {BANK}"):
            client.search("rate", sources={"include": ["bank.example.net"]})


# Bad and odd input, against the real engines

REFUSED: dict[str, tuple[bytes, str]] = {
    "not JSON": (b"{queries: rate}", "invalid_request"),
    "an empty body": (b"", "invalid_request"),
    "2,561 queries": (json.dumps({"queries": ["a"] * 2561}).encode(), "invalid_request"),
    "no query": (b'{"queries": []}', "invalid_request"),
    "an empty query": (b'{"queries": [""]}', "invalid_request"),
    "a blank query": ('{"queries": ["\u3000\\n\\t "]}'.encode(), "invalid_request"),
    "a query of 1 MB": (json.dumps({"queries": ["rate " * 200_000]}).encode(), "invalid_request"),
    "an unknown source": (b'{"queries": ["a"], "sources": {"include": ["who.example"]}}', "unknown_name"),
    "an unknown profile": (b'{"queries": ["a"], "profile": "everything"}', "unknown_name"),
    "reversed dates": (b'{"queries": ["a"], "dates": {"from": "2025-01-02", "to": "2025-01-01"}}', "invalid_request"),
    "control characters": (b'{"queries": ["a\\u0007b\\u001b[2J"]}', "invalid_request"),
    "C1 control characters": (b'{"queries": ["a\\u0085b"]}', "invalid_request"),
    "NUL": (b'{"queries": ["a\\u0000b"]}', "invalid_request"),
    "a lone surrogate": (b'{"queries": ["a\\ud83db"]}', "invalid_request"),
    "a lone surrogate as a source": (b'{"queries": ["a"], "sources": {"include": ["\\ud83d"]}}', "invalid_request"),
    "an unknown option": (b'{"queries": ["a"], "rerank": true}', "invalid_request"),
}

ODD_QUERIES = {
    "emoji": "💉👩‍⚕️ 🇪🇺 measles 💉",
    "only emoji": "👩‍👩‍👧‍👦",
    "only punctuation": "?!… — ¿«»、。",
    "one character": "率",
    "2,000 identical words": "a " * 2000,
    "the longest word": "x" * 8192,
    "the longest Chinese": "率" * 8192,
    "right to left": "\u200fالتضخم\u202e etar ycilop \u202c",
    "invisible": "\u200b\u200d\ufeff",
    "combining marks": "e\u0301" * 500 + "\u0300" * 500,
    "not characters": "policy \ufffe\uffff \U0010ffff rate",
    "query syntax": 'title:("policy AND rate")^9 +[* TO *] -text:~ \\ /.*/ IN [a b]',
    "wide digits": "１２３４ ２％",
    "markup": "<script>alert(1)</script> &amp; %00 ${rate} {{rate}} '; DROP TABLE passages; --",
    "line breaks": "policy\r\nrate\tminutes",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_request_is_refused_and_never_a_defect(stack: tuple[str, LiveSearcher], name: str) -> None:
    body, error_type = REFUSED[name]
    reply = httpx.post(f"{stack[0]}/batch_search", content=body, headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()["error_type"]) == (422, error_type)
    assert 10 < len(reply.json()["error"]) <= 1001


def test_odd_queries_are_answered_by_both_arms(stack: tuple[str, LiveSearcher]) -> None:
    reply = httpx.post(f"{stack[0]}/batch_search", json={"queries": list(ODD_QUERIES.values())}, timeout=60)
    assert reply.status_code == 200
    assert reply.json()["degraded"] == []
    results = reply.json()["results"]
    assert [result["query"] for result in results] == [query.strip() for query in ODD_QUERIES.values()]
    # A real score or none, never NaN, which JSON does not have.
    assert b"NaN" not in reply.content
    assert b"Infinity" not in reply.content


@pytest.mark.parametrize("name", ODD_QUERIES)
def test_odd_text_opens_nothing_and_says_so(stack: tuple[str, LiveSearcher], name: str) -> None:
    target = ODD_QUERIES[name].strip()[:2048]
    reply = httpx.post(f"{stack[0]}/batch_open", json={"targets": [target, f"https://{BANK}/{target}"[:2048]]})
    assert reply.status_code in (200, 422)
    if reply.status_code == 200:
        assert [result["status"] for result in reply.json()["results"]] == ["not_found", "not_found"]
        assert all(result["error"] for result in reply.json()["results"])


def test_a_full_batch_is_answered(tmp_path: Path) -> None:
    encoder = LetterEncoder()
    build_and_publish(tmp_path, small_pages(), small_sources(), encoder)
    with running(tmp_path, encoder) as (url, _):
        wait_for(url)
        body = {"queries": [f"policy rate {number}" for number in range(2560)], "top_k": 1, "explain": False}
        reply = httpx.post(f"{url}/batch_search", json=body, timeout=60)
        assert reply.status_code == 200
        assert len(reply.json()["results"]) == 2560


@pytest.fixture(scope="module")
def bundled_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, SourceList, set[str]]]:
    """The service over one page of each of several sources of every bundled profile; its address, list and sources."""
    root = tmp_path_factory.mktemp("bundled")
    sources = SourceList.load()
    indexed = {source for name in sources.profiles for source in sorted(sources.select(name) or ())[::9]}
    pages = [
        make_page(
            f"https://{source}/about",
            f"An annual report of {sources.get(source).name}, which {source} publishes.",
            source=source,
        )
        for source in sorted(indexed)
    ]
    with running(root, LetterEncoder()) as (url, _):
        wait_for(url, build_and_publish(root, pages, sources, LetterEncoder()).snapshot)
        yield url, sources, indexed


def test_every_bundled_profile_answers_from_its_own_sources_alone(
    bundled_stack: tuple[str, SourceList, set[str]],
) -> None:
    url, sources, indexed = bundled_stack
    with Client(url, retries=0) as client:
        assert set(client.sources().profiles) == set(sources.profiles)
        for profile in sources.profiles:
            reply = client.search(["annual report"], top_k=50, profile=profile)
            found = {hit.source.id for hit in reply.results[0].hits}
            selected = sources.select(profile)
            assert selected is not None
            assert found, profile
            assert found <= selected, profile
            assert reply.excluded_passages == len(indexed - selected) > 0, profile
