"""The line before one searcher: who waits for which queries, what is under way, what is known already. Plain data.

A query under its options is one question, however many requests ask it: the first whose turn comes takes it, and its
answer goes to all. The cache and the line belong to one snapshot and go with it.
"""

from asyncio import Future
from collections import OrderedDict, deque
from contextvars import Context, copy_context
from typing import NamedTuple

from authority_search.models import SearchRequest
from service.answers import Answer

# A query and the options it is asked with, as JSON.
Key = tuple[str, str]


class Question:
    """One query under its options, unanswered. `tickets` wait for it."""

    __slots__ = ("begun", "key", "tickets")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.tickets: list[Ticket] = []
        self.begun = False


class Ticket:
    """A request in line: what it still waits for. `done` gets its answers, in the order of its queries.

    `context` is that of its caller, for traces.
    """

    def __init__(self, request: SearchRequest, done: "Future[list[Answer]]") -> None:
        self.request = request
        self.done = done
        self.context = copy_context()
        self.options = request.model_dump_json(exclude={"queries"})
        self.unanswered: dict[Key, Question] = {}
        self.in_line: deque[Question] = deque()
        self.answers: dict[Key, Answer] = {}

    @property
    def keys(self) -> list[Key]:
        """The question of each query, in their order."""
        return [(query, self.options) for query in self.request.queries]

    def take(self, most: int) -> list[Question]:
        """Up to `most` questions from the front that nobody has begun."""
        taken: list[Question] = []
        while self.in_line and len(taken) < most:
            question = self.in_line.popleft()
            if not question.begun:
                question.begun = True
                taken.append(question)
        return taken

    def answered(self, key: Key, answer: Answer) -> None:
        """Note an answer; the last one ends the request."""
        self.answers[key] = answer
        del self.unanswered[key]
        self.end_if_answered()

    def end_if_answered(self) -> None:
        """End the request if nothing is left to wait for."""
        if not self.unanswered and not self.done.done():
            self.done.set_result([self.answers[key] for key in self.keys])

    def failed(self, error: Exception) -> None:
        """End the request with an error."""
        if not self.done.done():
            self.done.set_exception(error)


class Part(NamedTuple):
    """Questions of a batch that share their options."""

    options: SearchRequest
    questions: list[Question]

    @property
    def contexts(self) -> list[Context]:
        """Those of the callers who wait for it."""
        return [ticket.context for question in self.questions for ticket in question.tickets]

    def request(self) -> SearchRequest:
        """The part as one request."""
        return self.options.model_copy(update={"queries": [question.key[0] for question in self.questions]})


class Lane:
    """The line, the questions under way and the cache of one searcher. At most `cached` answers are kept."""

    def __init__(self, cached: int) -> None:
        self._most_cached = cached
        self._cache: OrderedDict[Key, Answer] = OrderedDict()
        self._open: dict[Key, Question] = {}
        self._line: list[Ticket] = []
        # Questions in line, each counted once.
        self.waiting = 0

    def look_up(self, ticket: Ticket) -> tuple[int, int]:
        """Answer from the cache what is known. How many queries that were, and how many would be new in line."""
        new = 0
        for key in dict.fromkeys(ticket.keys):
            if (answer := self._cache.get(key)) is not None:
                self._cache.move_to_end(key)
                ticket.answers[key] = answer
            elif key not in self._open:
                new += 1
        return len(ticket.answers), new

    def enter(self, ticket: Ticket) -> None:
        """Put what `look_up` left unanswered in line."""
        for key in dict.fromkeys(ticket.keys):
            if key in ticket.answers:
                continue
            question = self._open.get(key)
            if question is None:
                question = self._open[key] = Question(key)
                self.waiting += 1
            question.tickets.append(ticket)
            ticket.unanswered[key] = question
            if not question.begun:
                ticket.in_line.append(question)
        if ticket.in_line:
            self._line.append(ticket)
        ticket.end_if_answered()

    def leave(self, ticket: Ticket) -> None:
        """Take out of the line what nobody else waits for."""
        for key, question in ticket.unanswered.items():
            question.tickets.remove(ticket)
            if not question.tickets and not question.begun:
                del self._open[key]
                self.waiting -= 1
        ticket.unanswered.clear()
        ticket.in_line.clear()
        if ticket in self._line:
            self._line.remove(ticket)

    def take(self, most: int) -> list[Part]:
        """The next batch, at most `most` questions: an equal share of each request in line, one round after another.

        A request that was served and has more goes behind those that were not.
        """
        parts: dict[str, Part] = {}
        served: dict[Ticket, None] = {}
        turn, left = self._line, most
        while turn and left:
            share = max(1, left // len(turn))
            for ticket in turn[:left]:
                questions = ticket.take(min(share, left))
                left -= len(questions)
                served[ticket] = None
                parts.setdefault(ticket.options, Part(ticket.request, [])).questions.extend(questions)
            turn = [ticket for ticket in turn if ticket.in_line]
        unserved = [ticket for ticket in self._line if ticket not in served]
        self._line = [*unserved, *(ticket for ticket in served if ticket.in_line)]
        self.waiting -= most - left
        return [part for part in parts.values() if part.questions]

    def settle(self, question: Question, answer: Answer) -> None:
        """Give an answer to all who wait for it, and keep it unless a part failed: the next one may be whole."""
        del self._open[question.key]
        if not answer.degraded and self._most_cached:
            self._cache[question.key] = answer
            if len(self._cache) > self._most_cached:
                self._cache.popitem(last=False)
        for ticket in question.tickets:
            ticket.answered(question.key, answer)

    def fail(self, question: Question, error: Exception) -> None:
        """End all who wait for a question with an error."""
        del self._open[question.key]
        for ticket in question.tickets:
            del ticket.unanswered[question.key]
            ticket.failed(error)
