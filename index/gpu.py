"""Vectors on a GPU, or any device of torch: a matrix product proposes rows by reading every vector, filters included.

Not FAISS's GPU indexes: those pass over a filter in silence, and hold no more than a product of matrices does.
"""

import logging

import numpy as np
from numpy.typing import NDArray

from index.encoders import Vectors
from index.faiss_module import FaissIndex
from index.torch_runtime import has_gpu

_log = logging.getLogger(__name__)

_MOVED_AT_ONCE = 65_536
# Scores of a product held at once: half a gigabyte of fp16, beside what picking the best of them takes.
_SCORES_AT_ONCE = 2**28
_WORKSPACE_BYTES = 6 * _SCORES_AT_ONCE
# fp16 scores order neighbours wrongly: so many rows are proposed for each one wanted, and true scores pick.
_PROPOSED = 2


class DeviceVectors:
    """The vectors of a flat index in the memory of a device."""

    def __init__(self, flat: FaissIndex, device: str) -> None:
        import torch

        # Processors multiply fp16 slowly; there it is a test alone that comes here.
        self._dtype = torch.float16 if device == "cuda" else torch.float32
        self._device = device
        self._matrix = torch.empty((flat.ntotal, flat.d), dtype=self._dtype, device=device)
        for start in range(0, flat.ntotal, _MOVED_AT_ONCE):
            rows = flat.reconstruct_n(start, min(_MOVED_AT_ONCE, flat.ntotal - start))
            self._matrix[start : start + len(rows)] = torch.from_numpy(rows).to(device, self._dtype)

    def propose(self, queries: Vectors, wanted: int, mask: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Rows of shape [n, up to 2 · wanted], among them the best `wanted` of those in the mask; -1 where there are
        no more.
        """
        import torch

        asked = torch.from_numpy(queries).to(self._device, self._dtype)
        dropped = None if mask is None else torch.from_numpy(~mask).to(self._device)
        scores = torch.empty((len(queries), 0), dtype=self._dtype, device=self._device)
        rows = torch.empty((len(queries), 0), dtype=torch.int64, device=self._device)
        step = max(1, _SCORES_AT_ONCE // len(queries))
        for start in range(0, len(self._matrix), step):
            part = asked @ self._matrix[start : start + step].T
            if dropped is not None:
                part.masked_fill_(dropped[start : start + step], -torch.inf)
            best = part.topk(min(_PROPOSED * wanted, part.shape[1]))
            scores, rows = torch.cat([scores, best.values], 1), torch.cat([rows, best.indices + start], 1)
            kept = scores.topk(min(_PROPOSED * wanted, scores.shape[1]))
            scores, rows = kept.values, rows.gather(1, kept.indices)
        found: NDArray[np.int64] = rows.masked_fill(scores == -torch.inf, -1).cpu().numpy()
        return found


def on_device(flat: FaissIndex, wanted: str) -> DeviceVectors | None:
    """The vectors on the GPU, or None: where `wanted` is `cpu`, there is no GPU, or, as the log says, no room on it."""
    if wanted == "cpu" or not has_gpu():
        if wanted == "cuda":
            _log.warning("dense.device is cuda, but torch finds no GPU; vectors are searched on the CPU")
        return None
    import torch

    needed, free = 2 * flat.ntotal * flat.d + _WORKSPACE_BYTES, torch.cuda.mem_get_info()[0]
    if needed > free:
        _log.warning(
            "the vectors want %.1f GB of the GPU and %.1f GB are free; they are searched on the CPU",
            needed / 1e9,
            free / 1e9,
        )
        return None
    return DeviceVectors(flat, "cuda")
