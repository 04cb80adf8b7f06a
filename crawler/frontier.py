"""What is still to fetch, and what came back: the state of a run, driven alike by the network and by the archive.

Pure: no network, no clock, no disk. One visit per host is under way at a time, hosts take turns, and within a
host the pages nearest to a start come first.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from http import HTTPStatus
from typing import NamedTuple

from crawler.archive import Response
from crawler.links import absolute_url, is_html, links_of
from crawler.scope import Scope
from crawler.settings import CrawlSettings
from domain_lists.errors import InvalidUrl
from domain_lists.urls import canonical_url, host_of, parse_url

REDIRECTS = frozenset({301, 302, 303, 307, 308})
RETRIED = frozenset({408, 429, 500, 502, 503, 504, 522, 524})
MAX_REDIRECTS = 10
MAX_HOST_FAILURES = 10
MAX_LISTED_FAILURES = 1000


class Visit(NamedTuple):
    """A URL to fetch, canonical, `depth` links away from a start."""

    url: str
    source: str
    host: str
    depth: int
    redirects: int = 0
    tries: int = 0


class Failure(NamedTuple):
    """A URL that was given up, and the last error."""

    url: str
    error: str


class Frontier:
    """The queue of visits and the tally of their outcomes.

    Every visit taken with `next` ends with `answered`, `unusable`, `unanswered` or `forbidden`.
    """

    def __init__(self, scope: Scope, starts: Iterable[str], settings: CrawlSettings) -> None:
        self.pages: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()
        self.failures: list[Failure] = []
        self.received_bytes = 0
        self._scope = scope
        self._settings = settings
        # Every page may bring more links than can ever be fetched; those beyond this are met again on other pages.
        self._queue_limit = 2 * settings.max_pages + 100
        self._seen: set[int] = set()
        self._queues: dict[str, OrderedDict[str, Visit]] = {}
        self._ready: OrderedDict[str, None] = OrderedDict()
        self._busy: set[str] = set()
        self._open: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()
        self._host_failures: Counter[str] = Counter()
        self._given_up: dict[str, str] = {}
        for url in starts:
            self._offer(url, depth=0)

    def has_next(self) -> bool:
        """Whether a host that is not busy has visits waiting."""
        return bool(self._ready)

    def next(self) -> Visit | None:
        """The next visit, None where every host that has one is busy or could pass the page limit."""
        for _ in range(len(self._ready)):
            host, _none = self._ready.popitem(last=False)
            visit = self._first(host)
            if visit is None:
                continue
            if self.pages[visit.source] + self._under_way[visit.source] < self._settings.max_pages:
                self._begin(visit)
                return visit
            self._ready[host] = None
        return None

    def answered(self, visit: Visit, response: Response) -> None:
        """A response came, whatever its status: take its links, follow its redirect, or try again."""
        self._end(visit)
        self._host_failures.pop(visit.host, None)
        self.statuses[response.status] += 1
        self.received_bytes += len(response.body)
        if response.status in RETRIED:
            self._retry(visit, _status_line(response.status))
        elif response.status in REDIRECTS:
            self._redirect(visit, response)
        elif response.status == HTTPStatus.OK and is_html(response.header("Content-Type")):
            self._page(visit, response)

    def unusable(self, visit: Visit, error: str) -> None:
        """A response came that is too long or damaged: another try would bring the same."""
        self._end(visit)
        self._host_failures.pop(visit.host, None)
        self._fail(visit.url, error)

    def unanswered(self, visit: Visit, error: str) -> None:
        """No response came: try again, unless too many requests to the host ended like this, one after the other."""
        self._end(visit)
        self._host_failures[visit.host] += 1
        self._retry(visit, error)
        if self._host_failures[visit.host] >= MAX_HOST_FAILURES:
            self.give_up(visit.host, "host unreachable")

    def forbidden(self, visit: Visit, reason: str) -> None:
        """The visit was refused when it came to it, by robots.txt or by the address of its host."""
        self._end(visit)
        self.refused[reason] += 1

    def give_up(self, host: str, reason: str) -> None:
        """Fetch nothing more from `host` in this run."""
        self._given_up[host] = reason
        dropped = self._queues.pop(host, OrderedDict())
        self._ready.pop(host, None)
        for visit in dropped.values():
            self._open[visit.source] -= 1
        self.refused[reason] += len(dropped)

    def replay(self, response: Response) -> bool:
        """Take a response of the archive as if it came now. False where it belongs to no visit, as robots.txt does."""
        try:
            url = canonical_url(response.url)
            host = host_of(url)
        except InvalidUrl:
            return False
        visit = self._queues.get(host, OrderedDict()).get(url) or self._unqueued(url, host)
        if visit is None:
            return False
        self._begin(visit)
        self.answered(visit, response)
        return True

    def _unqueued(self, url: str, host: str) -> Visit | None:
        """A visit of the run that was found in another order then, and left out by the queue's limit now."""
        decision = self._scope.decide(url)
        if not decision.allowed or hash(url) in self._seen or parse_url(url).path == "/robots.txt":
            return None
        self._seen.add(hash(url))
        visit = Visit(url, decision.source, host, depth=0)
        self._open[visit.source] += 1
        return visit

    def _page(self, visit: Visit, response: Response) -> None:
        self.pages[visit.source] += 1
        if visit.depth >= self._settings.max_depth:
            return
        links = links_of(
            visit.url, response.header("Content-Type") or "", response.header("X-Robots-Tag") or "", response.body
        )
        self.refused["nofollow"] += links.nofollow
        for url in links.urls:
            self._offer(url, visit.depth + 1)

    def _redirect(self, visit: Visit, response: Response) -> None:
        if visit.redirects >= MAX_REDIRECTS:
            self._fail(visit.url, f"more than {MAX_REDIRECTS} redirects")
        elif target := absolute_url(visit.url, response.header("Location") or ""):
            self._offer(target, visit.depth, visit.redirects + 1)
        else:
            self._fail(visit.url, "a redirect to no web address")

    def _retry(self, visit: Visit, error: str) -> None:
        if visit.tries >= self._settings.retries:
            self._fail(visit.url, error)
        elif visit.host in self._given_up:
            self.refused[self._given_up[visit.host]] += 1
        else:
            self._enqueue(visit._replace(tries=visit.tries + 1))

    def _fail(self, url: str, error: str) -> None:
        if len(self.failures) < MAX_LISTED_FAILURES:
            self.failures.append(Failure(url, error))

    def _offer(self, url: str, depth: int, redirects: int = 0) -> None:
        if hash(url) in self._seen:
            return
        decision = self._scope.decide(url)
        host = host_of(decision.url) if decision.allowed else ""
        reason = decision.reason or self._given_up.get(host) or self._limit(decision.source)
        if not reason and hash(decision.url) not in self._seen:
            self._enqueue(Visit(decision.url, decision.source, host, depth, redirects))
        if reason:
            self.refused[reason] += 1
        if reason != "queue full":
            self._seen.update((hash(url), hash(decision.url or url)))

    def _limit(self, source: str) -> str:
        if self.pages[source] >= self._settings.max_pages:
            return "page limit"
        return "queue full" if self._open[source] >= self._queue_limit else ""

    def _enqueue(self, visit: Visit) -> None:
        self._queues.setdefault(visit.host, OrderedDict())[visit.url] = visit
        self._open[visit.source] += 1
        if visit.host not in self._busy:
            self._ready[visit.host] = None

    def _first(self, host: str) -> Visit | None:
        """The first visit of a host; those of sources that have all their pages are dropped on the way."""
        queue = self._queues.get(host, OrderedDict())
        while queue:
            visit = next(iter(queue.values()))
            if self.pages[visit.source] < self._settings.max_pages:
                return visit
            queue.popitem(last=False)
            self._open[visit.source] -= 1
            self.refused["page limit"] += 1
        self._queues.pop(host, None)
        return None

    def _begin(self, visit: Visit) -> None:
        self._queues.get(visit.host, OrderedDict()).pop(visit.url, None)
        self._ready.pop(visit.host, None)
        self._busy.add(visit.host)
        self._under_way[visit.source] += 1

    def _end(self, visit: Visit) -> None:
        self._busy.discard(visit.host)
        self._under_way[visit.source] -= 1
        self._open[visit.source] -= 1
        if self._queues.get(visit.host):
            self._ready[visit.host] = None


def _status_line(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"
