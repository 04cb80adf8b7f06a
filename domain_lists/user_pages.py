"""Which pages of a trusted host anyone may have written: forums, wikis, home directories, user hosting.

A pattern of user_generated.csv is a host (`github.io`: it and all below it), a label (`blogs.*`: any label left of
the registrable domain) or a piece of a path (`/~`). It is held against what a row does not spell itself: the labels
left of the listed host and the path behind the listed prefix. Whoever lists `blogs.worldbank.org` has looked at it.
"""

from collections.abc import Iterator, Mapping
from typing import Self

from domain_lists.public_suffix import host_parts
from domain_lists.scores import Term


class UserPages:
    """The caps that user-written pages are under."""

    def __init__(self, terms: Mapping[str, Term]) -> None:
        """`terms` maps each pattern to its cap."""
        self.terms = dict(terms)
        self._paths = tuple((pattern, term) for pattern, term in terms.items() if pattern.startswith("/"))
        self._labels = {pattern[:-2]: term for pattern, term in terms.items() if pattern.endswith(".*")}
        self._hosts = {
            pattern: term for pattern, term in terms.items() if not pattern.endswith(".*") and "/" not in pattern
        }

    @classmethod
    def none(cls) -> Self:
        """No patterns at all."""
        return cls({})

    def of_host(self, host: str, listed: str = "") -> tuple[Term, ...]:
        """The caps of a canonical host without www., when `listed`, it or a name above it, is what a row spells."""
        return tuple(self._of_labels(host, listed)) + tuple(
            self._hosts[parent] for parent in parents(host) if parent in self._hosts and len(parent) > len(listed)
        )

    def of_path(self, path: str, prefix: str = "") -> tuple[Term, ...]:
        """The caps of a canonical path, of which a row spells `prefix`."""
        rest = f"{path[len(prefix) :]}/"
        return tuple(term for pattern, term in self._paths if pattern in rest)

    def _of_labels(self, host: str, listed: str) -> Iterator[Term]:
        if not self._labels:
            return
        owned = max(listed, host_parts(host).registrable or host, key=len)
        for label in host.removesuffix(owned).split("."):
            if label in self._labels:
                yield self._labels[label]


def parents(host: str) -> Iterator[str]:
    """The host itself, then what remains as labels are taken from the left: a.b.c, b.c, c."""
    while host:
        yield host
        host = host.partition(".")[2]
