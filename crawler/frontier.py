"""What is still to fetch, and what came back: the state of a run, driven alike by the network and by the archive.

Pure: no network, no clock, no disk. One visit per host is under way at a time, hosts take turns, and within a
host come first the known URLs that are due, then those nearest to a start. Links, sitemaps and feeds bring more.
"""

from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus
from typing import NamedTuple

from crawler.archive import Response
from crawler.budget import Budget
from crawler.host_queues import HostQueues, Visit
from crawler.known import Known, KnownUrls, Left
from crawler.links import absolute_url, is_html, links_of
from crawler.pdf import is_pdf
from crawler.robots import sitemaps_of
from crawler.scope import Decision, Scope
from crawler.settings import CrawlSettings
from crawler.sitemaps import site_map
from domain_lists.errors import InvalidUrl
from domain_lists.urls import canonical_url, host_of, parse_url
from index.run_tallies import SourceTally
from index.visits import REDIRECTS

RETRIED = frozenset({408, 429, 500, 502, 503, 504, 522, 524})
GONE = frozenset({404, 410})
MAX_REDIRECTS = 10
MAX_HOST_FAILURES = 10
MAX_LISTED_FAILURES = 1000
ASKED_TO_WAIT = "asked to wait"
MAX_MAPS = 100
"""Sitemaps and feeds taken up for each source in a run."""
MAP_DEPTH = 1
"""What a sitemap or feed names counts as linked from a start; pages up to this depth may name feeds."""


class Failure(NamedTuple):
    """A URL that was given up, and the last error."""

    url: str
    error: str


