"""What passes between `crawler.fetch` and the process that it starts."""

import csv
import json
import tempfile
from dataclasses import asdict, fields
from pathlib import Path
from typing import NamedTuple

from crawler.runs import Run, load_run
from crawler.settings import CrawlSettings
from domain_lists.records import Source
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
        "sources": [asdict(source) for source in job.source_list.sources],
    }
    return json.dumps(content).encode() + b"\n"


def load_job(line: bytes) -> Job:
    """The job of a line. Raises RunError, InvalidSourceList."""
    content = json.loads(line)
    return Job(
        run=load_run(Path(content["folder"])),
        source_list=_source_list(content["sources"]),
        settings=CrawlSettings.model_validate(content["settings"]),
    )


def _source_list(rows: list[dict[str, object]]) -> SourceList:
    """The bundled list with the parent's sources in the place of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sources.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Source)])
            writer.writeheader()
            writer.writerows(rows)
        return SourceList.load(extra_files=[path])
