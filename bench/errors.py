"""What can go wrong in the bench.

BenchError
└── InvalidCollection   a test collection cannot be read
"""


class BenchError(Exception):
    """Base of all errors of this package."""


class InvalidCollection(BenchError):
    """A test collection cannot be read."""
