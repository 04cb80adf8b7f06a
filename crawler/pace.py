"""How long a host is left in peace: Crawl-delay, Retry-After, backoff."""

import logging
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any

from crawler.frontier import RETRIED

logger = logging.getLogger(__name__)

MAX_CRAWL_DELAY = 60.0
MAX_PAUSE = 300.0
MAX_REST = 7 * 86_400.0
"""Seconds that a host which asks for more is left in peace over several runs."""
FIRST_BACKOFF = 1.0
# Scrapy's slots apply pauses only where there is a delay.
MIN_DELAY = 0.001


def retry_after(value: str | None, now: datetime) -> float:
    """Seconds that a Retry-After header (RFC 9110, 10.2.3) asks for: a number or a date; 0 where it says nothing."""
    if not value:
        return 0.0
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


def pause_after(status: int, header: str | None, tries: int, now: datetime) -> float:
    """Seconds to leave a host in peace after a response: what it asks for, else doubling with each try."""
    if status not in RETRIED:
        return 0.0
    return retry_after(header, now) or backoff(tries)


def backoff(tries: int) -> float:
    """Seconds before try number `tries` + 1 of a request that failed."""
    return min(FIRST_BACKOFF * 2.0**tries, MAX_PAUSE)


class Pace:
    """Sets the delays of Scrapy's download slots, one a host."""

    def __init__(self, downloader: Any, delay: float) -> None:
        self._downloader = downloader
        self._delay = max(delay, MIN_DELAY)

    def slow_down(self, host: str, crawl_delay: float) -> None:
        """Keep at least `crawl_delay` seconds between two requests to `host` from now on."""
        if crawl_delay > MAX_CRAWL_DELAY:
            logger.warning("%s asks for a Crawl-delay of %g s; %g s are kept", host, crawl_delay, MAX_CRAWL_DELAY)
        asked = min(crawl_delay, MAX_CRAWL_DELAY)
        kept = self._downloader.per_slot_settings.get(host, {}).get("delay", self._delay)
        # The settings are for the slot that Scrapy makes anew after a host was idle.
        self._downloader.per_slot_settings[host] = {"delay": max(asked, kept), "concurrency": 1, "jitter": 0}
        if slot := self._downloader.slots.get(host):
            slot.delay = max(asked, kept)

    def sent(self, host: str) -> None:
        """Count the delay of `host` from now."""
        if slot := self._downloader.slots.get(host):
            slot.lastseen = monotonic()

    def pause(self, host: str, seconds: float) -> None:
        """Send nothing to `host` for `seconds`."""
        if slot := self._downloader.slots.get(host):
            slot.lastseen = max(slot.lastseen, monotonic() + seconds - slot.delay)
