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
    """What to crawl."""

    run: Run
    source_list: SourceList
    settings: CrawlSettings


def dump_job(job: Job) -> bytes:
    """The job as one line, the first on the child's stdin."""
    content = {
        "folder": str(job.run.folder.resolve()),
        "settings": job.settings.model_dump(),
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
    )
