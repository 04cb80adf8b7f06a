"""The gzip members of a file, one by one, with their offsets; RFC 1952 calls each compressed part a member."""

import mmap
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from crawler.errors import ArchiveError

MAGIC = b"\x1f\x8b\x08"
STEP = 1 << 16


class Member(NamedTuple):
    """One member: where it starts and ends in the file, and its data.

    `complete` is False where the data is longer than the limit; `data` is then its beginning.
    """

    offset: int
    end: int
    data: bytes
    complete: bool


class _Unreadable(Exception):
    """The member is damaged."""


def members(path: Path, start: int, max_bytes: int, skipped: Callable[[Path, int, str], None]) -> Iterator[Member]:
    """The members of `path` from the byte offset `start` on, each unfolded up to `max_bytes`.

    A member that is cut off by the end of the file ends the iteration; a damaged one is passed to `skipped`
    and the next member that is whole is looked for. Raises ArchiveError where the file cannot be read or does
    not begin as gzip does.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if start > size:
                raise ArchiveError(f"{path} has {size} bytes: it cannot be read from byte {start}")
            if start < size:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    yield from _members(path, data, start, max_bytes, skipped)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error}") from error


def _members(
    path: Path, data: mmap.mmap, start: int, max_bytes: int, skipped: Callable[[Path, int, str], None]
) -> Iterator[Member]:
    if data[start : start + len(MAGIC)] != MAGIC[: len(data) - start]:
        raise ArchiveError(f"{path} is not a gzip file at byte {start}: a .warc.gz file is needed")
    offset, damaged = start, False
    while 0 <= offset < len(data):
        try:
            member = _member(data, offset, max_bytes)
        except _Unreadable as error:
            # After a power cut a file may end in zeros that were never written over: no record is lost there.
            if not damaged and data[offset : offset + STEP].strip(b"\0"):
                skipped(path, offset, str(error))
            offset, damaged = data.find(MAGIC, offset + 1), True
            continue
        if member is None:
            return
        yield member
        offset, damaged = member.end, False


def _member(data: mmap.mmap, offset: int, max_bytes: int) -> Member | None:
    """The member at `offset`, None where the file ends within it."""
    decoder = zlib.decompressobj(wbits=31)
    parts: list[bytes] = []
    room, position = max_bytes, offset
    while not decoder.eof:
        # What exceeds the limit is unfolded in small steps and dropped, only to find the member's end.
        chunk = decoder.unconsumed_tail
        if not chunk:
            chunk = data[position : position + STEP]
            position += len(chunk)
            if not chunk:
                return None
        try:
            out = decoder.decompress(chunk, STEP)
        except zlib.error as error:
            raise _Unreadable(f"the gzip member is damaged: {error}") from error
        if room >= 0:
            parts.append(out[: room + 1])
            room -= len(out)
    end = position - len(decoder.unused_data)
    return Member(offset, end, b"".join(parts)[:max_bytes], complete=room >= 0)
