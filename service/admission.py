"""Who is let into the line: a bound on what waits, and on how long it would wait at the rate measured."""

import math

from service.errors import Overloaded

# Of each new measurement of the rate.
_WEIGHT = 0.2
_LONGEST_RETRY = 60


class Admission:
    """Refuses at once what would wait in vain. `most` is in queries, `patience` in seconds."""

    def __init__(self, most: int, patience: float) -> None:
        self._most = most
        self._patience = patience
        self._seconds_per_query = 0.0

    def require(self, waiting: int, new: int) -> None:
        """Raise Overloaded unless `new` queries may join the `waiting` ones.

        A request that finds nobody waiting is let in whatever its size, since it could never come at a better time.
        """
        if not new or not waiting:
            return
        wait = waiting * self._seconds_per_query
        if waiting + new > self._most:
            raise self._overloaded(
                f"{waiting} queries are in line, {new} more are too many", waiting + new - self._most
            )
        if wait > self._patience:
            too_many = math.ceil((wait - self._patience) / self._seconds_per_query)
            raise self._overloaded(f"{waiting} queries are in line, which take {wait:.0f} seconds", too_many)

    def served(self, queries: int, seconds: float) -> None:
        """Take note of how long the service, without a pause, took for so many queries."""
        measured = seconds / queries
        known = self._seconds_per_query or measured
        self._seconds_per_query = known + _WEIGHT * (measured - known)

    def _overloaded(self, why: str, too_many: int) -> Overloaded:
        """`too_many` have to be answered before the request has a place."""
        seconds = min(max(1, math.ceil(too_many * self._seconds_per_query)), _LONGEST_RETRY)
        return Overloaded(f"{why}; try again in {seconds} s", seconds)
