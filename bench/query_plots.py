"""What a system changes query by query: small panels of sorted differences, a plot for each pair of systems."""

from collections.abc import Mapping, Sequence
from math import ceil
from statistics import median

from matplotlib.axes import Axes

from bench.plot_style import BETTER, MUTED, WORSE, Plot, drawable, finish, new_figure, signed, style
from bench.records import Comparison
from bench.report_summary import SIGNIFICANT

STEPS = 240
"""How many steps a panel of differences has at most; more cannot be told apart."""


def draw_queries(comparisons: Sequence[Comparison], queries: Mapping[str, int], name: str) -> Plot:
    """Sorted differences by query, a panel for each comparison; `queries` counts those of each collection.

    At least one comparison, all of the same system, baseline and measure.
    """
    with style():
        return _queries(comparisons, queries, name)


def _queries(comparisons: Sequence[Comparison], queries: Mapping[str, int], name: str) -> Plot:
    columns = 3 if len(comparisons) > 2 else len(comparisons)
    rows = ceil(len(comparisons) / columns)
    figure = new_figure(0.5 + 1.35 * rows)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, one in zip(panels.flat, comparisons, strict=False):
        _panel(axes, one, queries.get(one.collection, 0))
    for axes in panels.flat[len(comparisons) :]:
        axes.set_visible(False)
    first = comparisons[0]
    figure.supylabel(f"{drawable(first.measure)}: difference by query", fontsize=8.5)
    shares = [len(one.helped) / max(1, queries.get(one.collection, 0)) for one in comparisons]
    alt = (
        f"Sorted differences of {first.measure} by query, {first.system} against {first.baseline}, on "
        f"{len(comparisons)} sets; on the middle set {median(shares):.0%} of the queries are helped."
    )
    note = "Queries from the most helped to the most hurt; the flat part is unchanged. * marks a corrected p below .05."
    return finish(figure, name, f"{first.system} against {first.baseline}, query by query", alt, note)


def _panel(axes: Axes, one: Comparison, queries: int) -> None:
    values = _sorted_differences(one, queries)
    edges = [place / max(1, len(values)) for place in range(len(values) + 1)]
    for wanted, colour in ((1, BETTER), (-1, WORSE)):
        axes.stairs([value if value * wanted > 0 else 0 for value in values], edges, fill=True, color=colour)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    mark = " *" if one.p_corrected < SIGNIFICANT else ""
    axes.set_title(f"{drawable(one.collection, 26)} {signed(one.difference)}{mark}", fontsize=8)
    axes.annotate(f"{len(one.helped)} helped", (0.02, 0.02), xycoords="axes fraction", fontsize=7.5, color=BETTER)
    axes.annotate(
        f"{len(one.hurt)} hurt", (0.98, 0.95), xycoords="axes fraction", fontsize=7.5, color=WORSE, ha="right", va="top"
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(-1.05, 1.05)
    axes.set_xticks([])
    axes.set_yticks([-1, 0, 1])
    axes.tick_params(length=0, labelsize=7.5)


def _sorted_differences(one: Comparison, queries: int) -> list[float]:
    """From the highest to the lowest; of more than `STEPS` queries, so many at even distances."""
    changed = sorted((difference for _, difference in (*one.helped, *one.hurt)), reverse=True)
    helped = sum(difference > 0 for difference in changed)
    values = changed[:helped] + [0.0] * (queries - len(changed)) + changed[helped:]
    if len(values) <= STEPS:
        return values
    return [values[(2 * step + 1) * len(values) // (2 * STEPS)] for step in range(STEPS)]
