"""Passages against the usual ways to cut a page: answer recall by the tokens of the reply.

Every variant becomes an index by the product's builder and is asked by the product's searcher, which also cuts the
reply to its budget. Authority is off and no page is capped, so that nothing but the cutting and the arm decides.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from authority_search.models import QueryResult, SearchRequest
from bench.answers import QuestionSet, recalls
from bench.cached_encoder import CachedEncoder
from bench.contexts import Context, ContextEncoder, changes_text, text_alone, with_title
from bench.corpus import open_pages
from bench.errors import InvalidCollection, SystemFailed
from bench.measures import means
from bench.rankers import BATCH
from bench.records import Result
from bench.windows import fixed_windows, tokens, whole_page, words
from index.encoders import Encoder
from index.lock import write_lock
from index.progress import Progress, silent
from index.records import Page, Passage
from index.snapshot import Snapshot
from ranking.settings import RankingSettings
from service.searcher import Searcher

Cutter = Callable[[Page, list[Passage]], list[Passage]]
PassageArm = Literal["lexical", "dense", "hybrid"]
Recalls = Mapping[str, dict[str, dict[str, float]]]
"""By rule, question and measure."""

BASELINE = "passages"
BUDGETS = (128, 256, 512, 1024, 2048, 4096)
_TOP_K = 100
_DENSE_WEIGHTS: dict[PassageArm, float] = {"lexical": 0.0, "dense": 1.0}


class Variant(NamedTuple):
    """A way to cut pages, and what is encoded of each piece where that is not `index.build.embedded_text`."""

    cut: Cutter
    context: Context | None = None


def _as_they_are(page: Page, passages: list[Passage]) -> list[Passage]:  # noqa: ARG001 - a Cutter
    return passages


CUTS: dict[str, Variant] = {
    BASELINE: Variant(_as_they_are),
    "100 words": Variant(lambda page, _: fixed_windows(page, 100, words)),
    "512 tokens": Variant(lambda page, _: fixed_windows(page, 512, tokens)),
    "whole pages": Variant(lambda page, _: whole_page(page)),
}
CONTEXTS: dict[str, Variant] = {
    "passages, with title": Variant(_as_they_are, with_title),
    "passages, text alone": Variant(_as_they_are, text_alone),
}
VARIANTS = CUTS | CONTEXTS


@dataclass(frozen=True, slots=True)
class PassageBench:
    """How variants are measured. `work_dir` keeps indexes and vectors; a text is encoded once, in whichever set."""

    work_dir: Path
    encoder: Encoder
    ranking: RankingSettings
    budgets: Sequence[int] = BUDGETS

    def run(
        self, asked: QuestionSet, variants: Sequence[str], arms: Sequence[PassageArm], progress: Progress = silent
    ) -> list[Result]:
        """A result for each variant, arm and rule, whose measures are `AR@<budget>`: the variant is the system.

        A context that changes no text is left out, and so is every context by the lexical arm, which it does not
        bear on. Raises InvalidCollection, SystemFailed, and DataFolderLocked while another run works in `work_dir`.
        """
        if not asked.questions:
            raise InvalidCollection(f"{asked.name} has no question that its pages answer")
        found: list[Result] = []
        with write_lock(self.work_dir):
            encoder = CachedEncoder(self.encoder, self.work_dir / "vectors")
            for name in variants:
                variant = VARIANTS[name]
                pages = [(page, pieces) for page, passages in asked.pages if (pieces := variant.cut(page, passages))]
                if variant.context and not changes_text(variant.context, pages):
                    continue
                encoding = ContextEncoder(encoder, variant.context, pages) if variant.context else encoder
                place = f"passages-{asked.home}-{name}".replace(",", "").replace(" ", "-")
                snapshot = open_pages(place, pages, asked.sources, self.work_dir, encoding, progress)
                own = [arm for arm in arms if arm != "lexical" or not variant.context]
                found += self._results(asked, name, own, snapshot, encoding, progress)
        return found

    def _results(
        self,
        asked: QuestionSet,
        variant: str,
        arms: Sequence[PassageArm],
        snapshot: Snapshot,
        encoder: Encoder,
        progress: Progress,
    ) -> list[Result]:
        digest = asked.digest()
        found = []
        for number, arm in enumerate(arms, 1):
            searcher = Searcher(snapshot, encoder, arm_settings(self.ranking, arm))
            progress(f"{asked.name}, {variant}", number, len(arms))
            found += [
                Result(
                    set_name(asked.name, rule, arm), asked.split, digest, variant, len(per_query), means(per_query),
                    per_query,
                )
                for rule, per_query in self._recalls(asked, searcher).items()
            ]  # fmt: skip
        return found

    def _recalls(self, asked: QuestionSet, searcher: Searcher) -> Recalls:
        found: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
        for start in range(0, len(asked.questions), BATCH):
            batch = asked.questions[start : start + BATCH]
            for budget in self.budgets:
                replies = _ask(searcher, [question.text for question in batch], budget)
                for question, reply in zip(batch, replies, strict=True):
                    for rule, recall in recalls(question, reply.hits).items():
                        found[rule][question.id][f"AR@{budget}"] = recall
        return found


def set_name(asked: str, rule: str, arm: PassageArm) -> str:
    """What a set is called in a report: arm and rule are part of what was asked, the variant is what answers."""
    return f"{arm}: {asked}" if rule == "answer" else f"{arm}: {asked} {rule}"


def arm_settings(ranking: RankingSettings, arm: PassageArm) -> RankingSettings:
    """Settings under which the arm decides alone; for hybrid those that were given."""
    if arm == "hybrid":
        return ranking
    weights = dict.fromkeys(("dense_weight", "dense_weight_chinese"), _DENSE_WEIGHTS[arm])
    return RankingSettings.model_validate(ranking.model_dump() | weights)


def _ask(searcher: Searcher, questions: list[str], budget: int) -> list[QueryResult]:
    request = SearchRequest(
        queries=questions, top_k=_TOP_K, authority="off", max_tokens=budget, max_per_page=None, explain=False
    )
    reply = searcher.search(request)
    if reply.degraded:
        raise SystemFailed(f"half a search cannot be judged: the {reply.degraded[0].arm} arm failed")
    return reply.results
