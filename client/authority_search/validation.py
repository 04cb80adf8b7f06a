"""Words for what pydantic found wrong: the service and the client say it alike."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from authority_search.models import DateFilter, OpenRequest, SearchRequest, SourceFilter

MAX_PROBLEMS = 3
MAX_NAME_CHARACTERS = 40

_FIELDS = sorted(
    {
        field.alias or name
        for model in (SearchRequest, SourceFilter, DateFilter, OpenRequest)
        for name, field in model.model_fields.items()
    }
)
_JSON_NAMES = {str: "a string", bool: "a boolean", dict: "an object", list: "a list"}
_NO_OBJECT = ("missing", "model_type", "model_attributes_type")
_ADVICE = {
    "too_long": "send less, or split the request",
    "too_short": "send at least one",
    "string_too_long": "shorten it",
    "missing": "send it",
    "string_pattern_mismatch": "write it in that form",
    "string_unicode": "send well-formed Unicode without lone surrogates",
}


def explain(errors: Sequence[ErrorDetails]) -> str:
    """One line that names each field, what is wrong with it and what to do. Never longer than a few hundred characters.

    `errors` are those of `pydantic.ValidationError.errors()`; the input itself is never repeated.
    """
    problems = [_problem(error) for error in errors[:MAX_PROBLEMS]]
    if len(errors) > MAX_PROBLEMS:
        problems.append(f"and {len(errors) - MAX_PROBLEMS} more problems")
    return "; ".join(problems)


def clip(text: str, most: int = MAX_NAME_CHARACTERS) -> str:
    """At most `most` characters of `text`, with lone surrogates written out, so that UTF-8 can carry it."""
    clipped = text if len(text) <= most else text[:most] + "…"
    return clipped.encode("utf-8", "backslashreplace").decode()


def _problem(error: ErrorDetails) -> str:
    kind, where = error["type"], ".".join(clip(str(part)) for part in error["loc"])
    if not where and kind in _NO_OBJECT:
        what = "missing" if kind == "missing" else _json_name(error["input"])
        return f"the body is {what}; send a JSON object as application/json"
    return f"{where or 'the body'}: {_complaint(kind, error)}"


def _complaint(kind: str, error: ErrorDetails) -> str:
    if kind == "extra_forbidden":
        return f"no such field; {_suggestion(error['loc'][-1])}"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    said = error["msg"].replace(" after validation", "")
    if kind.endswith("_type"):
        said += f", not {_json_name(error['input'])}"
    advice = f"; {_ADVICE[kind]}" if kind in _ADVICE else ""
    return said[0].lower() + said[1:] + advice


def _suggestion(name: object) -> str:
    close = get_close_matches(clip(str(name)), _FIELDS, n=1)
    return f"did you mean {close[0]}?" if close else "remove it"


def _json_name(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return "not declared as JSON"
    return _JSON_NAMES.get(type(value), "a number")
