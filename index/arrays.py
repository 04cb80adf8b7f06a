"""Arrays as files: written a part at a time, read by mapping them into memory. The format is NumPy's .npy."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray

# More than any header has.
_HEAD = 4096


class ArrayWriter:
    """Writes an array of one dimension, of which memory holds no more than the part that is appended."""

    def __init__(self, path: Path, dtype: DTypeLike) -> None:
        self._path = path
        self._dtype = np.dtype(dtype)
        self._length = 0
        path.touch(exist_ok=False)
        self.append(np.empty(0, self._dtype))

    def append(self, values: NDArray[Any]) -> None:
        """Add values of shape [n] at the end; the file is whole after each call."""
        self._length += len(values)
        described = {"descr": npy.dtype_to_descr(self._dtype), "fortran_order": False, "shape": (self._length,)}
        with self._path.open("r+b") as file:
            # NumPy pads it so that any length fits into the same number of bytes.
            npy.write_array_header_1_0(file, described)
            file.seek(0, os.SEEK_END)
            file.write(values.astype(self._dtype, copy=False).tobytes())


def mapped_array(path: Path) -> NDArray[Any]:
    """The array of one dimension in a file, read-only; its pages are read when they are asked for.

    It outlives the file's removal. Raises ValueError and OSError for what is no such file, or not all of it.
    """
    # Not by NumPy, whose mapping keeps the file open: a cache of a million vectors has a thousand files.
    with pa.memory_map(str(path)) as file:
        head = io.BytesIO(file.read_at(min(_HEAD, file.size()), 0))
        content = file.read_buffer()
    npy.read_magic(head)
    shape, _, dtype = npy.read_array_header_1_0(head)
    return np.frombuffer(content, dtype, shape[0], head.tell())
