"""The arguments of a tool call: their schema, how they become a request, and what a model is told of its mistakes."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from authority_search._errors import (
    AccessDenied,
    AuthoritySearchError,
    InvalidRequest,
    NotReady,
    Overloaded,
    TooLarge,
    UnknownName,
)
from authority_search.models import MAX_QUERIES, MAX_TARGETS
from authority_search.validation import clip

_SEARCH_ONLY = "For search: "
_OPEN_ONLY = "For open: "


def _strings(description: str, most: int | None = None) -> dict[str, Any]:
    limit = {"maxItems": most} if most else {}
    return {"type": "array", "items": {"type": "string"}, **limit, "description": description}


PARAMETERS: Final[dict[str, Any]] = {
    "operation": {
        "type": "string",
        "enum": ["search", "open"],
        "description": "search: find passages for queries. open: read pages or passages that a search returned.",
    },
    "queries": _strings(
        _SEARCH_ONLY + "one self-contained question or keyword phrase each, in the language of the sources you want. "
        "Send all queries you need in one call: it costs little more than one.",
        MAX_QUERIES,
    ),
    "top_k": {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "description": _SEARCH_ONLY + "most passages per query. Default 5.",
    },
    "profile": {
        "type": "string",
        "description": _SEARCH_ONLY + "a named selection of sources, such as medicine. Default: all sources.",
    },
    "sources": _strings(_SEARCH_ONLY + "search only these sources, by the ids that results show, such as who.int."),
    "exclude_sources": _strings(_SEARCH_ONLY + "leave these sources out, by id."),
    "languages": _strings(_SEARCH_ONLY + "only passages in these languages, as ISO 639-1 codes such as en or zh."),
    "date_from": {"type": "string", "format": "date", "description": _SEARCH_ONLY + "first day, as YYYY-MM-DD."},
    "date_to": {"type": "string", "format": "date", "description": _SEARCH_ONLY + "last day, as YYYY-MM-DD."},
    "date_field": {
        "type": "string",
        "enum": ["published", "modified", "crawled", "changed"],
        "description": _SEARCH_ONLY + "the date that date_from and date_to speak of. Default published.",
    },
    "undated": {
        "type": "string",
        "enum": ["keep", "drop"],
        "description": _SEARCH_ONLY + "what a date filter does with pages that state no such date. Many official "
        "pages state none, so the default is keep.",
    },
    "targets": _strings(
        _OPEN_ONLY + "urls (the whole page) or passage ids (the passage with its neighbours), copied from results.",
        MAX_TARGETS,
    ),
    "offset": {
        "type": "integer",
        "minimum": 0,
        "description": _OPEN_ONLY + "tokens to skip, to read on in a long page; a cut text names the next offset.",
    },
    "max_tokens": {
        "type": "integer",
        "minimum": 16,
        "maximum": 100_000,
        "description": "Most tokens of text per query or target. Default 2048.",
    },
}

_DEFAULT_TOP_K = 5
# Where each parameter of a search goes in the options of the client; the error texts lead back.
_PATHS: Final[dict[str, tuple[str, ...]]] = {
    "top_k": ("top_k",),
    "max_tokens": ("max_tokens",),
    "profile": ("profile",),
    "languages": ("languages",),
    "sources": ("sources", "include"),
    "exclude_sources": ("sources", "exclude"),
    "date_from": ("dates", "from"),
    "date_to": ("dates", "to"),
    "date_field": ("dates", "field"),
    "undated": ("dates", "undated"),
}
_OPEN_OPTIONS = ("offset", "max_tokens")
_NUMBERS = frozenset(name for name, schema in PARAMETERS.items() if schema["type"] == "integer")
_DIGITS = re.compile(r"[0-9]{1,9}")
# What an operation takes first, and what else.
_SUBJECTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "search": ("queries", tuple(_PATHS)),
    "open": ("targets", _OPEN_OPTIONS),
}


def parameters_of(operation: Literal["search", "open"]) -> dict[str, Any]:
    """The JSON Schema of the arguments of one operation as a tool of its own."""
    subject, known = _SUBJECTS[operation]
    properties = {name: {**PARAMETERS[name]} for name in (subject, *known)}
    for schema in properties.values():
        schema["description"] = re.sub("^For (search|open): (.)", lambda found: found[2].upper(), schema["description"])
    return {"type": "object", "properties": properties, "required": [subject], "additionalProperties": False}


def understood(arguments: Mapping[str, Any] | str) -> tuple[str, Any, dict[str, Any]]:
    """Operation, its queries or targets, and options of the client's method. Raises InvalidRequest."""
    given = _parsed(arguments)
    operation = given.pop("operation", None) or ("open" if "targets" in given else "search")
    if operation not in ("search", "open"):
        raise InvalidRequest('operation: no such operation; use "search" or "open"')
    subject, known = _SUBJECTS[operation]
    texts = given.pop(subject, None)
    if texts is None:
        raise InvalidRequest(f"{subject}: missing; {operation} needs a list of {subject}")
    if strange := sorted(set(given) - set(known)):
        allowed = ", ".join([subject, *known])
        raise InvalidRequest(f"{clip(strange[0])}: no such parameter of {operation}; it takes {allowed}")
    return operation, texts, _search_options(given) if operation == "search" else given


def _parsed(arguments: Mapping[str, Any] | str) -> dict[str, Any]:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError) as error:
            raise InvalidRequest(f"the arguments are not JSON ({error}); send one JSON object") from error
    if not isinstance(arguments, Mapping):
        raise InvalidRequest("the arguments are no JSON object; send one, with operation and queries or targets")
    # Models fill in what they do not use with null, "" or []; none of these means anything here.
    given = {str(name): value for name, value in arguments.items() if value not in (None, "", [])}
    return {name: _number(value) if name in _NUMBERS else value for name, value in given.items()}


def _number(value: Any) -> Any:
    """Models write a number as text or with a fraction of nothing now and then."""
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _search_options(given: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {"top_k": _DEFAULT_TOP_K, "explain": False}
    for name, value in given.items():
        *outer, last = _PATHS[name]
        place = options.setdefault(outer[0], {}) if outer else options
        place[last] = value
    return options


def advice(error: AuthoritySearchError) -> str:
    """The error in the model's terms, with what to do next."""
    message = str(error)
    for name, path in _PATHS.items():
        if len(path) > 1:
            message = message.replace(".".join(path), name)
    if isinstance(error, InvalidRequest | UnknownName):
        return f"Error: {message}. Correct the arguments and call again."
    if isinstance(error, AccessDenied):
        return "Error: this tool was not let in, which no other call will change. Go on without it and say so."
    if isinstance(error, TooLarge):
        return f"Error: {message}. Send fewer queries per call."
    if isinstance(error, Overloaded | NotReady):
        return f"Error: {message}. The arguments are fine: call again in a little while."
    return f"Error: {message}. Try once more; if that fails too, go on without this tool and say so."
