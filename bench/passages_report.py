"""What the bench of passages found, as a report: results, comparisons with our passages, and curves over the budget."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import fmean

from bench.answers import QuestionSet
from bench.machine import machine
from bench.passages import BASELINE
from bench.records import Curve, Report, Result
from bench.significance import compare

HEADLINE = ("AR@512", "AR@1024", "AR@2048")
_NOTED = "AR@1024"


def passages_report(results: Sequence[Result], asked: Iterable[QuestionSet], settings: Mapping[str, str]) -> Report:
    """A report in which the ways to cut are the systems, compared with our passages where these were measured."""
    texts = {one.name: {question.id: question.text for question in one.questions} for one in asked}
    return Report(
        title="Passages against windows and whole pages",
        created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        machine=machine(),
        settings={**settings, "baseline": BASELINE},
        results=tuple(results),
        comparisons=compare(results, BASELINE, HEADLINE),
        curves=(*mean_curves(results), *curves(results)),
        queries={one.collection: texts[asked_of(one.collection)] for one in results},
    )


def asked_of(collection: str) -> str:
    """The question set in a set's name, which is made by `passages.set_name`."""
    return collection.partition(": ")[2].partition(" ")[0]


def curves(results: Sequence[Result]) -> list[Curve]:
    """A plot for each set: recall over the budget, a line for each way to cut."""
    sets: dict[str, list[Result]] = {}
    for one in results:
        sets.setdefault(one.collection, []).append(one)
    return [
        _curve(collection, {one.system: one.means for one in found}, f"{found[0].queries:,} questions.")
        for collection, found in sets.items()
    ]


def mean_curves(results: Sequence[Result]) -> list[Curve]:
    """A plot for each arm: the mean over its sets, where there are several, of what was measured on all of them."""
    made = []
    for arm in dict.fromkeys(one.collection.partition(":")[0] for one in results):
        found = [one for one in results if one.collection.startswith(f"{arm}:")]
        sets = {one.collection for one in found}
        lines = {}
        for system in dict.fromkeys(one.system for one in found):
            own = [one.means for one in found if one.system == system]
            if len(own) == len(sets) > 1:
                lines[system] = {name: fmean(values[name] for values in own) for name in own[0]}
        if lines:
            made.append(_curve(f"{arm}: mean of {len(sets)} sets", lines, "Each set counts alike."))
    return made


def _curve(title: str, lines: Mapping[str, Mapping[str, float]], note: str) -> Curve:
    said = ", ".join(f"{system} {values[_NOTED]:.3f}" for system, values in lines.items() if _NOTED in values)
    return Curve(
        title=title,
        x_label="tokens of the reply",
        y_label="answer recall",
        lines={
            system: tuple(sorted((float(name.removeprefix("AR@")), value) for name, value in values.items()))
            for system, values in lines.items()
        },
        note=f"{note} At 1,024 tokens: {said}." if said else note,
        log_x=True,
    )
