"""The questions over public documentation, and the pages of a catalogue that they are asked of."""

import json
import random
from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from authority_search.models import clean_text
from bench.answers import Pages, Question, QuestionSet, holds
from bench.errors import InvalidCollection
from bench.rows import Note, unsaid
from domain_lists.source_list import SourceList
from index.catalog import Catalog

QUESTIONS = files("bench") / "questions" / "documentation.jsonl"


def read_questions(path: Traversable = QUESTIONS) -> list[Question]:
    """Questions of a JSON Lines file with the fields that bench/questions/README.md lists. Raises InvalidCollection."""
    questions = []
    for number, line in enumerate(_lines(path), 1):
        try:
            row = json.loads(line)
            question = Question(
                id=str(row["_id"]),
                text=clean_text(row["text"]),
                language=str(row["language"]),
                urls=_texts(row["urls"]),
                answers=_texts(row["answers"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidCollection(f"{path}:{number} is no question ({type(error).__name__}: {error})") from error
        questions.append(question)
    return questions


def documentation_sets(
    catalog_file: Path, sources: SourceList, pages: int, seed: int, note: Note = unsaid
) -> Iterator[QuestionSet]:
    """A set for each language of our questions, over the same sample of pages. Raises InvalidCollection."""
    every = read_questions()
    with Catalog(catalog_file) as catalog:
        drawn = sample_pages(catalog, every, pages, seed)
    for language in sorted({question.language for question in every}):
        those = [question for question in every if question.language == language]
        asked = askable(those, drawn)
        if len(asked) < len(those):
            note(f"{language}: {len(those) - len(asked)} of {len(those)} questions have no answer in these pages")
        yield QuestionSet(f"docs-{language}", "docs", drawn, sources, asked)


def sample_pages(catalog: Catalog, questions: Sequence[Question], pages: int, seed: int) -> Pages:
    """The pages that answer, filled up to `pages` with others drawn at random, ordered by URL.

    All pages if the catalogue has no more. Raises InvalidCollection when it has none of the pages that answer.
    """
    answering = {url for question in questions for url in question.urls}
    stored = [state.url for state in catalog.split_states()]
    kept = {url for url in stored if url in answering}
    if not kept:
        raise InvalidCollection(
            "the catalogue holds none of the pages that the questions are asked of (docs.python.org, "
            "www.postgresql.org, www.kernel.org, httpd.apache.org, www.debian.org); ingest an archive of them first"
        )
    others = sorted(set(stored) - kept)
    drawn = random.Random(seed).sample(others, min(len(others), max(0, pages - len(kept))))  # noqa: S311 - no secret
    chosen = kept.union(drawn)
    return [(page, passages) for page, passages in catalog.pages_with_passages() if page.url in chosen]


def askable(questions: Sequence[Question], pages: Pages) -> list[Question]:
    """The questions of which an answer stands in one of their pages, as far as they are here.

    Another edition of the documentation may say it in other words, or no longer.
    """
    texts = {page.url: page.text() for page, _ in pages}
    return [
        question
        for question in questions
        if any(holds(texts[url], answer) for url in question.urls if url in texts for answer in question.answers)
    ]


def _lines(path: Traversable) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidCollection(f"{path} cannot be read ({error}); it holds one question a line, as JSON") from error


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one.strip() for one in value):
        raise ValueError(f"expected a list of texts, found {value!r}")
    return tuple(value)
