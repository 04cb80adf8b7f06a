"""Queries per minute and key: a token bucket that may be overdrawn.

A call is taken when at least one query is left, however many it brings, and what it overdraws is paid off before the
next one is taken. So a batch larger than the quota has its turn, and the average holds all the same. In memory: a
restart fills the buckets.
"""

import time
from collections.abc import Callable
from math import ceil

from service.access.keys import ApiKey
from service.errors import Overloaded


class Quotas:
    """The buckets of all keys. Used on the event loop's thread only."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._left: dict[ApiKey, tuple[float, float]] = {}

    def charge(self, key: ApiKey | None, queries: int) -> None:
        """Take `queries` off; None has no quota. Raises Overloaded with the seconds until one would be taken."""
        quota = key.queries_per_minute if key else None
        if key is None or quota is None:
            return
        now = self._now()
        left, since = self._left.get(key, (float(quota), now))
        left = min(float(quota), left + (now - since) * quota / 60)
        self._left[key] = (left, now)
        if left < 1:
            seconds = ceil((1 - left) * 60 / quota)
            message = f"the key {key.name} may ask {quota:,} queries a minute; try again in {seconds:,} seconds"
            raise Overloaded(message, retry_after=seconds)
        self._left[key] = (left - queries, now)

    def refund(self, key: ApiKey | None, queries: int) -> None:
        """Give back what a call that failed was charged."""
        if key in self._left:
            left, since = self._left[key]
            self._left[key] = (left + queries, since)
