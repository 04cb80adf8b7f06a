"""The visits that wait, a queue for each host: one visit a host is under way at a time, and hosts take turns."""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import NamedTuple


class Visit(NamedTuple):
    """A URL to fetch, canonical, `depth` links away from a start. `conditions` are headers of a conditional request."""

    url: str
    source: str
    host: str
    depth: int
    redirects: int = 0
    tries: int = 0
    conditions: tuple[tuple[str, str], ...] = ()


class HostQueues:
    """Queues by host. `open` counts by source the visits that wait or are under way."""

    def __init__(self) -> None:
        self.open: Counter[str] = Counter()
        self._queues: dict[str, OrderedDict[str, Visit]] = {}
        self._ready: OrderedDict[str, None] = OrderedDict()
        self._busy: set[str] = set()

    def has_ready(self) -> bool:
        """Whether a host that is not busy has visits waiting."""
        return bool(self._ready)

    def add(self, visit: Visit) -> None:
        """Put a visit at the end of its host's queue."""
        self._queues.setdefault(visit.host, OrderedDict())[visit.url] = visit
        self.open[visit.source] += 1
        if visit.host not in self._busy:
            self._ready[visit.host] = None

    def turns(self) -> Iterator[str]:
        """Each host that is ready, once; it waits for its next turn until `again` or `begin` is called."""
        for _ in range(len(self._ready)):
            host, _none = self._ready.popitem(last=False)
            yield host

    def again(self, host: str) -> None:
        """The host, taken from `turns`, stays ready."""
        self._ready[host] = None

    def waiting(self, host: str) -> Iterator[Visit]:
        """The visits of a host in their order; the queue may lose the visit just given."""
        while queue := self._queues.get(host):
            yield next(iter(queue.values()))
        self._queues.pop(host, None)

    def find(self, host: str, url: str) -> Visit | None:
        """The visit of that URL that waits."""
        return self._queues.get(host, OrderedDict()).get(url)

    def drop(self, visit: Visit) -> None:
        """Take a visit that waits out of its queue."""
        del self._queues[visit.host][visit.url]
        self.open[visit.source] -= 1

    def drop_host(self, host: str) -> list[Visit]:
        """Take all visits that wait for a host out of its queue."""
        dropped = list(self._queues.pop(host, OrderedDict()).values())
        self._ready.pop(host, None)
        for visit in dropped:
            self.open[visit.source] -= 1
        return dropped

    def begin(self, visit: Visit) -> None:
        """The visit is under way; its host is busy."""
        self._queues.get(visit.host, OrderedDict()).pop(visit.url, None)
        self._ready.pop(visit.host, None)
        self._busy.add(visit.host)

    def end(self, visit: Visit) -> None:
        """The visit is over; its host is ready for the next."""
        self._busy.discard(visit.host)
        self.open[visit.source] -= 1
        if self._queues.get(visit.host):
            self._ready[visit.host] = None
