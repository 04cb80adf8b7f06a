"""Replies of the service against direct calls of a searcher on the snapshot that the reply names."""

import json
from collections.abc import Callable
from functools import lru_cache
from math import isclose
from typing import Any, Literal

from authority_search.models import OpenRequest, SearchRequest
from bench.load.plan import HttpRequest
from service.searcher import Searcher

Verdict = Literal["identical", "rounded", "wrong"]

TOLERANCE = 1e-4
"""How much two numbers may differ where an encoder's batches are not equal to the last digit."""


class Checker:
    """Compares replies. `open_searcher` gives the searcher of a snapshot by its id; the last few are kept open."""

    def __init__(self, open_searcher: Callable[[str], Searcher]) -> None:
        self._searcher = lru_cache(maxsize=2)(open_searcher)

    def check(self, request: HttpRequest, body: bytes) -> tuple[Verdict, str]:
        """The verdict on a reply, and where it differs first: by rounding for `rounded`, beyond it for `wrong`."""
        got = json.loads(body)
        expected = _direct(self._searcher(got["snapshot"]), request)
        if body == expected.encode():
            return "identical", ""
        directly = json.loads(expected)
        if place := difference(got, directly):
            return "wrong", place
        return "rounded", difference(got, directly, tolerance=0.0) or "only the spelling of equal JSON"


def difference(got: Any, expected: Any, place: str = "", tolerance: float = TOLERANCE) -> str:
    """Where two JSON values differ first by more than `tolerance`, empty where they do not."""
    if isinstance(got, dict) and isinstance(expected, dict) and got.keys() == expected.keys():
        pairs = ((f"{place}.{key}", got[key], expected[key]) for key in got)
        return next((found for at, a, b in pairs if (found := difference(a, b, at, tolerance))), "")
    if isinstance(got, list) and isinstance(expected, list) and len(got) == len(expected):
        pairs = ((f"{place}[{n}]", a, b) for n, (a, b) in enumerate(zip(got, expected, strict=True)))
        return next((found for at, a, b in pairs if (found := difference(a, b, at, tolerance))), "")
    if isinstance(got, float) and isinstance(expected, float):
        same = isclose(got, expected, rel_tol=tolerance, abs_tol=tolerance)
    else:
        same = got == expected
    return "" if same else f"{place.removeprefix('.') or 'the reply'}: {_short(got)}, directly {_short(expected)}"


def _direct(searcher: Searcher, request: HttpRequest) -> str:
    if request.path == "/batch_search":
        return searcher.search(SearchRequest.model_validate_json(request.body)).model_dump_json()
    if request.path == "/batch_open":
        return searcher.open(OpenRequest.model_validate_json(request.body)).model_dump_json()
    return searcher.sources().model_dump_json()


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"
