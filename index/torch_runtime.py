"""What every model under torch needs to know of the machine: its device, its precision, and to be quiet."""

import ctypes
import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING

from index.errors import EncoderUnavailable
from index.settings import EncoderSettings

if TYPE_CHECKING:
    import torch


def torch_device(settings: EncoderSettings) -> str:
    """The device to load a model on. Raises EncoderUnavailable for a GPU that is not there."""
    import torch

    if settings.device == "cuda" and not torch.cuda.is_available():
        raise EncoderUnavailable("encoder.device is cuda, but torch finds no GPU; set it to auto or cpu")
    return "cuda" if settings.device != "cpu" and torch.cuda.is_available() else "cpu"


def wants_gpu(settings: EncoderSettings) -> bool:
    """Whether a model belongs on a GPU."""
    return has_gpu() if settings.device == "auto" else settings.device == "cuda"


def has_gpu() -> bool:
    """Whether torch finds a GPU. Without a driver this is known without importing torch, which takes seconds."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    if find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def torch_dtype(settings: EncoderSettings, device: str) -> "torch.dtype":
    """bf16 where it is asked for, or where `auto` meets a processor that computes in it; fp32 elsewhere."""
    import torch

    return torch.bfloat16 if _computes_in_bf16(settings.precision, device) else torch.float32


def quieten() -> None:
    """Turn off the load reports and bars of transformers, which would stand between our own lines."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("sentence_transformers").setLevel(logging.WARNING)


def _computes_in_bf16(precision: str, device: str) -> bool:
    import torch

    if precision != "auto":
        return precision == "bf16"
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
