"""The tensors of safetensors files, mapped into memory: what is not read costs nothing."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

# NumPy has no bfloat16: its bits are kept and read by `as_float32`.
_TYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def map_tensors(paths: Iterable[Path]) -> dict[str, NDArray[Any]]:
    """The floating-point tensors of these files by name, as `as_float32` reads them; others are passed over.

    Raises OSError, or SafetensorError for a file that is damaged or cut off.
    """
    tensors: dict[str, NDArray[Any]] = {}
    for path in paths:
        with safe_open(path, framework="numpy"):
            pass  # It checks header and length, but gives copies.
        data = np.memmap(path, np.uint8, mode="r").view(np.ndarray)
        start = 8 + int.from_bytes(data[:8].tobytes(), "little")
        header = json.loads(data[8:start].tobytes())
        header.pop("__metadata__", None)
        for name, entry in header.items():
            if entry["dtype"] in _TYPES:
                begin, end = (start + offset for offset in entry["data_offsets"])
                tensors[name] = data[begin:end].view(_TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def as_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """A copy of (part of) such a tensor in float32."""
    if values.dtype == np.uint16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32)
