"""Many callers at once: whose queries share a batch, what is answered once, who waits, and who is let go."""

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from http_server import CannedLive, CannedSearcher, service
from records import BANK, LetterEncoder, build_and_publish, small_pages, small_sources

from authority_search.models import SearchReply, SearchRequest
from index.encoders import Vectors
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.errors import Overloaded, UnknownName
from service.gateway import Gateway
from service.live import LiveSearcher
from service.searcher import Searcher
from service.settings import ServerSettings

QUERIES = ["policy rate", "measles vaccine doses", "地震震级", "counterfeit banknotes", "why are leaves green?"]


class Held(LetterEncoder):
    """Counts its passes, and holds each until `gate` opens."""

    def __init__(self) -> None:
        super().__init__()
        self.passes: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()

    def encode_queries(self, texts: Any) -> Vectors:
        self.passes.append(list(texts))
        assert self.gate.wait(20)
        return super().encode_queries(texts)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published snapshot. Read it, do not write."""
    root = tmp_path_factory.mktemp("letters")
    build_and_publish(root, small_pages(), small_sources(), LetterEncoder())
    return root


@pytest.fixture(scope="module")
def snapshot(data: Path) -> Snapshot:
    return SnapshotStore(DataFolder(data)).open()


@pytest.fixture
def encoder() -> Held:
    return Held()


@pytest.fixture
def searcher(snapshot: Snapshot, encoder: Held) -> Searcher:
    return Searcher(snapshot, encoder, RankingSettings())


def gateway(searcher: Any, **limits: Any) -> Gateway:
    return Gateway(cast(Any, CannedLive(searcher)), ServerSettings(**limits))


def ask(*queries: str, **options: Any) -> SearchRequest:
    return SearchRequest(queries=list(queries), **options)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.001)


async def while_busy(
    encoder: Held, service: Gateway, requests: list[SearchRequest]
) -> list[SearchReply | BaseException]:
    """The replies to requests that all came while the encoder was busy with another."""
    encoder.gate.clear()
    first = asyncio.create_task(service.search(ask("the first")))
    await until(lambda: encoder.passes)
    tasks = [asyncio.create_task(service.search(request)) for request in requests]
    await asyncio.sleep(0.01)
    encoder.gate.set()
    await first
    return await asyncio.gather(*tasks, return_exceptions=True)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


# Sharing


def test_what_comes_while_the_encoder_is_busy_is_one_batch_and_each_gets_its_own_answer(
    searcher: Searcher, encoder: Held
) -> None:
    requests = [
        ask(*QUERIES),
        ask("policy rate", top_k=3),
        ask("policy rate", "new", sources={"include": [BANK]}, authority="off"),
        ask("energy", profile="primry"),
        ask("energy", dates={"from": "2022-01-01", "undated": "drop"}),
        ask("energy", "energy", "policy rate", explain=False, max_tokens=50),
    ]
    replies = run(while_busy(encoder, gateway(searcher), requests))
    assert len(encoder.passes) == 2
    assert sorted(encoder.passes[1]) == sorted({*QUERIES, "new", "energy"})
    assert isinstance(replies[3], UnknownName)
    for request, reply in zip(requests, replies, strict=True):
        if not isinstance(reply, UnknownName):
            assert reply == searcher.search(request)


def test_one_question_of_many_callers_is_answered_once(searcher: Searcher, encoder: Held) -> None:
    service = gateway(searcher, batch_queries=1)
    replies = run(while_busy(encoder, service, [ask("a", "b"), ask("b", "a"), ask("a", top_k=10), ask("a", top_k=1)]))
    # top_k=1 is another question, though the same query.
    assert sorted(map(tuple, encoder.passes)) == [("a",), ("a",), ("b",), ("the first",)]
    assert replies[0].results == replies[1].results[::-1]
    assert replies[2].results == replies[0].results[:1]
    assert len(replies[3].results[0].hits) == 1


def test_json_is_that_of_the_reply_to_the_byte_with_and_without_the_cache(searcher: Searcher, encoder: Held) -> None:
    request = ask(*QUERIES, QUERIES[0], "…!?", dates={"from": "2022-01-01"})
    direct = searcher.search(request).model_dump_json()
    for cached, passes in ((0, 3), (100, 1), (3, 3)):
        encoder.passes.clear()

        async def three_times(service: Gateway) -> list[str]:
            return [await service.search_json(request) for _ in range(3)]

        assert run(three_times(gateway(searcher, cached_answers=cached))) == [direct] * 3
        assert len(encoder.passes) == passes
    # Of six queries the last three are kept each time.
    assert [len(batch) for batch in encoder.passes] == [6, 3, 3]


def test_a_large_request_is_cut_and_small_ones_do_not_wait_for_it(searcher: Searcher, encoder: Held) -> None:
    async def main() -> tuple[SearchReply, int]:
        service = gateway(searcher, batch_queries=16, waiting_queries=4000)
        large = asyncio.create_task(service.search(ask(*(f"query {n}" for n in range(640)), top_k=1)))
        await until(lambda: encoder.passes)
        small = await asyncio.gather(*(service.search(ask(f"small {n}")) for n in range(3)))
        begun = len(encoder.passes)
        assert [len(reply.results) for reply in small] == [1, 1, 1]
        return await large, begun

    reply, begun = run(main())
    assert [result.query for result in reply.results] == [f"query {n}" for n in range(640)]
    assert {result.status for result in reply.results} == {"ok"}
    # Served in turn, long before the 41st batch, which is the last one.
    assert begun < 12
    assert max(map(len, encoder.passes)) == 16


def test_the_next_batch_is_encoded_while_the_one_before_is_searched_by_vector(
    searcher: Searcher, snapshot: Snapshot, encoder: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched, gate = snapshot.dense.search, threading.Event()

    def held(*asked: Any) -> Any:
        assert gate.wait(20)
        return searched(*asked)

    async def main() -> list[SearchReply]:
        service = gateway(searcher)
        first = asyncio.create_task(service.search(ask("first")))
        await until(lambda: encoder.passes == [["first"]])
        second = asyncio.create_task(service.search(ask("second")))
        await until(lambda: encoder.passes == [["first"], ["second"]])
        assert not first.done()
        gate.set()
        return [await first, await second]

    monkeypatch.setattr(snapshot.dense, "search", held)
    replies = run(main())
    assert [reply.results[0].query for reply in replies] == ["first", "second"]
    assert not any(reply.degraded for reply in replies)


# Those who leave, and those who are not let in


def test_the_queries_of_a_caller_that_left_are_not_begun_unless_another_asks_them(
    searcher: Searcher, encoder: Held
) -> None:
    async def main() -> None:
        service = gateway(searcher)
        encoder.gate.clear()
        first = asyncio.create_task(service.search(ask("first")))
        await until(lambda: encoder.passes)
        leaving = asyncio.create_task(service.search(ask("first", "mine", "shared")))
        staying = asyncio.create_task(service.search(ask("shared", "last")))
        await asyncio.sleep(0.01)
        leaving.cancel()
        await asyncio.sleep(0.01)
        encoder.gate.set()
        assert (await staying).results[0].query == "shared"
        assert (await first).results[0].query == "first"

    run(main())
    assert [sorted(batch) for batch in encoder.passes] == [["first"], ["last", "shared"]]


def test_a_caller_that_hangs_up_or_is_late_is_let_go_over_http(snapshot: Snapshot, encoder: Held) -> None:
    encoder.gate.clear()
    searcher = Searcher(snapshot, encoder, RankingSettings())
    with service(cast(Any, CannedLive(searcher))) as url, ThreadPoolExecutor(1) as pool:
        search = f"{url}/batch_search"
        try:
            first = pool.submit(httpx.post, search, json={"queries": ["first"]})
            while not encoder.passes:
                time.sleep(0.001)
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(search, json={"queries": ["hung up"]}, timeout=0.2)
            late = httpx.post(search, json={"queries": ["late"]}, headers={"X-Deadline-Ms": "50"})
            assert (late.status_code, late.json()["error_type"]) == (504, "deadline_exceeded")
            assert late.headers["x-request-id"]
            for wrong in ("0", "-1", "soon", "1.5", "9" * 5000):
                refused = httpx.post(search, json={"queries": ["a"]}, headers={"X-Deadline-Ms": wrong})
                assert (refused.status_code, refused.json()["error_type"]) == (422, "invalid_request")
        finally:
            encoder.gate.set()
        assert first.result().status_code == 200
        assert httpx.post(search, json={"queries": ["last"]}).status_code == 200
    assert encoder.passes == [["first"], ["last"]]


def test_who_would_wait_too_long_is_refused_with_the_time_that_the_line_takes(
    searcher: Searcher, encoder: Held
) -> None:
    async def main() -> None:
        service = gateway(searcher, batch_queries=10, waiting_queries=100, deadline_seconds=30)
        # A measured rate of half a second a query.
        service._batcher._admission.served(10, 5.0)
        encoder.gate.clear()
        busy = asyncio.create_task(service.search(ask(*(f"begun {n}" for n in range(10)))))
        await until(lambda: encoder.passes)
        waiting = [asyncio.create_task(service.search(ask(*(f"{w} {n}" for n in range(40))))) for w in "ab"]
        await asyncio.sleep(0.01)
        # 80 wait, which is 40 seconds and 10 too many; with 50 more 30 are over the limit.
        with pytest.raises(Overloaded, match=r"take 40 seconds; try again in 10 s") as refused:
            await service.search(ask("one more"))
        assert refused.value.retry_after == 10
        with pytest.raises(Overloaded, match=r"80 queries are in line, 50 more are too many; try again in 15 s"):
            await service.search(ask(*(f"c {n}" for n in range(50))))
        # What is in line already costs nothing more.
        free = asyncio.create_task(service.search(ask("a 1", "b 2")))
        encoder.gate.set()
        await asyncio.gather(busy, *waiting, free)

    run(main())


def test_a_defect_is_met_by_its_own_batch_and_the_next_one_is_answered() -> None:
    class Defective(CannedSearcher):
        def search(self, request: SearchRequest) -> SearchReply:
            if "bad" in request.queries:
                raise RuntimeError("a defect")
            return super().search(request)

    async def main() -> None:
        service = gateway(Defective())
        with pytest.raises(RuntimeError, match="a defect"):
            await service.search(ask("bad", "good"))
        assert (await service.search(ask("good"))).results[0].query == "good"

    run(main())


# An arm that is late


def test_a_late_encoder_is_named_and_waited_for_once(snapshot: Snapshot, encoder: Held) -> None:
    searcher = Searcher(snapshot, encoder, RankingSettings(), arm_seconds=0.2)
    encoder.gate.clear()

    async def main() -> tuple[SearchReply, SearchReply, float, SearchReply]:
        service = gateway(searcher)
        first = await service.search(ask("policy rate"))
        began = time.monotonic()
        second = await service.search(ask("policy rate"))
        seconds = time.monotonic() - began
        encoder.gate.set()
        await until(lambda: cast(Any, searcher._arms._encoder_thread._late).done())
        return first, second, seconds, await service.search(ask("policy rate"))

    first, second, seconds, whole = run(main())
    assert [(one.arm, one.reason) for one in first.degraded] == [
        ("dense", "TimeoutError: the encoder was not done after 0.2 seconds")
    ]
    assert "still busy" in second.degraded[0].reason
    assert seconds < 0.2
    assert first.results[0].hits[0].url.endswith("/policy-rate")
    # An answer by half is not kept.
    assert whole.degraded == []
    assert whole == searcher.search(ask("policy rate"))


# A swap under load


def test_ten_publications_under_load_fail_no_request_and_leave_one_snapshot_in_memory(tmp_path: Path) -> None:
    encoder, store = LetterEncoder(), SnapshotStore(DataFolder(tmp_path))
    ids = [
        build_and_publish(tmp_path, pages, small_sources(), encoder).snapshot
        for pages in (small_pages()[:8], small_pages())
    ]
    requests = [ask(*QUERIES, top_k=3), ask(QUERIES[1]), ask("energy", QUERIES[2], sources={"include": [BANK]})]
    expected = {
        snapshot: [
            Searcher(store.open(snapshot), encoder, RankingSettings()).search(request).model_dump_json()
            for request in requests
        ]
        for snapshot in ids
    }
    searchers: list[weakref.ref[Searcher]] = []
    answered = 0

    async def main() -> None:
        live = LiveSearcher(store, lambda: encoder, RankingSettings(), poll_seconds=0.01)
        service = Gateway(live, ServerSettings(batch_queries=4, cached_answers=5))
        live.refresh()
        done = False

        async def keep_asking(number: int) -> None:
            nonlocal answered
            while not done:
                reply = await service.search_json(requests[number % 3])
                assert reply in (expected[ids[0]][number % 3], expected[ids[1]][number % 3])
                answered += 1
                # An answer from the cache comes without a pause, in which others could run.
                await asyncio.sleep(0)

        callers = [asyncio.create_task(keep_asking(number)) for number in range(6)]
        for snapshot in ids * 5:
            searchers.append(weakref.ref(live.current()))
            store.publish(snapshot)
            await asyncio.to_thread(live.refresh)
            assert live.current().snapshot.manifest.id == snapshot
            seen = answered
            await until(lambda seen=seen: answered > seen + 12 or any(caller.done() for caller in callers))
        done = True
        await asyncio.gather(*callers)
        gc.collect()
        # Without the one in service: nothing holds the searchers before it, nor their lines and caches.
        assert [one() for one in searchers if one() is not live.current()] == [None] * len(searchers)
        assert len(service._batcher._lanes) == 1

    run(main())
    assert answered > 100
