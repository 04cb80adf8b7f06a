"""A list of sources as plain JSON values: for another process, and to keep beside what was built with it."""

from typing import Any

from domain_lists.records import Profile, Source, fields_of
from domain_lists.scores import Term
from domain_lists.source_list import SourceList
from domain_lists.user_pages import UserPages


def to_plain(sources: SourceList) -> dict[str, Any]:
    """All that `from_plain` needs to make the same list again, of the same version."""
    return {
        "sources": [fields_of(source) for source in sources.sources],
        "profiles": [fields_of(sources.profiles[name]) for name in sorted(sources.profiles)],
        "suffixes": {suffix: fields_of(source) for suffix, source in sources.suffixes.items()},
        "allowed_suffixes": sorted(sources.allowed_suffixes),
        "denied": sorted(sources.denied),
        "user_pages": sources.user_pages.terms,
    }


def from_plain(content: dict[str, Any]) -> SourceList:
    """The list that `to_plain` was given, also after a way through JSON.

    It was checked when it was loaded and is not checked again. All but sources and profiles may be absent, as in
    snapshots of earlier versions. Raises KeyError, TypeError for anything else.
    """
    return SourceList(
        sources=[Source(**row) for row in content["sources"]],
        profiles=[Profile(**{key: _frozen(value) for key, value in row.items()}) for row in content["profiles"]],
        suffixes={suffix: Source(**row) for suffix, row in content.get("suffixes", {}).items()},
        denied=frozenset(content.get("denied", ())),
        user_pages=UserPages({pattern: Term(*term) for pattern, term in content.get("user_pages", {}).items()}),
        allowed_suffixes=content.get("allowed_suffixes", ()),
    )


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
