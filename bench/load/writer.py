"""A process that publishes one variant of a soak, so that it can be killed: see `bench.load.soak_data`.

python -m bench.load.writer SOURCE_SNAPSHOT_FOLDER DATA_FOLDER PAGES VARIANT
"""

import sys
from contextlib import suppress
from pathlib import Path

from bench.load.soak_data import publish_variant
from index.snapshot import Snapshot
from index.store import DataFolder

if __name__ == "__main__":
    source, folder, pages, variant = sys.argv[1:]
    # Ctrl-C is for whoever started this, and goes to all processes of the terminal.
    with suppress(KeyboardInterrupt):
        publish_variant(Snapshot(Path(source)), DataFolder(Path(folder)), int(pages), int(variant))
