"""The words, tables and curves of a scale report; terminal and page show the same."""

from collections.abc import Sequence

from bench.load.records import Aim
from bench.load.view import NONE, Section, aims_section
from bench.report_view import milliseconds
from bench.scale.corpus import CHANGED
from bench.scale.growth import MEGABYTE, RECALL_AIM, growth_section
from bench.scale.records import Closeness, MethodRow, ScaleReport, Size


def aims(report: ScaleReport) -> tuple[Aim, ...]:
    """What was promised, at the largest size, and the best of the methods that find what is near."""
    size = max(report.sizes, key=lambda one: one.size)
    exact = [row for row in report.methods if row.recall100 >= RECALL_AIM and not row.method.startswith("flat")]
    few = [one for one in size.filters if one.share <= 0.01]
    found = [
        Aim("seconds until open", size.opened.seconds, 2.0, at_most=True, unit=" s"),
        Aim("recall@100 of dense search", size.recall100, RECALL_AIM, at_most=False, unit=" "),
        Aim("recall@10 under filters of 1 % and less, least", min(one.recall10 for one in few), RECALL_AIM, False, " "),
        Aim(f"{size.hybrid.queries} hybrid queries ÷ encoding them", size.hybrid.ratio, 1.5, at_most=True, unit="×"),
        Aim("queries with another answer elsewhere", float(len(size.differing)), 0.0, at_most=True),
    ]
    if size.incremental:
        seconds = size.incremental.seconds / size.incremental.first_seconds
        found.append(Aim("build after a change ÷ first build", seconds, 0.1, at_most=True, unit="×"))
    if exact:
        best = max(row.times[1] for row in exact)
        found.append(Aim("best method at recall@100 ≥ .99, over flat fp32", best, 10.0, at_most=False, unit="×"))
    return tuple(found)


def scale_sections(report: ScaleReport) -> list[Section]:
    """What `bench scale` shows, without what was not measured."""
    sizes = report.sizes
    made = [
        aims_section(aims(report), "At the largest size of this run."),
        growth_section(sizes),
        _corpora(sizes),
        _build(sizes),
        _disk(sizes),
        _opening(sizes),
        _dense(sizes),
        _lexical(sizes),
        _answers(sizes),
        _filters(sizes),
        _incremental(sizes) if any(size.incremental for size in sizes) else None,
        _methods(report.methods, max(size.built.passages for size in sizes)) if report.methods else None,
        _vectors(report.closeness),
    ]
    return [section for section in made if section]


def _corpora(sizes: Sequence[Size]) -> Section:
    rows = tuple(
        (f"{one.built.passages:,}", f"{one.built.pages:,}", f"{one.built.hosts:,}", f"{one.built.sources:,}",
         f"{one.built.tokens:.0f}",
         ", ".join(f"{name or 'not told'} {count:,}" for name, count in one.built.languages.items()),
         " / ".join(f"{cosine:.3f}" for cosine in one.nearest.values()))
        for one in sizes
    )  # fmt: skip
    ranks = " / ".join(f"{rank}" for rank in sizes[0].nearest)
    columns = ("passages", "pages", "hosts", "sources", "tokens a passage", "languages", f"cosine to neighbour {ranks}")
    return Section("Corpora", "Cosines: medians of the queries, exact.", columns, rows)


def _build(sizes: Sequence[Size]) -> Section:
    stages = list(dict.fromkeys(stage.name for size in sizes for stage in size.built.stages))
    rows = []
    for size in sizes:
        built = size.built
        taken = {stage.name: stage for stage in built.stages}
        told = [
            f"{taken[name].seconds:.1f} ({taken[name].cpu:.1f})" if name in taken else NONE for name in stages
        ]  # fmt: skip
        whole = f"{built.seconds:.1f} ({built.cpu:.1f})"
        peak = f"{(built.peak - built.base) / MEGABYTE:,.0f}"
        rows.append((f"{built.passages:,}", *told, whole, f"{built.passages / built.seconds:,.0f}", peak))
    note = (
        "Seconds (processor seconds) by stage, all vectors known: what passes until a stage tells of progress is that "
        "stage's, and `finish` is all after the last. Making the texts is not counted. Peak: MB beyond those before."
    )
    return Section("Build", note, ("passages", *stages, "whole", "passages/s", "peak MB"), tuple(rows))


