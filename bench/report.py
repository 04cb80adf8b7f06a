"""The report as one page that needs nothing else, and its plots as files.

`report.html` holds its styles, its drawings (SVG) and one short script for sorting and filtering, without which it
can be read as well. Its content policy forbids every request, and all texts are escaped: queries come from strangers.
"""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench.errors import BenchError
from bench.records import Report
from bench.report_summary import Summary
from bench.report_view import SHOWN_QUERIES, compared, count_of, groups, headline, milliseconds, panels
from index.files import write_atomically

PAGE, PLOTS = "report.html", "plots"


def write_report(report: Report, folder: Path) -> Path:
    """Write `<folder>/report.html` and `<folder>/plots/*.png`, and give the page's path.

    The same report gives the same bytes. PNG files of an earlier report that this one lacks are removed. Raises
    BenchError for two results of one system on one set, or a folder that cannot be written.
    """
    summary = Summary(report)
    page, images = _render(summary)
    try:
        (folder / PLOTS).mkdir(parents=True, exist_ok=True)
        for old in set((folder / PLOTS).glob("*.png")) - {folder / PLOTS / name for name in images}:
            old.unlink()
        for name, image in images.items():
            write_atomically(folder / PLOTS / name, image)
        write_atomically(folder / PAGE, page)
    except OSError as error:
        raise BenchError(f"the report cannot be written to {folder}: {error.strerror}") from error
    return folder / PAGE


def _render(summary: Summary) -> tuple[bytes, dict[str, bytes]]:
    """The page and its images by file name."""
    # Only here, because loading matplotlib takes two seconds.
    from bench.plots import draw_curves, draw_overview, looks
    from bench.query_plots import draw_queries

    report = summary.report
    sizes = {one.collection: one.queries for one in report.results}
    overview = draw_overview(summary)
    curves = draw_curves(report.curves, looks(summary.systems))
    compared_groups = [
        (title, draw_queries(members, sizes, f"queries-{number}"), [compared(one, report, sizes) for one in members])
        for number, (title, members) in enumerate(groups(report.comparisons), 1)
    ]
    plots = [*overview, *curves, *(plot for _, plot, _ in compared_groups)]
    script = asset("report.js")
    page = (
        environment()
        .get_template("report.html.jinja")
        .render(
            report=report,
            headline=headline(summary),
            summary=summary,
            panels=panels(summary),
            overview=overview,
            curves=list(zip(report.curves, curves, strict=True)),
            groups=compared_groups,
            digests=dict.fromkeys((one.collection, one.split, one.digest) for one in report.results),
            shown=SHOWN_QUERIES,
            css=Markup(asset("report.css")),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            script_digest=b64encode(sha256(script.encode()).digest()).decode(),
        )
    )
    # A lone surrogate, which UTF-8 cannot hold, becomes a question mark.
    return page.encode("utf-8", "replace"), {f"{plot.name}.png": plot.png for plot in plots}


def environment() -> Environment:
    """The template engine: texts are escaped, and an unknown name is an error."""
    environment = Environment(
        loader=PackageLoader("bench"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"ms": milliseconds, "drawing": Markup, "counts": count_of}
    return environment


def asset(name: str) -> str:
    """A file of `templates/` as it is."""
    return (files("bench") / "templates" / name).read_text(encoding="utf-8")
