"""A load report as files: JSON, and one page that needs nothing else, in the style of the other reports."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from markupsafe import Markup
from pydantic import TypeAdapter

from bench.errors import BenchError
from bench.load.records import LoadReport, SoakReport
from bench.load.view import Section, headline, load_sections, soak_sections
from bench.report import asset, environment
from index.files import write_atomically


def write_load(report: LoadReport, folder: Path) -> list[Path]:
    """Write `load.json` and `load.html` and give their paths. Raises BenchError."""
    return write_sections(report, "load", headline(report.aims, "Load"), load_sections(report), folder)


def write_soak(report: SoakReport, folder: Path) -> list[Path]:
    """Write `soak.json` and `soak.html` and give their paths. Raises BenchError."""
    return write_sections(report, "soak", headline(report.aims, "Soak"), soak_sections(report), folder)


class Shown(Protocol):
    """What the page tells of any report beside its sections."""

    @property
    def title(self) -> str: ...
    @property
    def created(self) -> str: ...
    @property
    def machine(self) -> str: ...
    @property
    def settings(self) -> dict[str, str]: ...


def write_sections(report: Shown, name: str, said: str, sections: Sequence[Section], folder: Path) -> list[Path]:
    """Write `<name>.json`, the whole record, and `<name>.html`, its sections; give the paths. Raises BenchError."""
    json_file, page = folder / f"{name}.json", folder / f"{name}.html"
    try:
        write_atomically(json_file, TypeAdapter(type(report)).dump_json(report, indent=1) + b"\n")
        write_atomically(page, _render(report, said, sections))
    except OSError as error:
        raise BenchError(f"the report cannot be written to {folder}: {error.strerror}") from error
    return [json_file, page]


def _render(report: Shown, said: str, sections: Sequence[Section]) -> bytes:
    # Only here, because loading matplotlib takes two seconds.
    from bench.plots import draw_curves

    plots = iter(draw_curves([curve for section in sections for curve in section.curves], {}))
    shown = [(section, [next(plots) for _ in section.curves]) for section in sections]
    css = Markup(asset("report.css"))  # noqa: S704 - our own file
    template = environment().get_template("load.html.jinja")
    return template.render(report=report, said=said, sections=shown, css=css).encode("utf-8", "replace")
