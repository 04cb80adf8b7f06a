"""The answer to one query, from which replies are put together; what a reply's bytes are made of."""

from collections.abc import Sequence
from typing import NamedTuple

from authority_search.models import Degraded, QueryResult, SearchReply


class Answer(NamedTuple):
    """All that a query under its options gets. `json` is the result as it goes over the wire, written once."""

    snapshot: str
    result: QueryResult
    json: str
    excluded: int
    undated: int
    degraded: tuple[Degraded, ...]


def answers_of(reply: SearchReply) -> list[Answer]:
    """A reply taken apart, in the order of its results."""
    degraded = tuple(reply.degraded)
    return [
        Answer(reply.snapshot, one, one.model_dump_json(), reply.excluded_passages, reply.undated_kept, degraded)
        for one in reply.results
    ]


def reply_of(answers: Sequence[Answer]) -> SearchReply:
    """The reply to the queries of one request, whose options are the same."""
    return _reply(answers, [one.result for one in answers])


def reply_json(answers: Sequence[Answer]) -> str:
    """`reply_of` as JSON, to the byte: results are not written again."""
    # An id has no quotes, so the first empty list is the one of the results.
    head, _, tail = _reply(answers, []).model_dump_json().partition('"results":[]')
    return f'{head}"results":[{",".join([one.json for one in answers])}]{tail}'


def degraded_of(answers: Sequence[Answer]) -> list[Degraded]:
    """What failed for any of the queries, each named once."""
    return list({(one.arm, one.reason): one for answer in answers for one in answer.degraded}.values())


def _reply(answers: Sequence[Answer], results: list[QueryResult]) -> SearchReply:
    first = answers[0]
    return SearchReply(
        snapshot=first.snapshot,
        results=results,
        excluded_passages=first.excluded,
        undated_kept=first.undated,
        degraded=degraded_of(answers),
    )
