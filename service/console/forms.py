"""From the address of a page to a request: what was typed is kept, and each fault is told at its field."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError
from starlette.datastructures import QueryParams

from authority_search.models import DateFilter, SearchRequest
from authority_search.validation import explain

MAX_QUERIES = 20

LABELS: Mapping[str, str] = {
    "q": "Queries",
    "authority": "Authority",
    "profile": "Profile",
    "top_k": "Hits per query",
    "include": "Only these sources",
    "exclude": "Without these sources",
    "language": "Languages",
    "date_field": "Date",
    "from": "From",
    "to": "To",
    "undated": "Undated pages",
    "max_per_page": "Limit per page",
    "max_per_source": "Limit per source",
    "max_tokens": "Limit of tokens",
}
"""The fields of the form by the names they have in addresses."""
FOLDED = tuple(name for name in LABELS if name not in ("q", "authority", "profile", "top_k"))
"""Those that the page folds away until they are needed."""

SECOND = "b."
OVERRIDDEN = ("authority", "profile", "max_per_page", "max_per_source")
"""What the second side of a comparison may set otherwise, as `b.authority` and so on."""
NONE = "-"
"""Written for "no profile" or "no limit" on the second side, where an empty field means "as on the first"."""

_DEFAULTS = {name: field.default for name, field in SearchRequest.model_fields.items()}
# From where pydantic found a fault to the field it was typed in, the longer paths first.
_FIELD_OF: Mapping[tuple[str, ...], str] = {
    ("sources", "include"): "include",
    ("sources", "exclude"): "exclude",
    ("dates", "field"): "date_field",
    ("dates", "from"): "from",
    ("dates", "to"): "to",
    ("dates", "undated"): "undated",
    ("dates",): "from",
    ("queries",): "q",
    ("languages",): "language",
    ("targets",): "target",
}

_PLAINER = {
    "number_as_text": "write a whole number",
    "date_from_datetime_parsing": "write a day as 2024-01-31",
    "string_pattern_mismatch": "write codes of two letters, such as en or zh",
}


class SearchForm(NamedTuple):
    """`typed` has the text of every field of `LABELS`, defaults included; `errors` says by field what is wrong.

    Either `request` or `errors` is there, and neither where nothing was asked.
    """

    typed: Mapping[str, str]
    errors: Mapping[str, str]
    request: SearchRequest | None

    @property
    def changed(self) -> int:
        """How many of the fields that the page folds away are not as they are by default."""
        return sum(self.typed[name] != DEFAULTS[name] for name in FOLDED)


class ComparisonForm(NamedTuple):
    """Two forms that differ in `OVERRIDDEN` fields at most; `second_typed` has what was typed there, by `b.` name."""

    first: SearchForm
    second: SearchForm
    second_typed: Mapping[str, str]

    @property
    def errors(self) -> Mapping[str, str]:
        """What is wrong, by field; of the second side only what it has of its own."""
        own = {SECOND + name: said for name, said in self.second.errors.items() if self.second_typed.get(SECOND + name)}
        return {**self.first.errors, **own}


def _default_texts() -> dict[str, str]:
    """What every field holds before anything is typed."""
    dates = {name: field.default for name, field in DateFilter.model_fields.items()}
    values = {**_DEFAULTS, "date_field": dates["field"], "undated": dates["undated"]}
    return {name: "" if values.get(name) is None else str(values[name]) for name in LABELS}


DEFAULTS: Mapping[str, str] = _default_texts()


def read_form(params: QueryParams) -> SearchForm:
    """The search that an address asks for. Never raises."""
    return _form(_typed(params), "q" in params)


def read_comparison(params: QueryParams) -> ComparisonForm:
    """The two searches that an address asks for. Without any word of the second, the first is authority off."""
    typed = _typed(params)
    second = {SECOND + name: params.get(SECOND + name, "").strip() for name in OVERRIDDEN}
    if not any(SECOND + name in params for name in OVERRIDDEN):
        second[SECOND + "authority"] = "tie"
        typed |= {"authority": params.get("authority", "off")}
    chosen = {name: second[SECOND + name] for name in OVERRIDDEN if second[SECOND + name]}
    overriding = {name: "" if value == NONE else value for name, value in chosen.items()}
    asked = "q" in params
    return ComparisonForm(_form(typed, asked), _form({**typed, **overriding}, asked), second)


def _typed(params: QueryParams) -> dict[str, str]:
    # Check boxes and the field beside them share a name.
    return {name: " ".join(params.getlist(name)).strip() if name in params else DEFAULTS[name] for name in LABELS}


def _form(typed: Mapping[str, str], asked: bool) -> SearchForm:
    if not typed["q"]:
        return SearchForm(typed, {"q": "Queries: write at least one"} if asked else {}, None)
    try:
        body = _body(typed)
        if len(body["queries"]) > MAX_QUERIES:
            said = f"{LABELS['q']}: {MAX_QUERIES} fit on a page; send more at once to POST /batch_search"
            return SearchForm(typed, {"q": said}, None)
        return SearchForm(typed, {}, SearchRequest.model_validate(body))
    except ValidationError as error:
        return SearchForm(typed, faults(error), None)


def _body(typed: Mapping[str, str]) -> dict[str, Any]:
    """The request as JSON would have it; what is no number is left to pydantic, which says so."""
    body: dict[str, Any] = {
        "queries": [line.strip() for line in re.split(r"[\r\n]+", typed["q"]) if line.strip()],
        "authority": typed["authority"],
        "profile": typed["profile"] or None,
        "top_k": number(typed["top_k"] or DEFAULTS["top_k"]),
        "sources": {"include": words(typed["include"]), "exclude": words(typed["exclude"])},
        "languages": words(typed["language"].lower()),
        **{
            name: number(typed[name]) if typed[name] else None
            for name in ("max_per_page", "max_per_source", "max_tokens")
        },
    }
    if typed["from"] or typed["to"] or typed["undated"] != DEFAULTS["undated"]:
        days = {name: typed[name] or None for name in ("from", "to")}
        given = {name: day for name, day in days.items() if day}
        body["dates"] = {"field": typed["date_field"], "undated": typed["undated"], **given}
    return body


def number(text: str) -> int | str:
    """The number that `text` is, else `text` itself."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else text


def words(text: str) -> list[str]:
    """What spaces, commas and line ends part."""
    return [word for word in re.split(r"[\s,，、;；]+", text) if word]


def faults(error: ValidationError, labels: Mapping[str, str] = LABELS) -> dict[str, str]:
    """By field, one sentence about its first fault; the sentence begins with the field's label."""
    said: dict[str, str] = {}
    for one in error.errors():
        path = one["loc"]
        field = _field(path)
        label = f"Query {int(path[1]) + 1}" if field == "q" and len(path) > 1 else labels[field]
        named: Any = {**one, "loc": (label,)}
        plainer = _PLAINER.get(one["type"])
        said.setdefault(field, f"{label}: {plainer}" if plainer else explain([named]))
    return said


def _field(path: tuple[int | str, ...]) -> str:
    names = tuple(part for part in path if isinstance(part, str))
    found = next((field for prefix, field in _FIELD_OF.items() if names[: len(prefix)] == prefix), None)
    return found or names[0]
