"""When a page is asked for again: sooner where it was seen to change and where its source counts more.

The interval is multiplied while nothing changes and divided by each change, within bounds: the adaptive schedule of
incremental crawlers (J. Edwards, K. McCurley, J. Tomlin, "An adaptive model for optimizing performance of an
incremental web crawler", WWW 2001; Apache Nutch's AdaptiveFetchSchedule is the same in practice). That pages which
change too fast to be followed should not draw ever more visits, and that what counts more should, is from J. Cho and
H. Garcia-Molina, "Effective page refresh policies for web crawlers", ACM TODS 28(4), 2003: hence the bounds and the
factor of authority.

    interval = first_days * 1.5 ** level * (1.5 - authority), kept within [min_days, max_days]

`level` goes up by one with each look that finds the same content and down by two with each that finds another, and
stays within ±6. A page that changes in one of three looks keeps its interval.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from crawler.known import Known, Rest
from crawler.settings import RefreshSettings
from index.run_tallies import SourceTally
from index.visits import Visited

STEP = 1.5
ALWAYS_DUE = "map"
REVISIT_SHARE = 0.75
"""Of a source's page limit, what known pages may take; the rest is kept for new ones."""


def interval_days(level: int, authority: float, settings: RefreshSettings) -> float:
    """Days between two looks at a page; `authority` is that of its source, in [0, 1]."""
    days = settings.first_days * STEP**level * (1.5 - authority)
    return min(max(days, settings.min_days), settings.max_days)


def plan(
    visited: Iterable[Visited],
    authorities: Mapping[str, float],
    max_pages: int,
    settings: RefreshSettings,
    now: datetime,
    recheck: bool = False,
) -> list[Known]:
    """What a run that begins `now` knows of these URLs, the longest overdue first, those never asked for last.

    No more than `REVISIT_SHARE` of `max_pages` are due for each source; the others wait for the next run. With
    `recheck` every URL is due. `authorities` are those of the run's sources; URLs of others are left out.
    """
    room = dict.fromkeys(authorities, max_pages if recheck else max(1, round(REVISIT_SHARE * max_pages)))
    looks, found = [], []
    for one in visited:
        if one.source not in authorities:
            continue
        if one.checked:
            ahead = 0.0 if recheck else interval_days(one.level, authorities[one.source], settings)
            looks.append((ahead - _days(one.checked, now), one))
        else:
            found.append(Known(one.url, "due", hops=one.hops))
    looks.sort(key=lambda look: (look[0], look[1].url))
    return [*(_known(ahead, one, room, settings, now) for ahead, one in looks), *found]


def _known(ahead: float, one: Visited, room: dict[str, int], settings: RefreshSettings, now: datetime) -> Known:
    """A URL whose turn is `ahead` days from now."""
    age = _days(one.checked, now)
    rest: Rest = "early" if age >= settings.min_days else "rest"
    if one.outcome == ALWAYS_DUE:
        rest = "due"
    elif ahead <= 0 and room[one.source] > 0:
        rest = "due"
        room[one.source] -= 1
    return Known(one.url, rest, one.checked, one.etag, one.last_modified, one.hops, today=age < 1)


def rests(history: Sequence[tuple[str, SourceTally]], settings: RefreshSettings, now: datetime) -> bool:
    """Whether a source that could not be read in its last runs, newest first, is to be left in peace for now.

    The wait is `min_days` after the first failed run and doubles with each further one, up to `max_days`.
    """
    failed = next((number for number, (_, tally) in enumerate(history) if not tally.failed), len(history))
    if not failed:
        return False
    return _days(history[0][0], now) < min(settings.min_days * 2.0 ** (failed - 1), settings.max_days)


def _days(moment: str, now: datetime) -> float:
    return (now - datetime.fromisoformat(moment).astimezone(UTC)) / timedelta(days=1)
