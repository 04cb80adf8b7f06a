"""A scale report as files."""

from pathlib import Path

from bench.load.page import write_sections
from bench.load.view import headline
from bench.scale.records import ScaleReport
from bench.scale.view import aims, scale_sections


def write_scale(report: ScaleReport, folder: Path) -> list[Path]:
    """Write `scale.json` and `scale.html` and give their paths. Raises BenchError."""
    return write_sections(report, "scale", headline(aims(report), "Scale"), scale_sections(report), folder)
