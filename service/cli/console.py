"""What all commands share: settings, output, progress, errors as exit codes."""

import dataclasses
import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import typer
from pydantic import BaseModel
from rich import progress as bars_of_rich
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn

from authority_search import AuthoritySearchError
from crawler.errors import CrawlError
from domain_lists.errors import DomainListError
from index.errors import DataFolderLocked, IndexingError, SnapshotNotFound, TooMuchLost
from index.progress import Progress
from service.errors import ServiceError
from service.settings import Settings, load_settings

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

EXIT_FAILED, EXIT_NOTHING_PUBLISHED, EXIT_LOCKED, EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_INTERRUPTED = 1, 3, 4, 5, 6, 130
EXIT_CODES = """
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such snapshot, or nothing is published yet, 4 another run holds the
data folder, 5 too much would be lost and nothing was published, 6 no source could be read, 130 interrupted (run the
same command again to go on).
"""

KNOWN_ERRORS = (DomainListError, CrawlError, IndexingError, ServiceError, AuthoritySearchError, OSError)

JsonOption = typer.Option("--json", help="Print one JSON object on standard output, for scripts.")
StageOption = typer.Option("--stage", help="Build and validate the snapshot, and leave the live one as it is.")


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """The options before the command's name."""

    settings_file: Path | None
    data_dir: Path | None


def settings_of(context: typer.Context) -> Settings:
    """The settings in force for this command line."""
    options: GlobalOptions = context.obj
    overrides = {"data_dir": options.data_dir} if options.data_dir else {}
    return load_settings(options.settings_file, **overrides)


def print_json(value: object) -> None:
    """Print a record, a model or a mapping as one JSON object."""
    sys.stdout.write(json.dumps(_plain(value), ensure_ascii=False) + "\n")


def print_removed(snapshots: Sequence[str]) -> None:
    """Tell which old snapshots publishing removed, if any."""
    if snapshots:
        out.print(f"Removed (index.keep_snapshots): {', '.join(snapshots)}")


def counts_in_words(counts: Mapping[str, int] | Mapping[int, int]) -> str:
    """Names with their counts, largest first."""
    largest_first = sorted(counts.items(), key=lambda one: -one[1])
    return ", ".join(f"{escape(str(key))} {value:,}" for key, value in largest_first)


def run_command(command: Callable[[], None]) -> NoReturn:
    """Run the command line and leave with its exit code; an expected error is one line, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal or an argument cannot encode is written out rather than being a crash.
            stream.reconfigure(errors="backslashreplace")
    try:
        command()
    except SystemExit as ended:
        # Typer makes this of Ctrl-C.
        if ended.code == EXIT_INTERRUPTED:
            err.print("interrupted; run the same command again to go on")
        raise
    except KNOWN_ERRORS as error:
        err.print(f"[bold red]error:[/] {escape(str(error))}")
        sys.exit(_exit_code(error))
    sys.exit(0)


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A progress callback: bars on a terminal, a line now and then in a log."""
    if not err.is_terminal:
        log = _LogProgress()
        try:
            yield log
        finally:
            log.finish()
        return
    columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with bars_of_rich.Progress(*columns, console=err) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield progress


class _LogProgress:
    """Writes a line when a stage begins and ends, and every `SECONDS` in between."""

    SECONDS = 15.0

    def __init__(self) -> None:
        self._stage = ""
        self._due = 0.0
        self._unsaid = ""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if stage != self._stage:
            self.finish()
            self._stage, self._due = stage, 0.0
        self._unsaid = f"{stage}: {done:,}" + (f" of {total:,}" if total is not None else "")
        if done == total or time.monotonic() >= self._due:
            self.finish()
            self._due = time.monotonic() + self.SECONDS

    def finish(self) -> None:
        """Write the last count, if it was not written yet."""
        if self._unsaid:
            err.print(self._unsaid)
        self._unsaid = ""


def _exit_code(error: Exception) -> int:
    if isinstance(error, SnapshotNotFound):
        return EXIT_NOTHING_PUBLISHED
    if isinstance(error, TooMuchLost):
        return EXIT_REFUSED
    return EXIT_LOCKED if isinstance(error, DataFolderLocked) else EXIT_FAILED


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
