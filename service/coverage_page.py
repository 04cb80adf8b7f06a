"""The coverage report as one HTML page that needs nothing else: tables with a bar for the passages of each line."""

from collections.abc import Sequence
from html import escape

from authority_search.models import CoverageLine, CoverageReply

HEADINGS = ("sources", "pages", "passages", "gone", "age, days", "oldest", "errors", "denied", "failing", "noted")

_STYLE = """
:root { color-scheme: light dark; --bar: #4878a8; --line: #8884; --bad: #b03030; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; }
td.bar { width: 22%; text-align: left; } td.noted { white-space: normal; }
td.bad { color: var(--bad); font-weight: 600; }
td.bar span { display: block; height: .8em; background: var(--bar); border-radius: 2px; min-width: 1px; }
"""


def coverage_page(report: CoverageReply) -> str:
    """The page."""
    total = report.total
    parts = (("Tiers", report.tiers), ("Sectors", report.sectors), ("Sources", report.sources))
    tables = "".join(f"<h2>{title}</h2>{_table(lines)}" for title, lines in parts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Coverage</title><style>{_STYLE}</style></head><body><h1>Coverage</h1>"
        f"<p>{report.made}: {total.sources:,} of {report.listed:,} listed sources were crawled; they hold "
        f"{total.pages:,} pages with {total.passages:,} passages. Errors and refusals by robots.txt are of each "
        f"source's newest run; noted is what the list of sources says that a crawler meets.</p>{tables}</body></html>\n"
    )


def cells(line: CoverageLine) -> list[str]:
    """A line as text, under `HEADINGS`."""
    ages = ("" if days is None else f"{days:.1f}" for days in (line.age_days, line.oldest_days))
    counts = (line.sources, line.pages, line.passages, line.gone)
    of_runs = (line.errors, line.denied, line.failing)
    noted = (word if line.sources == 1 else f"{word} {count:,}" for word, count in line.hindrances.items())
    return [*(f"{count:,}" for count in counts), *ages, *(f"{count:,}" for count in of_runs), ", ".join(noted)]


def _table(lines: Sequence[CoverageLine]) -> str:
    most = max((line.passages for line in lines), default=0) or 1
    heads = "".join(f"<th>{heading}</th>" for heading in ("", *HEADINGS, ""))
    rows = "".join(_row(line, line.passages / most) for line in lines)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _row(line: CoverageLine, share: float) -> str:
    *numbers, failing, noted = cells(line)
    bad = ' class="bad"' if line.failing else ""
    bar = f'<td class="bar"><span style="width:{share:.1%}"></span></td>'
    return (
        f"<tr><td>{escape(line.name)}</td>{''.join(f'<td>{number}</td>' for number in numbers)}"
        f'<td{bad}>{failing}</td><td class="noted">{escape(noted)}</td>{bar}</tr>'
    )
