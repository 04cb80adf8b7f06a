"""The mixed load of a soak: searches with all kinds of options, opened pages and passages, the list of sources."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from bench.load.plan import HttpRequest
from index.snapshot import Snapshot

DISTINCT = 120
"""So many different requests; each reply to each is checked once for every snapshot that gave it."""

_SEARCH_SHARE, _OPEN_SHARE = 0.75, 0.2
_LARGEST_BATCH = 4


def make_mix(snapshot: Snapshot, texts: Sequence[str], seed: int) -> tuple[HttpRequest, ...]:
    """Requests drawn by a seed. What they open stands in `snapshot`; a variant that lacks it must say so."""
    chance = Random(seed)  # noqa: S311 - no secret
    return tuple(_request(number, snapshot, texts, chance) for number in range(DISTINCT))


def _request(number: int, snapshot: Snapshot, texts: Sequence[str], chance: Random) -> HttpRequest:
    kind = chance.random()
    if kind < _SEARCH_SHARE:
        return _post(number, "/batch_search", _search(snapshot, texts, chance))
    if kind < _SEARCH_SHARE + _OPEN_SHARE:
        return _post(number, "/batch_open", _open(snapshot, chance))
    return HttpRequest(number, "GET", "/sources", "")


def _search(snapshot: Snapshot, texts: Sequence[str], chance: Random) -> dict[str, Any]:
    options: list[dict[str, Any]] = [
        {},
        {"authority": "off", "explain": False},
        {"authority": "boost", "top_k": 20},
        {"max_tokens": 256, "max_per_page": 1},
        {"dates": {"field": "modified", "from": "2015-01-01"}},
        {"sources": {"exclude": [chance.choice(snapshot.columns.source_ids)]}},
    ]
    queries = chance.sample(texts, min(len(texts), chance.randint(1, _LARGEST_BATCH)))
    return {"queries": queries, "top_k": 5} | chance.choice(options)


def _open(snapshot: Snapshot, chance: Random) -> dict[str, Any]:
    columns = snapshot.columns
    page = columns.url(chance.randrange(columns.page_count))
    passage = columns.passage_id(chance.randrange(len(columns)))
    return {"targets": [page, passage], "max_tokens": 512, "neighbours": chance.randint(0, 2)}


def _post(number: int, path: str, body: dict[str, Any]) -> HttpRequest:
    return HttpRequest(number, "POST", path, json.dumps(body, ensure_ascii=False))
