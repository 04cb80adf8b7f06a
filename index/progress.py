"""How long work tells how far it is: one callback, so that no package below the CLI knows about terminals."""

from typing import Protocol


class Progress(Protocol):
    """Called as `progress(stage, done, total)`; `total` is None where it cannot be known beforehand."""

    def __call__(self, stage: str, done: int, total: int | None) -> None: ...


def silent(stage: str, done: int, total: int | None) -> None:
    """The progress callback that shows nothing."""
