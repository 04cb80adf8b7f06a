"""Crawl runs: one folder each, holding `run.json` (what was asked) and the WARC files (what came back)."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from crawler.addresses import is_loopback_host
from crawler.errors import ContactRequired, NothingToCrawl, RunError
from crawler.known import Known, save_known
from crawler.scope import default_start
from crawler.settings import CrawlSettings
from domain_lists.urls import host_of
from index.files import write_atomically

RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True)
class Run:
    """One crawl. `id` sorts by time; `finished` is None until all is fetched; times are ISO 8601 UTC."""

    id: str
    folder: Path
    sources: tuple[str, ...]
    starts: tuple[str, ...]
    limits: dict[str, object]
    started: str
    finished: str | None = None


def start_run(
    archive_dir: Path,
    sources: Sequence[str],
    starts: Sequence[str],
    settings: CrawlSettings,
    known: Sequence[Known] | None = None,
) -> Run:
    """Make the folder of a new run. Without `starts` each source is begun at its root, unless `known` is its plan.

    `sources` are ids of the domain list. Raises NothingToCrawl where there are none, ContactRequired, and
    `domain_lists.errors.InvalidUrl` for a start that is no web address.
    """
    if not sources:
        raise NothingToCrawl("no sources to crawl: name at least one source or profile")
    starts = tuple(starts)
    if known is None and not starts:
        starts = tuple(default_start(source) for source in sources)
    require_contact([*starts, *(one.url for one in known or ())], settings)
    now = datetime.now(UTC)
    folder = _new_folder(archive_dir, now.strftime("%Y%m%dT%H%M%SZ"))
    limits = settings.model_dump(include={"max_pages", "max_depth", "max_bytes", "delay"})
    run = Run(folder.name, folder, tuple(sources), starts, limits, _iso(now))
    if known is not None:
        # Before `run.json`, which makes the folder a run.
        save_known(folder, known)
    _save(run)
    return run


def unfinished_run(archive_dir: Path, sources: Sequence[str]) -> Run | None:
    """The newest run that was asked for the same sources and did not get to its end."""
    runs = [run for run in list_runs(archive_dir) if run.finished is None and set(run.sources) == set(sources)]
    return runs[-1] if runs else None


def list_runs(archive_dir: Path) -> list[Run]:
    """All runs, oldest first. Raises RunError for a `run.json` that cannot be read."""
    return [load_run(path.parent) for path in sorted(archive_dir.glob(f"*/{RUN_FILE}"))]


def load_run(folder: Path) -> Run:
    """The run in `folder`. Raises RunError."""
    path = folder / RUN_FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Run(
            id=folder.name,
            folder=folder,
            sources=tuple(stored["sources"]),
            starts=tuple(stored["starts"]),
            limits=dict(stored["limits"]),
            started=stored["started"],
            finished=stored["finished"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is no record of a run ({error!r}); remove the folder or restore the file") from error


def finish_run(run: Run) -> Run:
    """Note that all of the run was fetched; a run that is finished stays as it is."""
    if run.finished is None:
        run = replace(run, finished=_iso(datetime.now(UTC)))
        _save(run)
    return run


def require_contact(starts: Sequence[str], settings: CrawlSettings) -> None:
    """Raise ContactRequired where the open web is to be crawled without a contact in the settings."""
    if not settings.contact and not all(is_loopback_host(host_of(url)) for url in starts):
        raise ContactRequired("set crawl.contact to an e-mail address or URL, so that site owners can reach you")


def _new_folder(archive_dir: Path, stamp: str) -> Path:
    archive_dir.mkdir(parents=True, exist_ok=True)
    for suffix in ["", *(f"-{number:02}" for number in range(2, 100))]:
        folder = archive_dir / f"{stamp}{suffix}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise RunError(f"{archive_dir} has 99 runs begun in one second: {stamp}")


def _save(run: Run) -> None:
    stored = {name: value for name, value in asdict(run).items() if name not in ("id", "folder")}
    content = json.dumps(stored, indent=2, ensure_ascii=False)
    write_atomically(run.folder / RUN_FILE, content.encode())


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