def _disk(sizes: Sequence[Size]) -> Section:
    kinds = list(dict.fromkeys(kind for size in sizes for kind in size.built.disk))
    rows = []
    for size in sizes:
        each = [milliseconds(size.built.disk.get(kind, 0) / MEGABYTE) for kind in kinds]
        whole = sum(size.built.disk.values())
        a_passage = f"{whole / size.built.passages:,.0f}"
        rows.append((f"{size.built.passages:,}", *each, f"{whole / MEGABYTE:,.1f}", a_passage))
    columns = ("passages", *kinds, "whole", "bytes a passage")
    return Section("Disk", "MB of a snapshot by kind of file.", columns, tuple(rows))


def _dense(sizes: Sequence[Size]) -> Section:
    batches = list(sizes[0].dense)
    rows = tuple(
        (f"{size.built.passages:,}",
         *(f"{milliseconds(size.dense[batch].p50)} / {milliseconds(size.dense[batch].p95)}" for batch in batches))
        for size in sizes
    )  # fmt: skip
    note = "ms a query, depth 100: median / 95th percentile of runs, by queries in a batch."
    return Section("Dense search", note, ("passages", *(f"batch {batch:,}" for batch in batches)), rows)


def _opening(sizes: Sequence[Size]) -> Section:
    def row(size: Size) -> tuple[str, ...]:
        one = size.opened
        times = [f"{at:.3f}" for at in (one.seconds, one.first_answer, one.cold_seconds, one.cold_first_answer)]
        held = [
            f"{memory.anonymous / MEGABYTE:,.0f} + {memory.file / MEGABYTE:,.0f}"
            for memory in (one.base, one.opened, one.used)
        ]  # fmt: skip
        return f"{size.built.passages:,}", *times, *held

    note = (
        "Seconds in a fresh process until the snapshot is open and until its first hybrid query is answered, whose "
        "vector is known; cold: its files dropped from the system's memory before. Memory in MB: of its own + mapped "
        f"files; before, opened, and after {sizes[0].opened.queries} queries."
    )
    columns = ("passages", "open", "first answer", "open, cold", "first answer, cold", "before", "opened", "after")
    return Section("Opening", note, columns, tuple(row(size) for size in sizes))


def _lexical(sizes: Sequence[Size]) -> Section:
    rows = tuple(
        (f"{size.built.passages:,}, {one.kind}", f"{one.terms:.0f}", milliseconds(one.timing.p50),
         milliseconds(one.timing.p95))
        for size in sizes
        for one in size.lexical
    )  # fmt: skip
    note = "One query at a time, depth 100. Terms are index terms; a Han character and each pair are one each."
    return Section("Lexical search", note, ("passages, kind of query", "terms", "p50 ms", "p95 ms"), rows)


def _answers(sizes: Sequence[Size]) -> Section:
    rows = tuple(
        (f"{size.built.passages:,}", size.built.dense, f"{size.recall10:.4f}", f"{size.recall100:.4f}",
         milliseconds(size.hybrid.search), milliseconds(size.hybrid.encode), f"{size.hybrid.ratio:.2f}×",
         "no: " + "; ".join(size.differing) if size.differing else "yes")
        for size in sizes
    )  # fmt: skip
    note = (
        "How the manifest says that vectors are searched, and the recall of that against exact search. Then ms of "
        f"{sizes[0].hybrid.queries} hybrid queries and of encoding them alone, by turns, medians of "
        f"{sizes[0].hybrid.rounds} rounds. Same answers: rows and "
        "scores alone, in a batch, after opening again and in another process."
    )
    columns = ("passages", "dense", "recall@10", "recall@100", "hybrid", "encode", "ratio", "same answers")
    return Section("Answers", note, columns, rows)


