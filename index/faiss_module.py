"""FAISS, imported in one place: two extras bring it, and one of its defaults is a trap."""

from typing import Any, TypeAlias

from index.errors import EncoderUnavailable

try:
    import faiss as imported
except ImportError as error:
    raise EncoderUnavailable(
        "FAISS is not installed. Choose one extra: `cpu` (pip install faiss-cpu) or `gpu` (pip install faiss-gpu); "
        "never both, they own the same module"
    ) from error

# Its Python layer takes arrays and keywords, and gives subclasses, that its type stubs do not know.
faiss: Any = imported
FaissIndex: TypeAlias = Any


def scan_pairwise() -> None:
    """Have FAISS compare query by query. With many queries it would multiply matrices (BLAS), which gives each pair
    another last digit with each batch. The switch is global, hence set before each search.
    """
    faiss.cvar.distance_compute_blas_threshold = 2**31 - 1


def multiply_matrices() -> None:
    """Have FAISS multiply matrices wherever there is more than one query: for building, where many are compared."""
    faiss.cvar.distance_compute_blas_threshold = 1
