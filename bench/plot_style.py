"""How plots look, and how a matplotlib figure becomes a PNG file and an SVG that follows the page's colours.

Figures are drawn in the colours below. In the SVG each becomes a CSS variable (`--plot-ink`, `--plot-s0`, …), so
that one drawing serves the light and the dark page. Series differ by colour and by marker; the colours keep their
distance for the three kinds of colour blindness (simulated by Machado et al. 2009).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import pairwise
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font

INK, MUTED, GRID, PAPER = "#1b2027", "#57606b", "#d7dce2", "#fefefd"
BETTER, WORSE = "#0a5fb4", "#b34700"
SERIES = ("#0060c8", "#b84a00", "#0b4f4a", "#d246a5", "#9d8f2a", "#2b94d8", "#5b3a8c", "#6b3a1e")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "h")
WIDTH = 7.6
"""Inches; the page scales a plot to its own width."""

_NAMES = {INK: "ink", MUTED: "muted", GRID: "grid", PAPER: "paper", BETTER: "better", WORSE: "worse"}
_VARIABLES = {**_NAMES, **{colour: f"s{number}" for number, colour in enumerate(SERIES)}}
_RC: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.unicode_minus": True,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawn figure. `name` is its file's stem; `alt` says in words what is seen."""

    name: str
    title: str
    note: str
    alt: str
    svg: str
    png: bytes


def style() -> Any:
    """The context in which figures are made and drawn; it leaves matplotlib's own settings alone."""
    return matplotlib.rc_context(_RC)


def new_figure(height: float) -> Figure:
    """An empty figure, `height` in inches. Without pyplot, so that no backend and no global list is touched."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def finish(figure: Figure, name: str, title: str, alt: str, note: str = "") -> Plot:
    """Draw a figure twice. The same figure gives the same bytes."""
    png, svg = BytesIO(), BytesIO()
    figure.savefig(png, format="png", dpi=160, facecolor="white", metadata={"Software": None})
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
    return Plot(name, title, note, alt, _for_page(svg.getvalue().decode(), name), png.getvalue())


def drawable(text: str, length: int = 40) -> str:
    """One short line that the font can draw; other characters become `?`."""
    line = " ".join(text.split())
    shown = "".join(character if ord(character) in _charmap() else "?" for character in line)
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def signed(value: float) -> str:
    """`+.041`, `−.005`, `.000`: differences of measures between 0 and 1, with a true minus."""
    shown = f"{abs(value):.3f}"
    if float(shown) == 0:
        return shown
    return ("+" if value > 0 else "\N{MINUS SIGN}") + shown


def spread(values: Iterable[float], gap: float) -> list[float]:
    """The values moved apart to at least `gap`, in the same order and as a whole centred where they were."""
    values = list(values)
    order = sorted(range(len(values)), key=values.__getitem__)
    placed = list(values)
    for below, above in pairwise(order):
        placed[above] = max(placed[above], placed[below] + gap)
    shift = sum(new - old for new, old in zip(placed, values, strict=True)) / max(1, len(values))
    return [value - shift for value in placed]


def plain_axes(axes: Axes, grid: str) -> None:
    """Grid lines along one axis ("x", "y" or "both") and no ticks."""
    axes.grid(axis=grid)  # type: ignore[arg-type]
    axes.tick_params(length=0)


@cache
def _charmap() -> frozenset[int]:
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())


def _for_page(svg: str, name: str) -> str:
    """Only the `<svg>` element, its ids made its own, its colours variables, its size the page's."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r'^<svg([^>]*?) width="[^"]*" height="[^"]*"', r'<svg\1 aria-hidden="true" focusable="false"', svg)
    svg = re.sub(r"font: (\S+) 'DejaVu Sans'", r"font-size: \1", svg)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--plot-{variable})")
    return re.sub(r"\s*\n\s*", " ", svg)
