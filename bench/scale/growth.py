"""Every cost against size: a table with slopes, and the plots."""

from collections.abc import Callable, Mapping, Sequence

from bench.load.view import NONE, Section
from bench.records import Curve
from bench.report_view import milliseconds
from bench.scale.records import Size
from bench.scale.slopes import slope

MEGABYTE = 1_000_000
RECALL_AIM = 0.99

Cost = Callable[[Size], float]


def costs(sizes: Sequence[Size]) -> dict[str, Cost]:
    """What is held against size, by name."""
    found: dict[str, Cost] = {
        "build, s": lambda size: size.built.seconds,
        "build, processor s": lambda size: size.built.cpu,
        "disk, MB": lambda size: sum(size.built.disk.values()) / MEGABYTE,
        "open, s": lambda size: size.opened.seconds,
        "first answer, s": lambda size: size.opened.first_answer,
        "memory of its own, MB": lambda size: (size.opened.used.anonymous - size.opened.base.anonymous) / MEGABYTE,
        "mapped files, MB": lambda size: (size.opened.used.file - size.opened.base.file) / MEGABYTE,
    }
    for batch in sizes[0].dense:
        found[f"dense, batch {batch:,}, p50 ms"] = lambda size, batch=batch: size.dense[batch].p50  # type: ignore[misc]
    found["dense, batch 1, p95 ms"] = lambda size: size.dense[1].p95
    for at, one in enumerate(sizes[0].lexical):
        found[f"lexical, {one.kind}, p50 ms"] = lambda size, at=at: size.lexical[at].timing.p50  # type: ignore[misc]
        found[f"lexical, {one.kind}, p95 ms"] = lambda size, at=at: size.lexical[at].timing.p95  # type: ignore[misc]
    found[f"{sizes[0].hybrid.queries} hybrid queries, ms"] = lambda size: size.hybrid.search
    return found


def growth_section(sizes: Sequence[Size]) -> Section:
    """Every cost at every size with its slope, and the plots."""
    found = costs(sizes)
    rows = []
    for name, cost in found.items():
        rising = slope(_points(sizes, cost))
        told = (NONE, NONE) if rising is None else (_shown(rising), f"{10**rising:.1f}×")
        rows.append((name, *(milliseconds(cost(size)) for size in sizes), *told))
    note = (
        "Slopes of cost against size, both logarithmic: 1 is linear, 0 none. Memory is after the queries, less what "
        "the process had before it opened the snapshot."
    )
    columns = ("cost", *(f"{size.built.passages:,}" for size in sizes), "slope", "ten times the size costs")
    return Section("Cost against size", note, columns, tuple(rows), tuple(_curves(sizes, found)))


def _curves(sizes: Sequence[Size], found: Mapping[str, Cost]) -> list[Curve]:
    plots = {
        "Build, opening": ("seconds", [name for name in found if name.endswith(", s") or "processor" in name]),
        "Disk and memory": ("MB", [name for name in found if name.endswith(", MB")]),
        "Dense search": ("ms a query", [name for name in found if name.startswith("dense")]),
        "Lexical search": ("ms a query", [name for name in found if name.startswith("lexical")]),
    }
    curves = []
    for title, (unit, names) in plots.items():
        lines = {_with_slope(name, sizes, found[name]): _points(sizes, found[name]) for name in names}
        curves.append(Curve(f"{title} against size", "passages", unit, lines, _RULE, log_x=True, log_y=True))
    recalls: dict[str, Cost] = {
        "recall@10": lambda size: size.recall10,
        "recall@100": lambda size: size.recall100,
        "recall@10, 1 % by hosts": lambda size: min(f.recall10 for f in size.filters if f.share == 0.01),
    }
    # The aim also gives the scale: full recall everywhere would be a line in an empty plot.
    recalls["aim"] = lambda _: RECALL_AIM
    lines = {name: _points(sizes, cost) for name, cost in recalls.items()}
    curves.append(Curve("Recall against size", "passages", "share found", lines, "Against exact search.", log_x=True))
    return curves


def _shown(rising: float) -> str:
    return f"{rising:.2f}".replace("-", "\N{MINUS SIGN}")


_RULE = "Both axes are logarithmic; behind ↗ stands the slope: 1 is linear growth."


def _with_slope(name: str, sizes: Sequence[Size], cost: Cost) -> str:
    rising = slope(_points(sizes, cost))
    short = name.removeprefix("dense, ").removeprefix("lexical, ").removesuffix(" ms")
    for unit in (", s", ", MB"):
        short = short.removesuffix(unit)
    return short if rising is None else f"{short} ↗ {_shown(rising)}"


def _points(sizes: Sequence[Size], cost: Cost) -> tuple[tuple[float, float], ...]:
    return tuple((float(size.size), cost(size)) for size in sizes)
