"""An encoder that keeps the vectors of queries, so that a sweep over settings encodes each query once."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from index.encoders import Encoder, EncoderDescription, Vectors
from index.progress import Progress, silent
from index.shards import text_key
from index.vectors import VectorCache, cache_folder, embed_missing


class CachedEncoder:
    """Another encoder with a cache of query vectors under `vectors_dir/queries`. One writer at a time; never timed.

    Vectors always come out of the cache, where they are rounded as those of passages are: the first run and a
    later one give the same figures.
    """

    def __init__(self, encoder: Encoder, vectors_dir: Path) -> None:
        self._encoder = encoder
        # The query prefix stands for the passage prefix, so that another one has another folder.
        as_passages = replace(encoder.description, passage_prefix=encoder.description.query_prefix)
        folder = cache_folder(vectors_dir / "queries", as_passages)
        self._cache = VectorCache(folder, encoder.description.dimensions)

    @property
    def description(self) -> EncoderDescription:
        return self._encoder.description

    def encode_queries(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        keys = [text_key(text) for text in texts]
        there = self._cache.has(keys)
        missing = {key: text for key, text, has in zip(keys, texts, there, strict=True) if not has}
        embed_missing(missing, _QueriesAsPassages(self._encoder), self._cache, progress)
        return self._cache.get(keys)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_passages(texts)


class _QueriesAsPassages:
    """The cache is filled by `embed_missing`, which encodes passages."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    @property
    def description(self) -> EncoderDescription:
        return self._encoder.description

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_queries(texts)
