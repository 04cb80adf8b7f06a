"""Judged collections of paragraphs joined back into articles, so that splitters have something to split.

Paragraphs of one title make an article; where a collection has no titles, each `group` consecutive documents do.
A question is answered by spans of the article, by two rules:

- "paragraph": the whole judged paragraph;
- "sentence": the one sentence of it that shares most with the question, by summed inverse document frequency of the
  shared index terms (Spärck Jones 1972). A stand-in for the answer, which these collections do not hold.

The first is hard on whatever cuts paragraphs, the second is not: passages have to do well by both.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from math import log
from pathlib import Path
from typing import NamedTuple

from bench.answers import Question, QuestionSet, Span
from bench.beir import read_collection
from bench.corpus import collection_sources, document_url
from bench.records import Collection
from bench.rows import Note, unsaid
from crawler.passages import split
from crawler.settings import PassageSettings
from domain_lists.urls import host_of
from index.analysis import index_terms
from index.records import Block, Dated, Page
from index.sentences import sentence_ends

NOTHING_REPEATED: frozenset[int] = frozenset()


class Articles(NamedTuple):
    """Pages ordered by URL, and the questions asked of them."""

    pages: list[Page]
    questions: list[Question]


def article_set(
    folder: Path, judgments: str, settings: PassageSettings, most: int, group: int, seed: int, note: Note = unsaid
) -> QuestionSet:
    """A collection in BEIR layout as articles, cut into passages, with at most `most` of its questions.

    Raises InvalidCollection.
    """
    collection = read_collection(folder, judgments, note)
    made = articles(collection, group)
    cut = [(page, list(split(page, NOTHING_REPEATED, settings))) for page in made.pages]
    asked = made.questions
    if len(asked) > most:
        asked = random.Random(seed).sample(asked, most)  # noqa: S311 - no secret
    return QuestionSet(collection.name, collection.name, cut, collection_sources(), asked, collection.split)


def articles(collection: Collection, group: int = 5) -> Articles:
    """The articles of a collection and its judged queries. Documents without text are left out."""
    pages: dict[str, Page] = {}
    places: dict[str, Span] = {}
    for title, keys in _grouped(collection.documents, group):
        page = _page(title, keys, collection)
        pages[page.url] = page
        places |= {key: Span(page.url, *span) for key, span in zip(keys, page.spans(), strict=True)}
    texts = {key: collection.documents[key][1] for key in places}
    sentence = _sentence_finder(texts)
    questions = []
    for query, text in collection.queries.items():
        judged = [key for key, relevance in collection.qrels[query].items() if relevance > 0 and key in places]
        if judged:
            paragraphs = tuple(places[key] for key in judged)
            sentences = tuple(_within(places[key], sentence(text, texts[key])) for key in judged)
            questions.append(Question(query, text, evidence={"paragraph": paragraphs, "sentence": sentences}))
    return Articles(sorted(pages.values(), key=lambda page: page.url), questions)


def _grouped(documents: Mapping[str, tuple[str, str]], group: int) -> list[tuple[str, list[str]]]:
    """Title and ids of each article, in order of first appearance."""
    by_title: dict[str, list[str]] = {}
    untitled: list[str] = []
    for key, (title, text) in documents.items():
        if text.strip():
            (by_title.setdefault(title, []) if title else untitled).append(key)
    return [*by_title.items(), *(("", untitled[at : at + group]) for at in range(0, len(untitled), group))]


def _page(title: str, keys: list[str], collection: Collection) -> Page:
    blocks = tuple(Block("paragraph", collection.documents[key][1]) for key in keys)
    url = document_url(keys[0])
    return Page(url, host_of(url), title, "", blocks, Dated("1970-01-01", "collection"))


def _sentence_finder(texts: Mapping[str, str]) -> Callable[[str, str], tuple[int, int]]:
    """A function of question and paragraph that gives the start and end of the sentence; the first of equals."""

    def terms(text: str) -> frozenset[str]:
        return frozenset(index_terms(text))

    frequency = Counter(term for text in texts.values() for term in terms(text))

    def weight(shared: Iterable[str]) -> float:
        return sum(log(1 + len(texts) / (1 + frequency[term])) for term in sorted(shared))

    def find(question: str, paragraph: str) -> tuple[int, int]:
        asked = terms(question)
        cuts = [0, *sentence_ends(paragraph), len(paragraph)]
        spans = [span for span in pairwise(cuts) if paragraph[slice(*span)].strip()]
        return max(spans, key=lambda span: weight(asked & terms(paragraph[slice(*span)])))

    return find


def _within(paragraph: Span, sentence: tuple[int, int]) -> Span:
    start, end = sentence
    return Span(paragraph.url, paragraph.start + start, paragraph.start + end)