def _filters(sizes: Sequence[Size]) -> Section:
    rows = tuple(
        (f"{size.built.passages:,}, {one.share:.1%} {one.rows}", f"{one.survivors:,}", f"{one.recall10:.4f}",
         f"{one.recall100:.4f}", milliseconds(one.timing.p50), milliseconds(one.timing.p95))
        for size in sizes
        for one in size.filters
    )  # fmt: skip
    note = (
        "Dense search, one query at a time; recall against exact search of what is left, of all of it where it is less."
    )
    return Section(
        "Filters", note, ("passages, left", "survivors", "recall@10", "recall@100", "p50 ms", "p95 ms"), rows
    )


def _incremental(sizes: Sequence[Size]) -> Section:
    rows = tuple(
        (f"{size.built.passages:,}", f"{one.rewritten:,}", f"{one.pages_gone:,}", f"{one.seconds:.1f} ({one.cpu:.1f})",
         f"{one.first_seconds:.1f} ({one.first_cpu:.1f})", f"{one.seconds / one.first_seconds:.2f}×",
         f"{one.cpu / one.first_cpu:.2f}×", f"{one.shared / MEGABYTE:,.1f} of {one.total / MEGABYTE:,.1f}")
        for size in sizes
        if (one := size.incremental)
    )  # fmt: skip
    note = (
        f"{CHANGED:.0%} of the passages rewritten on random pages, and a few pages gone, in the same data folder. Only "
        "the rewritten ones would have been embedded; all vectors are known here. The first build found nothing kept "
        "but vectors. Shared: MB that are the first snapshot's files."
    )
    columns = ("passages", "rewritten", "pages gone", "s (processor s)", "first build", "ratio", "processor ratio",
               "shared MB")  # fmt: skip
    return Section("After a change", note, columns, rows)


def _methods(methods: Sequence[MethodRow], passages: int) -> Section:
    batches = list(dict.fromkeys(batch for row in methods for batch in row.ms))

    def row(one: MethodRow) -> tuple[str, ...]:
        times = [f"{milliseconds(one.ms[batch])} ({one.times[batch]:.1f}×)" if batch in one.ms else NONE
                 for batch in batches]  # fmt: skip
        name = f"{one.method}, {one.effort}".removesuffix(", ")
        build = f"{one.build:.1f} ({one.build_cpu:.1f})"
        return name, build, f"{one.bytes / MEGABYTE:,.0f}", f"{one.recall10:.4f}", f"{one.recall100:.4f}", *times

    note = (
        f"The same {passages:,} vectors in one run, depth 100. Build in seconds (processor seconds), MB with what is "
        "refined from. ms a query by queries in a batch, and in brackets how many times as fast as flat fp32 with BLAS "
        "from 8 queries on."
    )
    columns = ("method", "build", "MB", "recall@10", "recall@100", *(f"batch {batch:,}" for batch in batches))
    return Section("Dense methods", note, columns, tuple(map(row, methods)))


def _vectors(found: Closeness) -> Section:
    rows = tuple(
        (f"{one.rank}", *(f"{low:.3f} / {middle:.3f} / {high:.3f}" for low, middle, high in (one.sample, one.drawn)),
         f"{one.apart:.4f}")
        for one in found.rows
    )  # fmt: skip
    note = (
        f"How real drawn vectors are: {found.part:,} real ones were grown to {found.grown:,} with noise of strength "
        f"{found.strength:g}, the closest of those tried; {found.held_out} held-out real ones looked for their "
        "neighbours in them and in as many real ones. 10th percentile / median / 90th of the cosines."
    )
    return Section("Vectors", note, ("neighbour", "sample", "drawn", "apart"), rows)
