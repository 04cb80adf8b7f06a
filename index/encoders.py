"""Encoders: text in, unit vectors out. Queries and passages are two methods, since models treat them apart."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from index.errors import EncoderMismatch, EncoderUnavailable
from index.settings import EncoderSettings
from index.torch_runtime import quieten, torch_device, torch_dtype, wants_gpu
from index.weights import KNOWN_MODELS, KnownModel, find_weights, weights_digest

Vectors = NDArray[np.float32]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EncoderDescription:
    """What makes vectors comparable; kept in the manifest of every snapshot. `digest` is of the weights."""

    model: str
    dimensions: int
    max_tokens: int
    query_prefix: str
    passage_prefix: str
    digest: str

    def require(self, other: "EncoderDescription") -> None:
        """Raise EncoderMismatch unless vectors of `self` and `other` may be compared."""
        mine, theirs = ((one.digest, one.dimensions, one.query_prefix, one.passage_prefix) for one in (self, other))
        if mine != theirs:
            raise EncoderMismatch(
                f"the snapshot was embedded with {self.model} (weights {self.digest[:12]}), but the encoder is "
                f"{other.model} (weights {other.digest[:12]}); set encoder.model to the snapshot's, or publish again"
            )


class Encoder(Protocol):
    """A text encoder. Both methods return float32 of shape [n, dimensions] with rows of length 1."""

    @property
    def description(self) -> EncoderDescription: ...

    def encode_queries(self, texts: Sequence[str]) -> Vectors: ...

    def encode_passages(self, texts: Sequence[str]) -> Vectors: ...


class SentenceTransformerEncoder:
    """Any sentence-transformers folder under torch, in bf16 where the processor computes in it."""

    def __init__(self, folder: Path, settings: EncoderSettings) -> None:
        # Imported here: torch takes seconds, and most commands do without it.
        from sentence_transformers import SentenceTransformer

        quieten()
        device = torch_device(settings)
        self._model = SentenceTransformer(
            str(folder),
            device=device,
            local_files_only=True,
            model_kwargs={"torch_dtype": torch_dtype(settings, device)},
        )
        self._batch_size = settings.batch_size
        known = KNOWN_MODELS.get(settings.model) or _prompts_of(self._model)
        self.description = EncoderDescription(
            model=settings.model,
            dimensions=int(self._model.get_embedding_dimension() or 0),
            max_tokens=int(self._model.max_seq_length or 0),
            query_prefix=known.query_prefix,
            passage_prefix=known.passage_prefix,
            digest=weights_digest(folder),
        )

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode(self.description.query_prefix, texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return self._encode(self.description.passage_prefix, texts)

    def _encode(self, prefix: str, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.description.dimensions), np.float32)
        vectors = self._model.encode(
            [prefix + text for text in texts], batch_size=self._batch_size, show_progress_bar=False
        )
        return unit_rows(np.asarray(vectors, np.float32))


def load_encoder(settings: EncoderSettings) -> Encoder:
    """Find the weights and load them, under the runtime that the settings name or that suits the machine.

    Raises EncoderUnavailable.
    """
    folder = find_weights(settings)
    if settings.runtime == "openvino":
        return _under_openvino(folder, settings)
    if settings.runtime == "torch" or wants_gpu(settings):
        return _under_torch(folder, settings)
    try:
        return _under_openvino(folder, settings)
    except EncoderUnavailable as reason:
        if find_spec("sentence_transformers") is None:
            raise EncoderUnavailable(f"{reason}; or install sentence-transformers, which takes any model") from reason
        _log.info("encoding under torch: %s", reason)
        return _under_torch(folder, settings)


def _under_openvino(folder: Path, settings: EncoderSettings) -> Encoder:
    try:
        # Imported here: most commands need no encoder.
        from index.openvino_encoder import OpenVinoEncoder
    except ImportError as error:
        raise EncoderUnavailable(f"openvino cannot be imported ({error}); pip install openvino") from error
    return OpenVinoEncoder(folder, settings)


def _under_torch(folder: Path, settings: EncoderSettings) -> Encoder:
    try:
        return SentenceTransformerEncoder(folder, settings)
    except ImportError as error:
        raise EncoderUnavailable(
            f"sentence-transformers cannot be imported ({error}); pip install sentence-transformers"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise EncoderUnavailable(
            f"{folder} is not a whole sentence-transformers folder ({error}); delete it and let it be fetched again"
        ) from error


def unit_rows(vectors: Vectors) -> Vectors:
    """Rows scaled to length 1 in float32: a bf16 model's own normalisation is off by up to .003. Zero rows stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def _prompts_of(model: Any) -> KnownModel:
    prompts = model.prompts or {}
    return KnownModel(prompts.get("query", ""), prompts.get("passage", prompts.get("document", "")))
