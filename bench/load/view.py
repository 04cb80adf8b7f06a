"""The words, tables and curves of a load report; terminal and page show the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.load.floor import PARTS
from bench.load.measure import FLOOR_AIM
from bench.load.records import Against, Aim, Cell, LoadReport, Overhead, SoakReport, Spread
from bench.load.soak_report import MEMORY_AIM, early_memory
from bench.records import Curve
from bench.report_view import milliseconds

NONE = "–"
_SHOWN_POINTS = 60


@dataclass(frozen=True, slots=True)
class Section:
    """A table with its curves. The first column is text, the others numbers as text."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    curves: tuple[Curve, ...] = ()


def headline(aims: Sequence[Aim], what: str) -> str:
    """How many aims were met."""
    if not aims:
        return f"{what}: nothing here has an aim."
    return f"{what}: {sum(aim.met for aim in aims)} of {len(aims)} aims met."


def aims_section(aims: Sequence[Aim], note: str = "Medians over the rounds of this run.") -> Section:
    """Each aim with what was measured."""
    rows = tuple(
        (aim.name, _figure(aim.value, aim.unit), f"{'≤' if aim.at_most else '≥'} {_figure(aim.limit, aim.unit)}",
         "met" if aim.met else "not met")
        for aim in aims
    )  # fmt: skip
    return Section("Aims", note, ("figure", "measured", "aim", ""), rows)


def load_sections(report: LoadReport) -> list[Section]:
    """What `bench load` shows, without what was not measured."""
    closed = [cell for cell in report.cells if cell.loop == "closed"]
    opened = [cell for cell in report.cells if cell.loop == "open"]
    made = [
        aims_section(report.aims) if report.aims else None,
        _closed(closed) if closed else None,
        _open(opened) if opened else None,
        _overheads(report.overheads) if report.overheads else None,
        _parts(report.overheads) if report.overheads else None,
        _against(report.against) if report.against else None,
    ]
    return [section for section in made if section]


def soak_sections(report: SoakReport) -> list[Section]:
    """What `bench soak` shows."""
    total = max(1, report.requests)
    answers = (
        ("identical to a direct call", f"{report.identical:,}", f"{report.identical / total:.2%}"),
        ("the same but for rounding", f"{report.rounded:,}", f"{report.rounded / total:.2%}"),
        ("wrong", f"{report.wrong_answers:,}", f"{report.wrong_answers / total:.2%}"),
        *((f"failed: {kind}", f"{count:,}", f"{count / total:.2%}") for kind, count in report.failed.items()),
    )
    latency = tuple(
        (one.name, f"{one.requests:,}", *map(milliseconds, (one.p50, one.p95, one.p99))) for one in report.windows
    )
    memory = Curve("Memory of the service", "seconds", "MB resident", _memory(report.memory), "Flat is good.")
    events = tuple((event.what, f"{event.at:.1f}") for event in report.events)
    return [
        aims_section(report.aims, "Over the whole soak."),
        Section("Answers", "Every reply against a direct call on the snapshot that it names.",
                ("reply", "requests", "share"), answers),
        Section("Latency", "Milliseconds from when a request was due, by what went on meanwhile.",
                ("while", "requests", "p50", "p95", "p99"), latency),
        Section("Publishing", "", ("what the writer did", "second"), events, (memory,)),
    ]  # fmt: skip


