"""Reading what the snapshot holds: a passage among its neighbours, or a page part by part."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError
from starlette.datastructures import QueryParams

from authority_search.models import OpenRequest, OpenResult
from service.console.forms import faults, number
from service.console.highlight import Piece, highlight, query_terms
from service.gateway import Gateway

LABELS: Mapping[str, str] = {
    "target": "Address or passage id",
    "neighbours": "Neighbours",
    "offset": "Tokens to skip",
    "max_tokens": "Tokens to show",
}
DEFAULTS: Mapping[str, str] = {"target": "", "neighbours": "2", "offset": "0", "max_tokens": "1024"}
_HEADING = re.compile(r"#{1,6} [^\n]+")
_PASSAGE_ID = re.compile(r"[0-9a-f]{32}")


class OpenForm(NamedTuple):
    """`typed` has the text of every field of `LABELS`; either `request` or `errors`, or nothing was asked."""

    typed: Mapping[str, str]
    errors: Mapping[str, str]
    request: OpenRequest | None


class TextBlock(NamedTuple):
    """What blank lines part."""

    pieces: Sequence[Piece]
    is_heading: bool


class Reading(NamedTuple):
    """An opened text: what stands before the passage asked for, the passage, and what follows it.

    Of a page everything is `before`. `previous` is the offset of the part before this one.
    """

    result: OpenResult
    before: Sequence[TextBlock]
    passage: Sequence[TextBlock]
    after: Sequence[TextBlock]
    is_passage: bool
    previous: int | None


def read_open_form(params: QueryParams) -> OpenForm:
    """What an address asks to open. Never raises."""
    typed = {name: params.get(name, "").strip() or default for name, default in DEFAULTS.items()}
    if "target" not in params:
        return OpenForm(typed, {}, None)
    if not typed["target"]:
        return OpenForm(typed, {"target": f"{LABELS['target']}: write one"}, None)
    numbers = {name: number(typed[name]) for name in DEFAULTS if name != "target"}
    try:
        return OpenForm(typed, {}, OpenRequest.model_validate({"targets": [typed["target"]], **numbers}))
    except ValidationError as error:
        return OpenForm(typed, faults(error, LABELS), None)


async def read_target(gateway: Gateway, request: OpenRequest, query: str) -> Reading:
    """Open the one target of `request`, with the words of `query` marked. Raises ServiceError."""
    result = (await gateway.open(request)).results[0]
    is_passage = _PASSAGE_ID.fullmatch(request.targets[0]) is not None
    start, end = len(result.text), len(result.text)
    if is_passage and result.status == "ok":
        alone = OpenRequest(targets=request.targets, neighbours=0, max_tokens=100_000)
        wanted = (await gateway.open(alone)).results[0].text
        # Not there where it lies in another part.
        if wanted and (found := result.text.find(wanted)) >= 0:
            start, end = found, found + len(wanted)
    terms = query_terms(query)
    texts = (result.text[:start], result.text[start:end], result.text[end:])
    before, passage, after = (_blocks(text, terms) for text in texts)
    previous = max(0, request.offset - request.max_tokens) if request.offset else None
    return Reading(result, before, passage, after, is_passage, previous)


def _blocks(text: str, terms: frozenset[str]) -> list[TextBlock]:
    parts = (part for part in re.split(r"\n{2,}", text.strip("\n")) if part)
    return [TextBlock(highlight(part, terms), _HEADING.fullmatch(part) is not None) for part in parts]
