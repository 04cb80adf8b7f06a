"""Rerankers: a query and a passage read together, one score for the pair.

A cross-encoder sees both texts at once and so judges closer than two vectors can, at the price of a forward pass
for each pair (Nogueira and Cho, "Passage re-ranking with BERT", 2019): it reads only the best candidates.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from index.errors import RerankerUnavailable
from index.settings import EncoderSettings, RerankerSettings
from index.torch_runtime import quieten, torch_device, torch_dtype
from index.weights import find_cross_encoder


class Reranker(Protocol):
    """Scores pairs. `model` is its name; `depth` is how many candidates of a query it should be given."""

    @property
    def model(self) -> str: ...

    @property
    def depth(self) -> int: ...

    def scores(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """The relevance of each (query, passage), shape [n]; higher is better, on a scale of the model's own."""
        ...


class CrossEncoderReranker:
    """Any sentence-transformers CrossEncoder with one score, under torch. Scores are its logits."""

    def __init__(self, folder: Path, settings: RerankerSettings, encoder: EncoderSettings) -> None:
        # Imported here: torch takes seconds, and by default there is no reranker.
        from sentence_transformers import CrossEncoder
        from torch.nn import Identity

        quieten()
        device = torch_device(encoder)
        self._model = CrossEncoder(
            str(folder),
            device=device,
            local_files_only=True,
            model_kwargs={"torch_dtype": torch_dtype(encoder, device)},
        )
        if self._model.num_labels != 1:
            raise ValueError(f"it gives {self._model.num_labels} scores for a pair, and a reranker gives one")
        # Not by `max_length`, which would also lift the model's own limit.
        self._model.max_seq_length = min(settings.max_tokens, self._model.max_seq_length or settings.max_tokens)
        # Without the sigmoid that many models put last: it keeps the order but makes the best scores all but equal.
        self._activation = Identity()
        self._batch_size = settings.batch_size
        self.model = settings.model
        self.depth = settings.depth

    def scores(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        if not pairs:
            return np.zeros(0, np.float32)
        raw = self._model.predict(
            list(pairs), batch_size=self._batch_size, activation_fn=self._activation, show_progress_bar=False
        )
        return np.asarray(raw, np.float32)


def load_reranker(settings: RerankerSettings, encoder: EncoderSettings) -> Reranker | None:
    """Find the cross-encoder and load it; None where the settings name none.

    Raises RerankerUnavailable, and EncoderUnavailable where `encoder.device` names a GPU that is not there.
    """
    if not settings.model:
        return None
    folder = find_cross_encoder(settings.model, encoder)
    try:
        return CrossEncoderReranker(folder, settings, encoder)
    except ImportError as error:
        raise RerankerUnavailable(
            f"sentence-transformers cannot be imported ({error}); pip install sentence-transformers"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise RerankerUnavailable(
            f"{folder} cannot be used as a reranker ({error}); set reranker.model to a whole cross-encoder "
            "folder, or leave it empty"
        ) from error
