"""When to send a request again, and how long to wait first.

Every operation of the service only reads, so each may be repeated. Waits double from `BASE_SECONDS` and are
cut by a random part of up to a half, so that clients that failed together do not return together
("equal jitter", Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015).
"""

import random
import time
from email.utils import parsedate_to_datetime

import httpx

BASE_SECONDS = 0.25
MAX_SECONDS = 30.0
RETRIED_STATUSES = frozenset({429, 502, 503, 504})
# A read timeout is not repeated: the caller has waited as long as it was willing to.
RETRIED_ERRORS = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout)

Outcome = httpx.Response | httpx.RequestError


def seconds_to_wait(outcome: Outcome, attempt: int, retries: int) -> float | None:
    """Seconds until the request is sent again, or None to give up and take `outcome`.

    `attempt` counts from 0. A Retry-After is the least wait; one above `MAX_SECONDS` gives up at once, since
    to come back sooner than asked would only add load.
    """
    if attempt >= retries or not _may_pass(outcome):
        return None
    ceiling = min(MAX_SECONDS, BASE_SECONDS * 2.0**attempt)
    wait = ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
    asked = 0.0 if isinstance(outcome, httpx.RequestError) else _retry_after(outcome)
    return None if asked > MAX_SECONDS else max(wait, asked)


def _may_pass(outcome: Outcome) -> bool:
    if isinstance(outcome, httpx.RequestError):
        return isinstance(outcome, RETRIED_ERRORS)
    return outcome.status_code in RETRIED_STATUSES


def _retry_after(response: httpx.Response) -> float:
    """Seconds that Retry-After asks for (RFC 9110, 10.2.3: seconds or a date); 0 where absent or unreadable."""
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
