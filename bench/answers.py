"""Questions and what answers them: a string that must stand in the reply, or spans of a page that it must show."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import NamedTuple

from authority_search.models import Hit
from domain_lists.source_list import SourceList
from index.records import Page, Passage

Pages = Sequence[tuple[Page, list[Passage]]]

SHOWN_SHARE = 0.6
"""A span counts as shown when the hits of a reply together hold at least this share of its characters."""

_SPACE = re.compile(r"\s+")


class Span(NamedTuple):
    """Characters [start, end) of the text of the page at `url`."""

    url: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and by rule what answers it.

    `answers` are strings of which one is enough. `evidence` has for each further rule the spans that a reply should
    show, such as the judged paragraph. `urls` are the pages that answer, where they are known.
    """

    id: str
    text: str
    language: str = ""
    urls: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    evidence: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions asked of pages, each page with the product's own passages.

    `home` names the folder of its indexes: sets over the same pages share one.
    """

    name: str
    home: str
    pages: Pages
    sources: SourceList
    questions: Sequence[Question]
    split: str = ""

    def digest(self) -> str:
        """SHA-256 (hex) of the texts of the pages and of the questions with their answers."""
        content = [(page.url, page.content_hash()) for page, _ in self.pages]
        return hashlib.sha256(repr([content, list(self.questions)]).encode()).hexdigest()


def recalls(question: Question, hits: Sequence[Hit]) -> dict[str, float]:
    """Recall by rule: 1 or 0 for an answer string, for evidence the share of its spans that are shown."""
    found = {
        rule: fmean(shown_share(span, hits) >= SHOWN_SHARE for span in spans)
        for rule, spans in question.evidence.items()
    }
    if question.answers:
        found["answer"] = float(any(holds(hit.text, answer) for hit in hits for answer in question.answers))
    return found


def holds(text: str, answer: str) -> bool:
    """Whether `answer` stands in `text`, whatever the case and the white space."""
    return _plain(answer) in _plain(text)


def shown_share(span: Span, hits: Sequence[Hit]) -> float:
    """The share of the span's characters that stand in at least one hit, as cut in the reply."""
    shown = [False] * (span.end - span.start)
    for hit in hits:
        if hit.url == span.url:
            start, end = max(hit.start, span.start), min(hit.start + len(hit.text), span.end)
            shown[start - span.start : max(end, start) - span.start] = [True] * (end - start)
    return fmean(shown)


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text).strip().casefold()
