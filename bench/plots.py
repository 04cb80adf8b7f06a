"""The plots of a report: quality by set, the hybrid against its arms, quality against latency, curves."""

from collections.abc import Mapping, Sequence
from math import ceil, log10

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator

from bench.plot_style import (
    BETTER,
    GRID,
    INK,
    MARKERS,
    MUTED,
    PAPER,
    SERIES,
    WORSE,
    Plot,
    drawable,
    finish,
    new_figure,
    plain_axes,
    signed,
    spread,
    style,
)
from bench.records import Curve
from bench.report_summary import HYBRID, TOLERATED, Summary

Look = tuple[str, str]
"""(colour, marker)"""

FEW = 9
"""How many ticks have room on an axis."""


def draw_overview(summary: Summary) -> list[Plot]:
    """Those of the main measure and of latency that the results suffice for."""
    with style():
        plots = [_by_set(summary), _over_better_arm(summary), _latency(summary)]
    return [plot for plot in plots if plot]


def draw_curves(curves: Sequence[Curve], systems: Mapping[str, Look]) -> list[Plot]:
    """One plot for each curve; a line named like a system has that system's look."""
    with style():
        return [_curve(curve, f"curve-{number}", systems) for number, curve in enumerate(curves, 1)]


def looks(names: Sequence[str]) -> dict[str, Look]:
    """A colour and a marker for each name, by the order of the alphabet; more than eight share colours."""
    pairs = enumerate(sorted(names))
    return {name: (SERIES[n % len(SERIES)], MARKERS[(n + n // len(SERIES)) % len(MARKERS)]) for n, name in pairs}


def _by_set(summary: Summary) -> Plot | None:
    if not summary.main:
        return None
    measure, systems = summary.main, looks(summary.systems)
    rows: list[tuple[str, dict[str, float | None]]] = [
        (summary.label(key), {system: summary.value(key, system, measure) for system in summary.systems})
        for key in summary.sets
    ]
    rows.sort(key=lambda row: _highest(row[1]))
    if len(summary.shared) > 1:
        rows.append(
            (f"mean of {len(summary.shared)}", {system: summary.mean(system, measure) for system in summary.systems})
        )
    figure = new_figure(1.0 + 0.27 * len(rows) + 0.2 * ceil(len(systems) / 4))
    axes = figure.add_subplot()
    for height, (_, values) in enumerate(rows):
        _dots(axes, height, values, systems)
    axes.set_yticks(range(len(rows)), [drawable(label, 28) for label, _ in rows])
    if len(summary.shared) > 1:
        axes.get_yticklabels()[-1].set_fontweight("bold")
        axes.axhspan(len(rows) - 1.5, len(rows) - 0.5, color=GRID, alpha=0.45, linewidth=0)
    axes.set_ylim(-0.6, len(rows) - 0.5)
    axes.set_xlabel(drawable(measure))
    axes.margins(x=0.09)
    plain_axes(axes, "x")
    axes.spines["left"].set_visible(False)
    handles = [_handle(drawable(name, 28), systems[name]) for name in summary.systems]
    figure.legend(handles=handles, loc="outside upper left", ncols=4, handletextpad=0.2, columnspacing=1.2)
    best = summary.systems[0]
    alt = f"Dots of {measure} for {len(summary.systems)} systems on {len(summary.sets)} sets; the best mean has {best}."
    note = "The number is the highest of each row. The same values stand in the table above."
    return finish(figure, "by-set", f"{measure} by set and system", alt, note)


def _highest(values: Mapping[str, float | None]) -> float:
    return max((value for value in values.values() if value is not None), default=0.0)


def _dots(axes: Axes, height: int, values: Mapping[str, float | None], systems: Mapping[str, Look]) -> None:
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return
    axes.hlines(height, min(known.values()), max(known.values()), color=MUTED, linewidth=0.8, zorder=1)
    # The best is drawn last, so that it covers the others.
    for name, value in sorted(known.items(), key=lambda pair: pair[1]):
        colour, marker = systems[name]
        axes.plot(value, height, marker, color=colour, markersize=6.5, markeredgecolor=PAPER, markeredgewidth=0.7)
    best = max(known, key=known.__getitem__)
    axes.annotate(
        f"{known[best]:.3f}", (known[best], height), (7, 0), textcoords="offset points", va="center", fontsize=7.5
    )


def _handle(name: str, look: Look) -> Line2D:
    return Line2D([], [], color=look[0], marker=look[1], linestyle="", markersize=6.5, label=name)


def _over_better_arm(summary: Summary) -> Plot | None:
    differences = sorted(summary.over_better_arm(summary.main).items(), key=lambda pair: pair[1])
    if not differences:
        return None
    figure = new_figure(0.9 + 0.25 * len(differences))
    axes = figure.add_subplot()
    values = [value for _, value in differences]
    colours = [BETTER if value >= 0 else WORSE if value < -TOLERATED else MUTED for value in values]
    axes.barh(range(len(values)), values, color=colours, height=0.68)
    for height, value in enumerate(values):
        offset, side = ((4, 0), "left") if value > -0.0005 else ((-4, 0), "right")
        axes.annotate(
            signed(value), (value, height), offset, textcoords="offset points", ha=side, va="center", fontsize=7.5
        )
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.axvline(-TOLERATED, color=WORSE, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        f"tolerated {signed(-TOLERATED)}", (-TOLERATED, len(values) - 0.45), (-4, 0), textcoords="offset points",
        ha="right", va="bottom", fontsize=7.5, color=WORSE,
    )  # fmt: skip
    axes.set_yticks(range(len(values)), [drawable(summary.label(key), 28) for key, _ in differences])
    axes.set_ylim(-0.6, len(values) + 0.3)
    axes.set_xlabel(f"{drawable(summary.main)}: {HYBRID} minus the better arm")
    axes.margins(x=0.12)
    plain_axes(axes, "x")
    axes.spines["left"].set_visible(False)
    above, below = sum(value >= 0 for value in values), sum(value < -TOLERATED for value in values)
    alt = (
        f"Bars of {HYBRID} minus its better arm on {len(values)} sets: at least as good on {above}, more than "
        f"{TOLERATED} below on {below}."
    )
    note = (
        f"The better arm is chosen anew on each set. More than {TOLERATED} below it on {below} of {len(values)} sets."
    )
    return finish(figure, "over-better-arm", f"{HYBRID.capitalize()} minus the better arm", alt, note)


def _latency(summary: Summary) -> Plot | None:
    systems = looks(summary.systems)
    points = [
        (system, mean, latency)
        for system in summary.systems
        if (latency := summary.latency(system)) and (mean := summary.mean(system, summary.main)) is not None
    ]
    if not points:
        return None
    figure = new_figure(3.6)
    axes = figure.add_subplot()
    for system, mean, latency in points:
        colour, marker = systems[system]
        axes.plot([latency.p50, latency.p95], [mean, mean], color=colour, linewidth=1.4, alpha=0.55)
        axes.plot(latency.p50, mean, marker, color=colour, markersize=8, markeredgecolor=PAPER, markeredgewidth=0.8)
    if min(latency.p50 for _, _, latency in points) > 0:
        _logarithmic(axes, [])
    axes.margins(x=0.06, y=0.12)
    _label_ends(axes, [(p.p95, mean, drawable(name, 28), systems[name][0]) for name, mean, p in points])
    axes.set_xlabel("ms a query, one at a time: the marker is the median, the line ends at the 95th percentile")
    axes.set_ylabel(f"mean {drawable(summary.main)}")
    plain_axes(axes, "both")
    said = "; ".join(f"{name} {mean:.3f} at {latency.p50:.3g} ms" for name, mean, latency in points)
    return finish(
        figure, "latency", "Quality against latency", f"Means of {summary.main}: {said}.", "Up and left is better."
    )


def _label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Names beside points (x, y, name, colour), moved up or down so that none covers another."""
    log = axes.get_yscale() == "log"
    low, high = (log10(y) if log else y for y in axes.get_ylim())
    places = [log10(y) if log else y for _, y, _, _ in ends]
    heights = spread(places, 0.055 * (high - low))
    for (x, y, name, colour), place, height in zip(ends, places, heights, strict=True):
        moved = abs(height - place) > 0.02 * (high - low)
        arrow = {"arrowstyle": "-", "color": GRID, "linewidth": 0.8} if moved else None
        words = f"\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}{name}"
        axes.annotate(
            words, (x, y), (x, 10**height if log else height), color=colour, fontsize=8.5, va="center",
            annotation_clip=False, arrowprops=arrow,
        )  # fmt: skip


def _logarithmic(axes: Axes, values: Sequence[float]) -> None:
    """A logarithmic x axis with plain numbers, at the values themselves where they are few."""
    axes.set_xscale("log")
    if 1 < len(set(values)) <= FEW:
        axes.xaxis.set_major_locator(FixedLocator(sorted(set(values))))
    else:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:,.10g}")
    axes.xaxis.set_minor_locator(NullLocator())


def _curve(curve: Curve, name: str, systems: Mapping[str, Look]) -> Plot:
    own = looks(list(curve.lines))
    figure = new_figure(3.4)
    axes = figure.add_subplot()
    if curve.log_x:
        _logarithmic(axes, [x for points in curve.lines.values() for x, _ in points if x > 0])
    if curve.log_y:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:,.10g}")
        axes.yaxis.set_minor_locator(NullLocator())
    ends = []
    for line, points in curve.lines.items():
        colour, marker = systems.get(line, own[line])
        # A logarithmic axis has no place for 0 and less; the table under the plot has.
        shown = [(x, y) for x, y in sorted(points) if (x > 0 or not curve.log_x) and (y > 0 or not curve.log_y)]
        if shown:
            axes.plot(*zip(*shown, strict=True), marker=marker, color=colour, markersize=4.5)
            ends.append((*shown[-1], drawable(line, 28), colour))
    axes.margins(x=0.04, y=0.12)
    _label_ends(axes, ends)
    for words, x in curve.marks.items():
        if x > 0 or not curve.log_x:
            axes.axvline(x, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
            axes.annotate(
                drawable(words),
                (x, 1),
                (3, 3),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                fontsize=8,
                color=MUTED,
            )
    axes.set_xlabel(drawable(curve.x_label, 80))
    axes.set_ylabel(drawable(curve.y_label, 60))
    plain_axes(axes, "both")
    alt = f"{curve.y_label} against {curve.x_label} for {', '.join(curve.lines)}; the points stand in the table."
    return finish(figure, name, curve.title, alt, curve.note)
