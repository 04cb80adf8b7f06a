"""What is encoded of a passage, varied: an encoder with another context, and one without a model."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from index.build import embedded_text
from index.encoders import Encoder, EncoderDescription, Vectors
from index.records import Page, Passage

Context = Callable[[Page, Passage], str]
"""The text that is encoded for a passage."""


def with_title(page: Page, passage: Passage) -> str:
    """Title and passage."""
    return f"{page.title}\n{passage.text}".strip()


def text_alone(page: Page, passage: Passage) -> str:  # noqa: ARG001 - a Context
    """The passage and nothing else."""
    return passage.text


def changes_text(context: Context, pages: Iterable[tuple[Page, list[Passage]]]) -> bool:
    """Whether any passage gets another text than `index.build` gives it; without titles and headings none does."""
    return any(
        context(page, passage) != embedded_text(page, passage) for page, passages in pages for passage in passages
    )


class ContextEncoder:
    """Encodes passages under another context than `index.build` gives them, and so leaves the lexical arm as it is.

    It knows the passages that it was made for and no others. Its vectors are kept apart from the encoder's own.
    """

    def __init__(self, encoder: Encoder, context: Context, pages: Iterable[tuple[Page, list[Passage]]]) -> None:
        self._encoder = encoder
        self._texts: Mapping[str, str] = {
            embedded_text(page, passage): context(page, passage) for page, passages in pages for passage in passages
        }
        inner = encoder.description
        self.description = replace(inner, digest=f"{inner.digest} {context.__name__}")

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_passages([self._texts[text] for text in texts])


class NoEncoder:
    """The same vector for every text: for the lexical arm alone, which then needs no model."""

    description = EncoderDescription("none", 1, 1, "", "", "none")

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return np.ones((len(texts), 1), np.float32)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return np.ones((len(texts), 1), np.float32)
