"""Micro-batching: the queries of all callers wait in one line and are searched together, each distinct one once.

    event loop                                 threads
    ----------                                 -------
    search: cached? under way? else in line
    a worker takes a batch     ──────────►     begin: encode                 (one batch at a time)
    a second one takes the next ─────────►     finish: search, rank, JSON    (of the batch before)
    its tickets are served     ◄──────────

There is no timer: while the encoder is busy with a batch, what arrives forms the next one, and an idle service begins
at once. A batch takes turns among the requests in line, so that a large request does not hold up small ones. All state
here is touched on the event loop's thread alone, hence no locks; threads get requests and give back answers.

A request keeps the searcher that was live when it came. A caller that stops waiting (its task is cancelled: it hung up,
or its deadline passed) takes its queries out of the line. Workers exist only while there is work: nothing to start or
stop.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter, to_thread

from authority_search.models import SearchRequest
from service.admission import Admission
from service.answers import Answer, answers_of
from service.errors import Overloaded, ServiceError
from service.line import Lane, Part, Ticket
from service.stages import Observe, timed

if TYPE_CHECKING:
    # Annotations only: these bring the engines, and importing an app should not.
    from service.searcher import Begun, Searcher

ResultT = TypeVar("ResultT")

# One whose batch is with the encoder, one whose batch is being told.
_WORKERS = 2


class Batch(NamedTuple):
    """Questions to one searcher, by their options."""

    searcher: "Searcher"
    lane: Lane
    parts: list[Part]

    @property
    def size(self) -> int:
        """Number of questions."""
        return sum(len(part.questions) for part in self.parts)

    @property
    def context(self) -> Context:
        """That of the first caller who waits for it: a trace of its request has the stages of the batch."""
        return next((context.copy() for part in self.parts for context in part.contexts), Context())

    def requests(self) -> list[SearchRequest]:
        """A request for each kind of options."""
        return [part.request() for part in self.parts]

    def settle(self, outcomes: Sequence[list[Answer] | Exception]) -> None:
        """Give each part its answers, or the error that it met."""
        for part, outcome in zip(self.parts, outcomes, strict=True):
            if isinstance(outcome, Exception):
                for question in part.questions:
                    self.lane.fail(question, outcome)
            else:
                for question, answer in zip(part.questions, outcome, strict=True):
                    self.lane.settle(question, answer)


class Batcher:
    """Answers requests in batches of at most `most` queries, with at most `cached` answers kept for each snapshot."""

    def __init__(self, most: int, cached: int, admission: Admission, observe: Observe) -> None:
        self._most = most
        self._cached = cached
        self._admission = admission
        self._observe = observe
        # A searcher is collected with its line and its cache when a swap and its last request let go of it.
        self._lanes: WeakKeyDictionary[Searcher, Lane] = WeakKeyDictionary()
        self._encoder = asyncio.Lock()
        self._threads = CapacityLimiter(_WORKERS)
        self._workers = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_served = 0.0

    async def search(self, searcher: "Searcher", request: SearchRequest) -> list[Answer]:
        """The answer to each query, in their order. Raises UnknownName, Overloaded and Internal."""
        lane = self._lanes.get(searcher) or self._lanes.setdefault(searcher, Lane(self._cached))
        ticket = Ticket(request, asyncio.get_running_loop().create_future())
        known, new = lane.look_up(ticket)
        self._observe("cached", known)
        self._admit(new)
        lane.enter(ticket)
        self._hire()
        try:
            return await ticket.done
        except asyncio.CancelledError:
            self._observe("left", 1)
            raise
        finally:
            lane.leave(ticket)

    def _admit(self, new: int) -> None:
        try:
            self._admission.require(self._waiting(), new)
        except Overloaded:
            self._observe("refused", 1)
            raise

    def _waiting(self) -> int:
        return sum(lane.waiting for lane in self._lanes.values())

    def _hire(self) -> None:
        """Begin one more worker if there is work for it and a place."""
        if self._workers < _WORKERS and self._waiting():
            self._workers += 1
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        """Batch after batch, until nothing waits."""
        try:
            while await self._next_batch():
                pass
        finally:
            self._workers -= 1

    async def _next_batch(self) -> bool:
        """Take what waits and answer it. False when nothing does."""
        async with self._encoder:
            batch = self._take()
            if batch is None:
                return False
            began = time.monotonic()
            context = batch.context
            begun = await self._run(context, partial(batch.searcher.begin, batch.requests(), self._observe))
        if isinstance(begun, Exception):
            batch.settle([begun] * len(batch.parts))
        else:
            told = await self._run(context, partial(_told, batch.searcher, begun, self._observe))
            batch.settle([told] * len(batch.parts) if isinstance(told, Exception) else told)
        now = time.monotonic()
        self._admission.served(batch.size, now - max(began, self._last_served))
        self._last_served = now
        return True

    def _take(self) -> Batch | None:
        """The next batch, of those first who came before a swap."""
        for searcher, lane in self._lanes.items():
            if lane.waiting:
                batch = Batch(searcher, lane, lane.take(self._most))
                self._observe("batch", batch.size)
                self._observe("waiting", self._waiting())
                return batch
        return None

    async def _run(self, context: Context, work: Callable[[], ResultT]) -> ResultT | Exception:
        """The result of `work` on a thread, or the defect met: it belongs to the callers of this batch."""
        try:
            return await to_thread.run_sync(context.run, work, limiter=self._threads)
        except Exception as error:
            return error


def _told(searcher: "Searcher", begun: "Begun", observe: Observe) -> list[list[Answer] | Exception]:
    """The second half of a batch, with the JSON of each answer. Runs on a thread."""
    replies = searcher.finish(begun, observe)
    with timed("json", observe):
        return [reply if isinstance(reply, ServiceError) else answers_of(reply) for reply in replies]