def _memory(taken: Sequence[tuple[float, float]]) -> dict[str, tuple[tuple[float, float], ...]]:
    """The points of a plot: as many as can be told apart, and the limit of the aim, which also gives the scale."""
    shown = tuple(taken[:: max(1, len(taken) // _SHOWN_POINTS)])
    early = early_memory(taken)
    limit = () if early is None else ((taken[0][0], early * MEMORY_AIM), (taken[-1][0], early * MEMORY_AIM))
    return {"service": shown, "aim": limit}


def _closed(cells: Sequence[Cell]) -> Section:
    lines = {
        _batch(batch): tuple((float(cell.callers), cell.qps) for cell in cells if cell.batch == batch)
        for batch in dict.fromkeys(cell.batch for cell in cells)
    }
    curve = Curve("Queries a second against concurrency", "callers", "queries a second", lines, "Closed loop.", True)
    return Section(
        "Closed loop",
        "Each caller sends its next request when its last is answered. Latency is of whole requests, in ms. CPU: cores "
        "kept busy by the service and by the load generator.",
        ("batch × callers", "queries/s", "p50", "p95", "p99", "failed", "service CPU", "load CPU"),
        tuple((f"{cell.batch:,} × {cell.callers}", f"{cell.qps:,.1f}", *_latency(cell)) for cell in cells),
        (curve,),
    )


def _open(cells: Sequence[Cell]) -> Section:
    lines = {
        name: tuple((cell.rate, value) for cell in cells if (value := getattr(cell, name)) is not None)
        for name in ("p50", "p95", "p99")
    }
    curve = Curve("Latency against rate", "requests a second", "ms from when due", lines, "Open loop, one query each.")
    return Section(
        "Open loop",
        "Poisson arrivals of one query each. Latency counts from when a request was due: no stall is hidden.",
        ("rate asked", "queries/s", "p50", "p95", "p99", "failed", "service CPU", "load CPU", "late, p99"),
        tuple(
            (f"{cell.rate:,.1f}", f"{cell.qps:,.1f}", *_latency(cell), milliseconds(cell.lag)) for cell in cells
        ),
        (curve,),
    )  # fmt: skip


def _overheads(found: Sequence[Overhead]) -> Section:
    lines = {
        "median": tuple((float(one.batch), one.ratio.median) for one in found),
        "worst round": tuple((float(one.batch), one.ratio.high) for one in found),
        "aim": tuple((float(one.batch), FLOOR_AIM) for one in found),
    }
    note = "The floor calls encoder, FAISS and Tantivy directly; 1 would be a service that costs nothing."
    curve = Curve("Time over the floor", "queries in a batch", "service time / floor time", lines, note, True)
    return Section(
        "Over the floor",
        "One caller, ms per batch, service and floor by turns on the same queries; ratios: median (lowest–highest).",
        ("batch", "service", "floor", "ratio", "rounds"),
        tuple(
            (f"{one.batch:,}", *_medians(one.service, one.floor), _spread(one.ratio, "×"), str(one.ratio.rounds))
            for one in found
        ),
        (curve,),
    )  # fmt: skip


def _parts(found: Sequence[Overhead]) -> Section:
    def row(one: Overhead) -> tuple[str, ...]:
        total = sum(one.parts.values()) or 1.0
        return (
            f"{one.batch:,}",
            *(f"{one.parts[name] / total:.0%}" for name in PARTS),
            milliseconds(total / one.batch),
        )

    return Section(
        "Where the time goes",
        "Shares of the parts taken alone. Lexical searches run beside the encoding, so that the sum is more than a "
        "request takes.",
        ("batch", *PARTS, "sum, ms a query"),
        tuple(row(one) for one in found),
    )


def _against(found: Sequence[Against]) -> Section:
    return Section(
        "Against others",
        "Queries a second, by turns in this run; medians, and the ratio with its lowest and highest.",
        ("what", "ours", "theirs", "ratio", "ours failed"),
        tuple(
            (one.name, *(f"{side.median:,.1f}" for side in (one.ours, one.theirs)), _spread(one.ratio, "×"),
             _failed(one.failed))
            for one in found
        ),
    )  # fmt: skip


def _failed(kinds: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in kinds.items()) or "0"


def _latency(cell: Cell) -> tuple[str, ...]:
    times = [NONE if one is None else milliseconds(one) for one in (cell.p50, cell.p95, cell.p99)]
    service = NONE if cell.service_cores is None else f"{cell.service_cores:.2f}"
    return (*times, _failed(cell.failed), service, f"{cell.generator_cores:.2f}")


def _medians(*spreads: Spread) -> list[str]:
    return [milliseconds(one.median) for one in spreads]


def _batch(size: int) -> str:
    return "1 query" if size == 1 else f"{size:,} queries"


def _spread(one: Spread, unit: str) -> str:
    return f"{one.median:.2f}{unit} ({one.low:.2f}–{one.high:.2f})"


def _figure(value: float, unit: str) -> str:
    return f"{value:,.0f}" if unit == "" else f"{value:,.2f}{unit}"
