"""What a report says of the machine it was made on."""

import os
import platform
from pathlib import Path


def machine() -> str:
    """The processor, its cores and the operating system in one line."""
    return f"{_processor()}, {os.cpu_count() or 1} cores, {platform.system()} {platform.release()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
