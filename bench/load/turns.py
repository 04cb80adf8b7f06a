"""Measurements by turns: what is compared is measured alternately in one run, so that both meet the same machine."""

from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from statistics import median
from time import monotonic, perf_counter
from typing import Any
from urllib.parse import urlsplit

from authority_search.models import SearchRequest
from bench.errors import LoadFailed
from bench.load.floor import PARTS, Floor, parts
from bench.load.plan import search_request
from bench.load.records import Against, Overhead, Spread
from index.progress import Progress, silent
from service.searcher import Searcher

Fresh = Callable[[int], list[str]]
"""Gives so many queries that were not asked before."""

FEWEST_ROUNDS = 3
SMALL = 32
"""A round of small batches holds so many queries, since one batch alone is soon over."""

ENCODER_BATCHES = (32, 128, 512)


class Direct:
    """Sends batches one after another, with next to no cost of its own."""

    def __init__(self, url: str, path: str, options: Mapping[str, Any], timeout: float = 600.0) -> None:
        self._address = urlsplit(url)
        self._path = self._address.path + path
        self._options = dict(options)
        self._timeout = timeout

    def answer(self, queries: Sequence[str]) -> None:
        """Send one batch and read its whole reply. Raises LoadFailed unless the reply is 200."""
        request = search_request(self._path, queries, self._options)
        # A new one each time: between two turns the service may close one that is idle.
        kind = HTTPSConnection if self._address.scheme == "https" else HTTPConnection
        connection = kind(self._address.hostname or "", self._address.port, timeout=self._timeout)
        try:
            connection.request("POST", request.path, request.body.encode(), {"Content-Type": "application/json"})
            reply = connection.getresponse()
            body = reply.read()
        except (OSError, HTTPException) as error:
            why = str(error) or type(error).__name__
            raise LoadFailed(f"no reply to a batch of {len(queries)} queries: {why}") from error
        finally:
            connection.close()
        if reply.status != 200:
            raise LoadFailed(f"a batch of {len(queries)} queries was answered {reply.status}: {body[:200].decode()}")


def overhead(
    batch: int,
    service: Direct,
    floor: Floor,
    searcher: Searcher,
    fresh: Fresh,
    options: Mapping[str, Any],
    rounds: int,
    most_seconds: float,
) -> Overhead:
    """One caller's batches over HTTP and the floor under them, by turns, on the same queries.

    Ends after `rounds`, or once `most_seconds` are over and FEWEST_ROUNDS done; the first round warms up and is not
    counted. Raises LoadFailed.
    """
    over_http, direct, taken = list[float](), list[float](), list[dict[str, float]]()
    end = monotonic() + most_seconds
    for number in range(rounds + 1):
        if number > FEWEST_ROUNDS and monotonic() > end:
            break
        batches = [fresh(batch) for _ in range(max(1, SMALL // batch))]
        sides = [(service.answer, over_http), (floor.answer, direct)]
        # Whoever comes second finds the texts' pages and the processor's caches warm: take turns at that, too.
        for answer, times in sides if number % 2 else reversed(sides):
            began = perf_counter()
            for queries in batches:
                answer(queries)
            times.append((perf_counter() - began) / len(batches))
        # The parts of a large batch take long, and once is enough to see their shares.
        if number and (not taken or (len(taken) < FEWEST_ROUNDS and monotonic() < end)):
            request = SearchRequest(queries=fresh(batch), **options)
            taken.append(parts(floor, searcher, request, over_http[-1]))
    ratios = [mine / theirs for mine, theirs in zip(over_http[1:], direct[1:], strict=True)]
    return Overhead(
        batch,
        Spread.of([1000 * one for one in over_http[1:]]),
        Spread.of([1000 * one for one in direct[1:]]),
        Spread.of(ratios),
        {name: 1000 * median(one[name] for one in taken) for name in PARTS},
    )


def against(
    name: str,
    ours: Callable[[], float],
    theirs: Callable[[], float],
    rounds: int,
    progress: Progress = silent,
) -> Against:
    """Two measurements of queries a second by turns, each first as often as the other."""
    mine, others = list[float](), list[float]()
    for number in range(rounds):
        for measure, found in ((ours, mine), (theirs, others)) if number % 2 else ((theirs, others), (ours, mine)):
            found.append(measure())
        progress(name, number + 1, rounds)
    ratios = [one / other for one, other in zip(mine, others, strict=True)]
    return Against(name, Spread.of(mine), Spread.of(others), Spread.of(ratios))


def batch_rate(service: Direct, fresh: Fresh, batch: int) -> float:
    """Queries a second of one caller's single batch. Raises LoadFailed."""
    queries = fresh(batch)
    began = perf_counter()
    service.answer(queries)
    return batch / (perf_counter() - began)


def encoder_rate(floor: Floor, fresh: Fresh) -> float:
    """Queries a second that the encoder alone does at its best batch size."""
    found = []
    for size in ENCODER_BATCHES:
        queries = fresh(size)
        began = perf_counter()
        floor.encode(queries)
        found.append(size / (perf_counter() - began))
    return max(found)
