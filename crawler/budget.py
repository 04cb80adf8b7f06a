"""What a run may still spend at a source and in all: pages, bytes, minutes. Pure; the clock is told to it."""

from collections import Counter

from crawler.settings import CrawlSettings


class Budget:
    """Counts pages that answered (200 or 304) and bytes of bodies. A limit of 0 is none."""

    def __init__(self, settings: CrawlSettings) -> None:
        self._settings = settings
        self._pages: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()
        self._begun: dict[str, float] = {}
        self._now = 0.0

    def clock(self, seconds: float) -> None:
        """The run has lasted so long."""
        self._now = seconds

    def begin(self, source: str) -> None:
        """A visit begins."""
        self._under_way[source] += 1
        self._begun.setdefault(source, self._now)

    def end(self, source: str, size: int = 0) -> None:
        """A visit has ended and brought `size` bytes."""
        self._under_way[source] -= 1
        self._bytes[source] += size

    def page(self, source: str) -> None:
        """A visit brought a page, new or unchanged."""
        self._pages[source] += 1

    def has_room(self, source: str) -> bool:
        """Whether one more visit keeps to the page limits even if all under way bring pages."""
        limits = self._settings
        of_source = self._pages[source] + self._under_way[source] < limits.max_pages
        in_all = self._pages.total() + self._under_way.total()
        return of_source and (not limits.max_run_pages or in_all < limits.max_run_pages)

    def spent(self, source: str) -> str:
        """Why nothing more may be fetched of the source, "" where something may."""
        limits = self._settings
        minutes = (self._now - self._begun.get(source, self._now)) / 60
        reasons = (
            ("page limit", self._pages[source], limits.max_pages),
            ("byte limit", self._bytes[source], limits.max_source_bytes),
            ("time limit", minutes, limits.max_source_minutes),
            ("page limit of the run", self._pages.total(), limits.max_run_pages),
            ("byte limit of the run", self._bytes.total(), limits.max_run_bytes),
            ("time limit of the run", self._now / 60, limits.max_run_minutes),
        )
        return next((reason for reason, used, limit in reasons if limit and used >= limit), "")
