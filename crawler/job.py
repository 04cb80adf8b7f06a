"""What passes between `crawler.fetch` and the process that it starts."""

import json
from pathlib import Path
from typing import NamedTuple

from crawler.runs import Run, load_run
from crawler.settings import CrawlSettings
from domain_lists.plain import from_plain, to_plain
from domain_lists.source_list import SourceList

STOP = b"stop\n"


class Job(NamedTuple):
    """What to crawl. `resting` are hosts that are left in peace in this run."""

    run: Run
    source_list: SourceList
    settings: CrawlSettings
    resting: tuple[str, ...] = ()


def dump_job(job: Job) -> bytes:
    """The job as one line, the first on the child's stdin."""
    content = {
        "folder": str(job.run.folder.resolve()),
        "settings": job.settings.model_dump(),
        "resting": job.resting,
        "source_list": to_plain(job.source_list),
    }
    return json.dumps(content).encode() + b"\n"


def load_job(line: bytes) -> Job:
    """The job of a line. Raises RunError."""
    content = json.loads(line)
    return Job(
        run=load_run(Path(content["folder"])),
        source_list=from_plain(content["source_list"]),
        settings=CrawlSettings.model_validate(content["settings"]),
        resting=tuple(content["resting"]),
    )
