"""What can go wrong with the domain list.

DomainListError
├── InvalidUrl          a URL that cannot be fetched or compared
├── InvalidSourceList   data files with faults; carries every one
├── UnknownSource       a source id that is not in the list
└── UnknownProfile      a profile name that is not in the list
"""

import difflib
from collections.abc import Collection, Sequence

from domain_lists.records import Problem

SHOWN_URL_CHARS = 120


class DomainListError(Exception):
    """Base of all errors of this package."""


class InvalidUrl(DomainListError):
    """A URL that is not an absolute http(s) URL with a valid host. Carries `url` and `reason`."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        shown = url if len(url) <= SHOWN_URL_CHARS else url[:SHOWN_URL_CHARS] + "…"
        super().__init__(f"invalid URL {shown!r}: {reason}")


class InvalidSourceList(DomainListError):
    """Data files that cannot be used. `problems` holds all faults; `file` and `line` are those of the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        self.file = self.problems[0].file
        self.line = self.problems[0].line
        count = f"{len(self.problems)} problem" + ("s" if len(self.problems) > 1 else "")
        super().__init__("\n".join([f"{count} in the domain list:", *map(str, self.problems)]))


class UnknownSource(DomainListError):
    """A source id that is not in the list. Carries `source_id` and up to three `suggestions`."""

    def __init__(self, source_id: str, known: Collection[str]) -> None:
        self.source_id = source_id
        self.suggestions = _close_to(source_id, known)
        super().__init__(f"unknown source {source_id!r}{_did_you_mean(self.suggestions)}")


class UnknownProfile(DomainListError):
    """A profile that is not defined. Carries `profile` and up to three `suggestions`."""

    def __init__(self, profile: str, known: Collection[str]) -> None:
        self.profile = profile
        self.suggestions = _close_to(profile, known)
        hint = _did_you_mean(self.suggestions) or f"; there are {', '.join(sorted(known))}"
        super().__init__(f"unknown profile {profile!r}{hint}")


def _close_to(name: str, known: Collection[str]) -> tuple[str, ...]:
    return tuple(difflib.get_close_matches(name, sorted(known), n=3))


def _did_you_mean(suggestions: Sequence[str]) -> str:
    return f"; did you mean {' or '.join(suggestions)}?" if suggestions else ""
