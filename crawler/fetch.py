"""Crawl a run: fetch what its sources allow and archive every response."""

import json
import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from typing import IO, Any

import crawler.errors as crawl_errors
from crawler.errors import CrawlError, NothingToCrawl, RunError
from crawler.frontier import Failure
from crawler.job import STOP, Job, dump_job
from crawler.known import KNOWN_FILE
from crawler.report import FetchReport
from crawler.runs import Run, finish_run, require_contact
from crawler.scope import Scope
from crawler.settings import CrawlSettings
from domain_lists.source_list import SourceList
from index.progress import Progress, silent
from index.run_tallies import SourceTally

logger = logging.getLogger(__name__)

STOP_GRACE = 10.0
SHOWN_STDERR = 2000


def fetch(
    run: Run,
    source_list: SourceList,
    settings: CrawlSettings,
    progress: Progress = silent,
    stop: threading.Event | None = None,
    resting: Sequence[str] = (),
) -> FetchReport:
    """Crawl `run` to its end, going on from what its archive holds; the run is marked as finished then.

    Works in a child process that ends with this one. Setting `stop`, or Ctrl-C, ends the crawl in order, and
    kill -9 at any moment loses no response but the one being written: fetch the same run again to go on.
    Nothing is asked of the hosts in `resting`. `progress` gets the stages "replay" and "fetch".

    Raises NothingToCrawl where no start lies in the sources, ContactRequired, ArchiveError where the archive cannot
    be read or written, RunError where the child fails.
    """
    require_contact(run.starts, settings)
    _require_start(run, source_list, settings)
    with tempfile.TemporaryFile("w+b") as stderr:
        child = subprocess.Popen(
            # -P: nothing in the working directory can take the place of a module.
            [sys.executable, "-P", "-m", "crawler.fetch_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        try:
            result = _converse(
                child, Job(run, source_list, settings, tuple(resting)), progress, stop or threading.Event()
            )
        finally:
            _end(child)
        if result is None:
            raise RunError(f"the crawl of {run.folder} failed:\n{_tail(stderr)}")
    if result.finished:
        finish_run(run)
    return result


def _require_start(run: Run, source_list: SourceList, settings: CrawlSettings) -> None:
    scope = Scope(source_list, run.sources, settings.allow_private_addresses)
    decisions = {url: scope.decide(url, any_type=True) for url in run.starts}
    if not (run.folder / KNOWN_FILE).exists() and not any(decision.allowed for decision in decisions.values()):
        refused = "; ".join(f"{url} ({decision.reason})" for url, decision in list(decisions.items())[:5])
        raise NothingToCrawl(f"no start URL may be fetched: {refused or 'there is none'}")


def _converse(
    child: subprocess.Popen[bytes], job: Job, progress: Progress, stop: threading.Event
) -> FetchReport | None:
    """Hand the child its job and follow it; None where it ended without a report."""
    assert child.stdin
    assert child.stdout
    told = False
    try:
        child.stdin.write(dump_job(job))
        child.stdin.flush()
        for message in _messages(child.stdout):
            if "report" in message:
                return _report(message["report"])
            _pass_on(message, progress)
            if stop.is_set() and not told:
                told = True
                _tell_to_stop(child)
    except BrokenPipeError:
        return None
    except KeyboardInterrupt:
        _tell_to_stop(child)
        for _ in _messages(child.stdout):
            pass
        raise
    return None


def _messages(stdout: IO[bytes]) -> Iterator[dict[str, Any]]:
    for line in stdout:
        yield json.loads(line)


def _pass_on(message: dict[str, Any], progress: Progress) -> None:
    if "progress" in message:
        stage, done = message["progress"]
        progress(stage, done, None)
    elif "log" in message:
        level, name, text = message["log"]
        logger.log(level, "%s: %s", name, text)
    elif "error" in message:
        name, text = message["error"]
        error: type[CrawlError] = getattr(crawl_errors, name, RunError)
        raise error(text)


def _tell_to_stop(child: subprocess.Popen[bytes]) -> None:
    """Ask for an end in order; a child that is still waiting for slow hosts after a while is ended anyway."""
    assert child.stdin
    child.stdin.write(STOP)
    child.stdin.flush()
    timer = threading.Timer(STOP_GRACE, child.kill)
    timer.daemon = True
    timer.start()


def _end(child: subprocess.Popen[bytes]) -> None:
    # The child ends by itself when its stdin does.
    for pipe in (child.stdin, child.stdout):
        if pipe:
            pipe.close()
    try:
        child.wait(timeout=STOP_GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _report(message: dict[str, Any]) -> FetchReport:
    return FetchReport(
        **{
            **message,
            "responses": {int(status): count for status, count in message["responses"].items()},
            "sources": {source: SourceTally(*tally) for source, tally in message["sources"].items()},
            "failures": tuple(Failure(*failure) for failure in message["failures"]),
        }
    )


def _tail(stderr: IO[bytes]) -> str:
    stderr.seek(0, 2)
    stderr.seek(max(0, stderr.tell() - SHOWN_STDERR))
    return stderr.read().decode("utf-8", "replace").strip() or "no reason given"