class Frontier:
    """The queue of visits and the tally of their outcomes.

    Every visit taken with `next` ends with `answered`, `unusable`, `unanswered` or `forbidden`.
    """

    def __init__(
        self, scope: Scope, starts: Iterable[str], settings: CrawlSettings, known: KnownUrls | None = None
    ) -> None:
        self.budget = Budget(settings)
        self.pages: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()
        self.failures: list[Failure] = []
        self.left: list[Left] = []
        self.received_bytes = 0
        self._counts: Counter[tuple[str, str]] = Counter()
        self._scope = scope
        self._settings = settings
        # Every page may bring more links than can ever be fetched; those beyond this are met again on other pages.
        self._queue_limit = 2 * settings.max_pages + 100
        self._seen: set[int] = set()
        self._queues = HostQueues()
        self._host_failures: Counter[str] = Counter()
        self._given_up: dict[str, str] = {}
        self._maps: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._known = known or KnownUrls()
        for one in self._known.due():
            self._ask_again(one)
        for url in starts:
            self._offer(url, depth=0, any_type=True)

    def has_next(self) -> bool:
        """Whether a host that is not busy has visits waiting."""
        return self._queues.has_ready()

    def next(self) -> Visit | None:
        """The next visit, None where every host that has one is busy or could pass the page limit."""
        for host in self._queues.turns():
            visit = self._first(host)
            if visit is None:
                continue
            if self.budget.has_room(visit.source):
                self._begin(visit)
                return visit
            self._queues.again(host)
        return None

    def tallies(self) -> dict[str, SourceTally]:
        """What came of the requests, by source."""
        sources = sorted({source for source, _ in self._counts})
        fields = SourceTally._fields
        return {source: SourceTally(*(self._counts[source, field] for field in fields)) for source in sources}

    def robots_txt(self, url: str, body: bytes) -> None:
        """A robots.txt was read: the sitemaps that it names are fetched."""
        for address in sitemaps_of(url, body):
            self._offer_map(address)

    def answered(self, visit: Visit, response: Response) -> None:
        """A response came, whatever its status: take its links, follow its redirect, or try again."""
        self._end(visit, len(response.body))
        self._host_failures.pop(visit.host, None)
        self.statuses[response.status] += 1
        self._count(visit, "requests")
        self.received_bytes += len(response.body)
        if response.status in RETRIED:
            self._retry(visit, _status_line(response.status))
        elif response.status in REDIRECTS:
            self._redirect(visit, response)
        elif response.status == HTTPStatus.NOT_MODIFIED:
            self._count(visit, "unchanged")
            self.budget.page(visit.source)
        elif response.status in GONE:
            self._count(visit, "gone")
        elif response.status == HTTPStatus.OK:
            self._content(visit, response)
        else:
            self._count(visit, "errors")

    def unusable(self, visit: Visit, error: str) -> None:
        """A response came that is too long or damaged: another try would bring the same."""
        self._end(visit)
        self._host_failures.pop(visit.host, None)
        self._count(visit, "requests")
        self._fail(visit, error)

    def unanswered(self, visit: Visit, error: str) -> None:
        """No response came: try again, unless too many requests to the host ended like this, one after the other."""
        self._end(visit)
        self._host_failures[visit.host] += 1
        self._count(visit, "requests")
        self._retry(visit, error)
        if self._host_failures[visit.host] >= MAX_HOST_FAILURES:
            self.give_up(visit.host, "host unreachable")

    def forbidden(self, visit: Visit, reason: str) -> None:
        """The visit was refused when it came to it, by robots.txt or by the address of its host."""
        self._end(visit)
        self.refused[reason] += 1
        self._count(visit, "denied" if reason == "robots.txt" else "errors")

    def give_up(self, host: str, reason: str) -> None:
        """Fetch nothing more from `host` in this run."""
        self._given_up[host] = reason
        for visit in self._queues.drop_host(host):
            self._refuse(visit, reason)

    def replay(self, response: Response) -> bool:
        """Take a response of the archive as if it came now. False where it belongs to no visit, as robots.txt does."""
        try:
            url = canonical_url(response.url)
            host = host_of(url)
        except InvalidUrl:
            return False
        visit = self._queues.find(host, url) or self._unqueued(url, host)
        if visit is None:
            if response.status == HTTPStatus.OK and parse_url(url).path == "/robots.txt":
                self.robots_txt(url, response.body)
            return False
        self._begin(visit)
        self.answered(visit, response)
        return True

    def _unqueued(self, url: str, host: str) -> Visit | None:
        """A visit of the run that was found in another order then, and left out by the queue's limit now."""
        decision = self._scope.decide(url, any_type=True)
        if not decision.allowed or hash(url) in self._seen or parse_url(url).path == "/robots.txt":
            return None
        self._seen.add(hash(url))
        visit = Visit(url, decision.source, host, depth=0)
        self._queues.open[visit.source] += 1
        return visit

    def _content(self, visit: Visit, response: Response) -> None:
        content_type = response.header("Content-Type") or ""
        html = is_html(content_type)
        if html or is_pdf(content_type.partition(";")[0].strip().lower(), response.body):
            self.pages[visit.source] += 1
            self._count(visit, "pages")
            self.budget.page(visit.source)
            if html and visit.depth < self._settings.max_depth:
                self._links(visit, content_type, response)
        elif found := site_map(response, self._settings.max_bytes):
            for entry in found.entries:
                if found.nested:
                    self._offer_map(entry.url, entry.modified)
                else:
                    self._offer(entry.url, MAP_DEPTH, modified=entry.modified)

    def _links(self, visit: Visit, content_type: str, response: Response) -> None:
        links = links_of(visit.url, content_type, response.header("X-Robots-Tag") or "", response.body)
        self.refused["nofollow"] += links.nofollow
        for url in links.urls:
            self._offer(url, visit.depth + 1)
        for url in links.feeds if visit.depth <= MAP_DEPTH else ():
            self._offer_map(url)

    def _redirect(self, visit: Visit, response: Response) -> None:
        if visit.redirects >= MAX_REDIRECTS:
            self._fail(visit, f"more than {MAX_REDIRECTS} redirects")
        elif target := absolute_url(visit.url, response.header("Location") or ""):
            self._offer(target, visit.depth, visit.redirects + 1)
        else:
            self._fail(visit, "a redirect to no web address")

    def _retry(self, visit: Visit, error: str) -> None:
        if visit.tries >= self._settings.retries:
            self._fail(visit, error)
        elif visit.host in self._given_up:
            self.refused[self._given_up[visit.host]] += 1
            self._count(visit, "errors")
        else:
            self._queues.add(visit._replace(tries=visit.tries + 1))

    def _fail(self, visit: Visit, error: str) -> None:
        self._count(visit, "errors")
        if len(self.failures) < MAX_LISTED_FAILURES:
            self.failures.append(Failure(visit.url, error))

    def _offer(self, url: str, depth: int, redirects: int = 0, modified: str = "", any_type: bool = False) -> None:
        """Enqueue a URL that was found, unless it is known, or something speaks against it.

        `any_type` is for starts: they may be sitemaps and feeds.
        """
        if hash(url) in self._seen:
            return
        decision = self._scope.decide(url, any_type)
        known = self._known.get(decision.url)
        if known:
            # Its turn comes by the plan, or early where a map says that it changed.
            if known.rest == "early" and modified > known.checked and hash(known.url) not in self._seen:
                self._ask_again(known)
            return
        host = host_of(decision.url) if decision.allowed else ""
        reason = decision.reason or self._given_up.get(host) or self._limit(decision.source)
        if not reason and hash(decision.url) not in self._seen:
            self._queues.add(Visit(decision.url, decision.source, host, depth, redirects))
        if reason:
            self.refused[reason] += 1
            self._leave(decision, depth)
        if reason != "queue full":
            self._seen.update((hash(url), hash(decision.url or url)))

    def _offer_map(self, url: str, modified: str = "") -> None:
        """Enqueue a sitemap or feed, which no file type speaks against."""
        decision = self._scope.decide(url, any_type=True)
        known = self._known.get(decision.url)
        if not decision.allowed or hash(decision.url) in self._seen or self._maps[decision.source] >= MAX_MAPS:
            return
        if host_of(decision.url) in self._given_up:
            return
        self._maps[decision.source] += 1
        self._seen.add(hash(decision.url))
        if not (known and modified and modified <= known.checked):
            conditions = known.conditions() if known else ()
            host = host_of(decision.url)
            self._queues.add(Visit(decision.url, decision.source, host, MAP_DEPTH, conditions=conditions))

    def _ask_again(self, known: Known) -> None:
        decision = self._scope.decide(known.url, any_type=True)
        if not decision.allowed:
            self.refused[decision.reason] += 1
        elif given_up := self._given_up.get(host_of(known.url)):
            self.refused[given_up] += 1
        elif not self._known.take(known):
            self.refused["daily share"] += 1
        else:
            host = host_of(known.url)
            self._queues.add(Visit(known.url, decision.source, host, known.hops, conditions=known.conditions()))
        self._seen.add(hash(known.url))

    def _limit(self, source: str) -> str:
        return self.budget.spent(source) or ("queue full" if self._queues.open[source] >= self._queue_limit else "")

    def _leave(self, decision: Decision, depth: int) -> None:
        """Note a URL that only the budget speaks against, for a later run."""
        if decision.allowed and decision.source and self._left[decision.source] < self._queue_limit:
            self._left[decision.source] += 1
            self.left.append(Left(decision.url, decision.source, depth))

    def _first(self, host: str) -> Visit | None:
        """The first visit of a host; those of sources whose budget is spent are dropped on the way."""
        for visit in self._queues.waiting(host):
            reason = self.budget.spent(visit.source)
            if not reason:
                return visit
            self._queues.drop(visit)
            self._refuse(visit, reason)
        return None

    def _refuse(self, visit: Visit, reason: str) -> None:
        """Count a visit that is not made in this run; a URL that is new is left to a later one."""
        self.refused[reason] += 1
        if not self._known.get(visit.url):
            self._leave(Decision(True, "", visit.url, visit.source), visit.depth)

    def _begin(self, visit: Visit) -> None:
        self._queues.begin(visit)
        self.budget.begin(visit.source)

    def _end(self, visit: Visit, size: int = 0) -> None:
        self._queues.end(visit)
        self.budget.end(visit.source, size)
        self._counts[visit.source, "bytes"] += size

    def _count(self, visit: Visit, what: str) -> None:
        self._counts[visit.source, what] += 1


def _status_line(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"
