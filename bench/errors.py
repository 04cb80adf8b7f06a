"""What can go wrong in the bench.

BenchError
├── InvalidCollection   queries, judgments, documents or runs cannot be read, or do not go together
├── InvalidSystem       a system to compare is not written as it must be
├── LoadFailed          a service to put load on did not come up, or does not do what it must
├── PeerMissing         a peer's packages are not installed
└── SystemFailed        a system could not answer
"""


class BenchError(Exception):
    """Base of all errors of this package."""


class InvalidCollection(BenchError):
    """Queries, judgments, documents or runs cannot be read, or do not go together."""


class InvalidSystem(BenchError):
    """A system to compare is not written as it must be."""


class LoadFailed(BenchError):
    """A service to put load on did not come up, or does not do what it must."""


class PeerMissing(BenchError):
    """A peer's packages are not installed."""


class SystemFailed(BenchError):
    """A system could not answer, so that its figures would mean nothing."""
