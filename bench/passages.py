"""Passages against the usual ways to cut a page: answer recall by the tokens of the reply.

Every variant becomes a snapshot by the product's builder and is asked by the product's searcher, which also cuts the
reply to its budget. Authority is off and no page is capped, so that nothing but the cutting and the arm decides.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Literal, NamedTuple

from authority_search.models import QueryResult, SearchRequest
from bench.answers import Question, recalls
from bench.contexts import Context, ContextEncoder, changes_text, text_alone, with_title
from bench.errors import InvalidCollection
from bench.records import Curve
from bench.windows import fixed_windows, tokens, whole_page, words
from domain_lists.source_list import SourceList
from index.build import build_snapshot
from index.encoders import Encoder
from index.lock import write_lock
from index.progress import Progress, silent
from index.records import Page, Passage
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.searcher import Searcher

Pages = Sequence[tuple[Page, list[Passage]]]
Cutter = Callable[[Page, list[Passage]], list[Passage]]
Arm = Literal["lexical", "dense", "hybrid"]

BASELINE = "passages"
BUDGETS = (128, 256, 512, 1024, 2048, 4096)
HEADLINE = (512, 1024, 2048)
_BATCH = 256
_TOP_K = 100
_DENSE_WEIGHTS: dict[Arm, float] = {"lexical": 0.0, "dense": 1.0}


class Variant(NamedTuple):
    """A way to cut pages, and what is encoded of each piece where that is not `index.build.embedded_text`."""

    cut: Cutter
    context: Context | None = None


VARIANTS: dict[str, Variant] = {
    BASELINE: Variant(lambda _, passages: passages),
    "passages, embedded with title": Variant(lambda _, passages: passages, with_title),
    "passages, embedded alone": Variant(lambda _, passages: passages, text_alone),
    "100 words": Variant(lambda page, _: fixed_windows(page, 100, words)),
    "512 tokens": Variant(lambda page, _: fixed_windows(page, 512, tokens)),
    "whole pages": Variant(lambda page, _: whole_page(page)),
}


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions asked of pages, each page with the product's own passages.

    `home` names the folder of its snapshots: sets over the same pages share one.
    """

    name: str
    home: str
    pages: Pages
    sources: SourceList
    questions: Sequence[Question]


@dataclass(frozen=True, slots=True)
class Recall:
    """What replies of one budget recalled. `per_question` is between 0 and 1, by question id."""

    collection: str
    rule: str
    arm: str
    variant: str
    budget: int
    per_question: dict[str, float]

    @property
    def mean(self) -> float:
        """The mean over all questions that the rule judges."""
        return fmean(self.per_question.values())


class Pair(NamedTuple):
    """A variant less the baseline: mean difference, and how many questions it does better and worse."""

    difference: float
    better: int
    worse: int


def measure(
    collection: QuestionSet,
    variants: Sequence[str],
    arms: Sequence[Arm],
    budgets: Sequence[int],
    folder: Path,
    encoder: Encoder,
    ranking: RankingSettings,
    progress: Progress = silent,
) -> list[Recall]:
    """Recall of each variant by each arm at each budget. Snapshots are kept under `folder` for the next run."""
    if not collection.questions:
        raise InvalidCollection(f"{collection.name} has no question that its pages answer")
    found = []
    for name in variants:
        variant = VARIANTS[name]
        pages = [(page, pieces) for page, passages in collection.pages if (pieces := variant.cut(page, passages))]
        if variant.context and not changes_text(variant.context, pages):
            continue
        encoding = ContextEncoder(encoder, variant.context, pages) if variant.context else encoder
        place = folder / name.replace(",", "").replace(" ", "-")
        snapshot = _snapshot(pages, collection.sources, place, encoding, progress)
        for arm in arms:
            if arm == "lexical" and variant.context:
                continue  # what is encoded does not bear on it
            searcher = Searcher(snapshot, encoding, _settings(ranking, arm))
            for number, budget in enumerate(budgets):
                progress(f"{collection.name}, {name}, {arm}", number + 1, len(budgets))
                found += _recalls(collection, name, arm, budget, searcher)
    return found


def _snapshot(pages: Pages, sources: SourceList, folder: Path, encoder: Encoder, progress: Progress) -> Snapshot:
    store = SnapshotStore(DataFolder(folder))
    with write_lock(folder):
        report = build_snapshot(lambda: pages, sources, encoder, store, progress)
        store.publish(report.snapshot)
    return store.open()


def _settings(ranking: RankingSettings, arm: Arm) -> RankingSettings:
    """Settings under which the arm decides alone; for hybrid those that were given."""
    if arm == "hybrid":
        return ranking
    weight = _DENSE_WEIGHTS[arm]
    return ranking.model_copy(update={"dense_weight": weight, "dense_weight_chinese": weight})


def _recalls(collection: QuestionSet, variant: str, arm: Arm, budget: int, searcher: Searcher) -> list[Recall]:
    by_rule: dict[str, dict[str, float]] = {}
    for start in range(0, len(collection.questions), _BATCH):
        batch = collection.questions[start : start + _BATCH]
        for question, result in zip(batch, _ask(searcher, batch, budget), strict=True):
            for rule, recall in recalls(question, result.hits).items():
                by_rule.setdefault(rule, {})[question.id] = recall
    return [Recall(collection.name, rule, arm, variant, budget, each) for rule, each in by_rule.items()]


def _ask(searcher: Searcher, questions: Sequence[Question], budget: int) -> list[QueryResult]:
    request = SearchRequest(
        queries=[question.text for question in questions],
        top_k=_TOP_K,
        authority="off",
        max_tokens=budget,
        max_per_page=None,
        explain=False,
    )
    return searcher.search(request).results


def pair(recall: Recall, found: Sequence[Recall]) -> Pair | None:
    """The recall against that of the baseline, question by question; None where that was not measured."""
    for other in found:
        if other.variant == BASELINE and _place(other) == _place(recall):
            gains = [recall.per_question[key] - value for key, value in other.per_question.items()]
            return Pair(fmean(gains), sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains))
    return None


def _place(recall: Recall) -> tuple[str, str, str, int]:
    return recall.collection, recall.rule, recall.arm, recall.budget


def curves(found: Sequence[Recall]) -> list[Curve]:
    """A plot for each collection, rule and arm: recall over the budget, a line for each variant."""
    plots: dict[tuple[str, str, str], dict[str, list[tuple[float, float]]]] = {}
    for one in found:
        lines = plots.setdefault((one.collection, one.rule, one.arm), {})
        lines.setdefault(one.variant, []).append((one.budget, one.mean))
    counts = {(one.collection, one.rule): len(one.per_question) for one in found}
    return [
        Curve(
            title=f"{collection}: {arm} search, answers by {rule}",
            x_label="tokens of the reply",
            y_label="answer recall",
            lines={variant: tuple(sorted(points)) for variant, points in lines.items()},
            note=f"{counts[collection, rule]} questions",
            log_x=True,
            marks={f"{budget:,}": budget for budget in HEADLINE},
        )
        for (collection, rule, arm), lines in plots.items()
    ]
