"""What can be wrong with one row or profile, taken by itself. Every function yields messages."""

import dataclasses
import math
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date

from domain_lists.errors import InvalidUrl
from domain_lists.look_alikes import check_imitation, check_scripts
from domain_lists.public_suffix import host_parts
from domain_lists.records import Profile
from domain_lists.urls import canonical_url, normalise_host
from domain_lists.user_pages import parents
from domain_lists.vocabulary import ACCESS, COUNTRIES, KINDS, LANGUAGES, SECTORS, TIERS

_EVIDENCE = re.compile(r"[a-z][a-z0-9-]*(:[^;\s]+)?(;[a-z][a-z0-9-]*(:[^;\s]+)?)*")
_PORT = re.compile(r"(\[.*\]|[^:]*):[0-9]*")
_PROFILE_NAME = re.compile(r"[a-z][a-z0-9-]*")
_PROFILE_KEYS = frozenset(field.name for field in dataclasses.fields(Profile)) - {"name"}
_PROFILE_WORDS = {"countries": COUNTRIES, "sectors": SECTORS, "languages": LANGUAGES, "kinds": KINDS}
_CODES = {COUNTRIES: "ISO 3166 alpha-2 codes, EU and INT", LANGUAGES: "ISO 639-1 codes and multi"}


def check_source(cells: Mapping[str, str], restricted: Collection[str]) -> Iterator[str]:
    """Faults of a source row; `restricted` are the restricted suffixes."""
    yield from check_id(cells["id"], restricted)
    if not cells["name"]:
        yield "name is empty"
    yield from check_choice("sector", cells["sector"], SECTORS)
    yield from check_choice("kind", cells["kind"], KINDS)
    yield from check_choice("language", cells["language"], LANGUAGES)
    yield from check_score_cells(cells)
    yield from check_choice("country", cells["country"], COUNTRIES)
    for word in filter(None, cells["access"].split(";")):
        yield from check_choice("access", word, ACCESS)
    if cells["reviewed"]:
        yield from check_date("reviewed", cells["reviewed"])
    if cells["evidence"] and not _EVIDENCE.fullmatch(cells["evidence"]):
        yield f"evidence {cells['evidence']!r} is not token or token:value, parted by ';'"


def check_suffix(cells: Mapping[str, str], restricted: Collection[str]) -> Iterator[str]:
    """Faults of a row of suffixes.csv."""
    suffix = cells["suffix"]
    faults = list(check_host(suffix))
    yield from faults
    if not faults:
        parts = host_parts(suffix)
        if not parts.suffix:
            yield f"suffix {suffix!r} is not under a suffix of the Public Suffix List"
        yield from check_imitation(suffix, [other for other in restricted if other != suffix and "." in other])
    yield from check_score_cells(cells)
    yield from check_choice("country", cells["country"], COUNTRIES)


def check_denied(cells: Mapping[str, str]) -> Iterator[str]:
    """Faults of a row of denied.csv."""
    yield from check_host(cells["host"])
    if not cells["reason"]:
        yield "reason is empty"


def check_profile(name: str, body: Mapping[str, object]) -> Iterator[str]:
    """Faults of a profile, other than which sources it names."""
    if not _PROFILE_NAME.fullmatch(name):
        yield f"profile name {name!r} is not lower case letters, digits and hyphens"
    for key, value in body.items():
        if key not in _PROFILE_KEYS:
            yield f"unknown key {key!r}; there are {', '.join(sorted(_PROFILE_KEYS))}"
        elif key == "max_tier":
            if str(value) not in TIERS or isinstance(value, str):
                yield f"max_tier {value!r} is not a number from 1 to 4"
        elif key == "description":
            if not isinstance(value, str):
                yield "description is not a string"
        elif not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            yield f"{key} is not a list of strings"
        else:
            for word in value:
                yield from check_choice(key, word, _PROFILE_WORDS.get(key, {word}))
    if not body.get("description"):
        yield "description is missing"


def check_id(source_id: str, restricted: Collection[str]) -> Iterator[str]:
    """Faults of a source id: how it is spelled, and whether it imitates a host that others own."""
    if "://" in source_id:
        yield f"id {source_id!r} has a scheme; give the host, or host and path"
        return
    host, slash, path = source_id.partition("/")
    faults = list(check_host(host))
    yield from faults
    if slash and not path:
        yield f"id {source_id!r} ends in '/'; leave it out"
    elif path and not faults:
        yield from _check_path(source_id)
    if faults or host == "localhost" or _is_address(host):
        return
    yield from check_scripts(host)
    parts = host_parts(host)
    if not parts.suffix:
        yield f"id {source_id!r}: no suffix of the Public Suffix List ends {host!r}"
    elif not any(parent in restricted for parent in parents(host)):
        yield from check_imitation(host, [suffix for suffix in restricted if "." in suffix or parts.private])


def check_host(host: str) -> Iterator[str]:
    """Faults of a host: whether it is written as it is matched."""
    if _PORT.fullmatch(host):
        yield f"host {host!r}: leave out the port, any port matches"
        return
    try:
        normal = normalise_host(host)
    except ValueError as error:
        yield str(error)
        return
    if normal != host:
        yield f"host {host!r} must be written {normal!r}"
    elif host.startswith("www."):
        yield f"host {host!r}: leave out 'www.', it is matched anyway"


def _check_path(source_id: str) -> Iterator[str]:
    if source_id.endswith("/"):
        yield f"id {source_id!r} ends in '/'; leave it out"
        return
    if "?" in source_id or "#" in source_id:
        yield f"id {source_id!r} has a query or fragment; only a path prefix can be listed"
        return
    try:
        normal = canonical_url(f"https://{source_id}").removeprefix("https://")
    except InvalidUrl as error:
        yield f"id {source_id!r}: {error.reason}"
    else:
        if normal != source_id:
            yield f"id {source_id!r} must be written {normal!r}"


def _is_address(host: str) -> bool:
    return host.startswith("[") or host.rpartition(".")[2].isdigit()


def check_choice(column: str, word: str, known: Collection[str]) -> Iterator[str]:
    """Whether a cell is one of the known words."""
    if word not in known:
        choice = next((codes for words, codes in _CODES.items() if words is known), ", ".join(sorted(known)))
        yield f"unknown {column} {word!r}; there are {choice}"


def check_score_cells(cells: Mapping[str, str]) -> Iterator[str]:
    """Faults of the columns tier and authority."""
    yield from check_choice("tier", cells["tier"], TIERS)
    if not 0 <= to_number(cells["authority"]) <= 1:
        yield f"authority {cells['authority']!r} is not a number from 0 to 1"


def check_date(column: str, text: str) -> Iterator[str]:
    """Faults of a day."""
    try:
        day = date.fromisoformat(text).isoformat()
    except ValueError:
        day = ""
    if day != text:
        yield f"{column} {text!r} is not a day such as 2026-11-25"


def to_number(text: str) -> float:
    """The number a cell spells, NaN when it spells none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
