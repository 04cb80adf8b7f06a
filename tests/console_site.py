"""The console over a small real index, under a real server."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
from http_server import CannedLive, CannedSearcher, service
from records import BANK, LetterEncoder, build_and_publish, make_page, small_pages, small_sources

from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.coverage import save_coverage
from service.live import LiveSearcher

MARKUP_TITLE = "<script>alert('title')</script> & more"
MARKUP_TEXT = "Escapes: <img src=x onerror=alert(1)> and </p><script>alert('text')</script> stay as they are written."


@contextmanager
def console_site(root: Path) -> Iterator[str]:
    """The address of the service over `records.small_pages()`, one page full of markup, and a coverage report."""
    encoder = LetterEncoder()
    dangerous = make_page(f"https://{BANK}/markup", "# <b>Bold</b>", MARKUP_TEXT, title=MARKUP_TITLE)
    build_and_publish(root, [*small_pages(), dangerous], small_sources(), encoder)
    save_coverage(DataFolder(root), CannedLive(CannedSearcher()).coverage())
    live = LiveSearcher(SnapshotStore(DataFolder(root)), lambda: encoder, RankingSettings(), poll_seconds=0.01)
    with service(cast(Any, live)) as url:
        while httpx.get(f"{url}/ready").status_code != 200:
            time.sleep(0.01)
        yield url
