"""The process that crawls: `python -m crawler.fetch_process`, started by `crawler.fetch` and no one else.

It has a process of its own since Twisted's reactor runs once in each. On stdin comes a job, then
nothing until "stop"; when stdin ends the parent is gone, and so is this process at once. On stdout go messages,
one JSON object a line: {"progress": [stage, done]}, {"log": [level, logger, text]}, and last
{"report": {...}} or {"error": [class, text]}.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from io import RawIOBase
from typing import Any, TextIO

from scrapy.settings import Settings
from scrapy.utils.reactor import install_reactor

from crawler.addresses import PublicResolver
from crawler.archive import ArchiveWriter, archive_files, read_archive
from crawler.errors import CrawlError
from crawler.frontier import ASKED_TO_WAIT, Frontier
from crawler.job import STOP, Job, load_job
from crawler.known import KnownUrls, load_known, save_left
from crawler.report import FetchReport, report_of
from crawler.robots import PRODUCT
from crawler.run_lock import run_lock
from crawler.scope import Scope
from crawler.scrapy_settings import scrapy_settings

REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
TICK = 0.2
STOP_PATIENCE = 5.0


class Messages:
    """Writes messages for the parent, from any thread."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()

    def send(self, kind: str, content: object) -> None:
        """Write one message."""
        # A parent that is gone is noticed at stdin.
        with self._lock, suppress(BrokenPipeError):
            self._out.write(json.dumps({kind: content}) + "\n")
            self._out.flush()


class _SendingHandler(logging.Handler):
    def __init__(self, messages: Messages) -> None:
        super().__init__()
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.send("log", [record.levelno, record.name, record.getMessage()])


def main() -> None:
    """Read the job, crawl, report."""
    # Ctrl-C reaches the whole process group; the parent says what is to be done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    messages = Messages(os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"))
    sys.stdout = sys.stderr
    logging.basicConfig(level=logging.INFO, handlers=[_SendingHandler(messages)])
    for noisy in ("scrapy", "asyncio", "protego"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Unbuffered: a thread that waits in a buffered reader holds a lock that the interpreter needs to end.
    stdin = os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
    job = load_job(stdin.readline())
    stop = threading.Event()
    threading.Thread(target=_watch_parent, args=(stdin, stop), daemon=True).start()
    try:
        with run_lock(job.run.folder):
            messages.send("report", asdict(_crawl(job, messages, stop)))
    except CrawlError as error:
        messages.send("error", [type(error).__name__, str(error)])


def _watch_parent(stdin: RawIOBase, stop: threading.Event) -> None:
    if stdin.readline() == STOP:
        stop.set()
        stdin.read()
    # Nothing is lost: the archive is whole up to the record being written.
    os._exit(1)


def _crawl(job: Job, messages: Messages, stop: threading.Event) -> FetchReport:
    started = time.monotonic()
    scope = Scope(job.source_list, job.run.sources, job.settings.allow_private_addresses)
    known = KnownUrls(load_known(job.run.folder), job.settings.daily_share)
    frontier = Frontier(scope, job.run.starts, job.settings, known)
    resumed = _replay(job, frontier, lambda done: messages.send("progress", ["replay", done]))
    for host in job.resting:
        frontier.give_up(host, ASKED_TO_WAIT)
    about = {"software": f"{PRODUCT}/{version('authority-search-server')}", "isPartOf": job.run.id}
    with ArchiveWriter(job.run.folder, about=about) as archive:
        _run_reactor(job, scope, frontier, archive, messages, stop)
    if not stop.is_set():
        save_left(job.run.folder, frontier.left)
    return report_of(frontier, time.monotonic() - started, resumed, finished=not stop.is_set())


def _replay(job: Job, frontier: Frontier, progress: Callable[[int], None]) -> int:
    """Bring the frontier to where the archive ends; returns the number of responses taken."""
    resumed = 0
    for path in archive_files(job.run.folder):
        for response in read_archive(path, max_bytes=job.settings.max_bytes):
            resumed += frontier.replay(response)
            if resumed % 100 == 0:
                progress(resumed)
    return resumed


def _run_reactor(
    job: Job, scope: Scope, frontier: Frontier, archive: ArchiveWriter, messages: Messages, stop: threading.Event
) -> None:
    install_reactor(REACTOR)
    # These import the reactor, which must be installed before.
    from scrapy.crawler import AsyncCrawlerRunner
    from twisted.internet import reactor as untyped_reactor

    from crawler.spider import SourceSpider

    reactor: Any = untyped_reactor
    resolver = None if job.settings.allow_private_addresses else PublicResolver(reactor.nameResolver)
    if resolver:
        reactor.installNameResolver(resolver)
    runner = AsyncCrawlerRunner(Settings(scrapy_settings(job.settings)))
    crawler = runner.create_crawler(SourceSpider)
    errors: list[BaseException] = []

    async def crawl() -> None:
        begun = time.monotonic()
        whole = runner.crawl(crawler, scope, frontier, archive, job.settings, resolver)
        while not await _is_over(whole, stop, crawler):
            frontier.budget.clock(time.monotonic() - begun)
            messages.send("progress", ["fetch", frontier.pages.total()])
        if whole.done() and (error := whole.exception()):
            errors.append(error)
        reactor.stop()

    reactor.callWhenRunning(lambda: asyncio.ensure_future(crawl()))
    reactor.run(installSignalHandlers=False)
    if isinstance(crawler.spider, SourceSpider) and crawler.spider.fatal:
        raise crawler.spider.fatal
    if errors:
        raise errors[0]


async def _is_over(whole: "asyncio.Task[None]", stop: threading.Event, crawler: Any) -> bool:
    """Wait a tick; whether the crawl has ended, or was stopped and the requests under way have been answered.

    Scrapy's own end in order would wait for each host's delay and send what is queued for it.
    """
    await asyncio.wait([whole], timeout=TICK)
    if whole.done() or not stop.is_set():
        return whole.done()
    crawler.engine.pause()
    deadline = time.monotonic() + STOP_PATIENCE
    while time.monotonic() < deadline and any(slot.transferring for slot in crawler.engine.downloader.slots.values()):
        await asyncio.sleep(TICK)
    return True


if __name__ == "__main__":
    main()
