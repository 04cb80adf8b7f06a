"""Reading and writing WARC files (ISO 28500), one gzip member per record.

The archive is the journal of the crawl: all that is known of a run can be read from it again. Each record is
whole on disk before the next is begun, so that a kill costs at most the last member, which the reader drops.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from warcio.bufferedreaders import ChunkedDataReader
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord, ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeaders, StatusAndHeadersParserException
from warcio.warcwriter import WARCWriter

from crawler.encodings import decoded
from crawler.errors import ArchiveError, UndecodableBody
from crawler.members import Member, members

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 20_000_000
MAX_FILE_BYTES = 1_000_000_000
HEADER_BYTES = 1_000_000
HOPS = "Hops-From-Start"
"""A named field of our own, as the standard allows them: how many links from a start the URL was met."""

Skipped = Callable[[Path, int, str], None]


@dataclass(frozen=True, slots=True)
class Response:
    """One archived HTTP response.

    `url` is the WARC-Target-URI as recorded, `body` the payload with transfer and content codings undone,
    `fetched_at` an ISO 8601 UTC second, `position` the byte offset in the file just after this record, `hops` the
    number of links from a start of the crawl, 0 where the record does not say.
    """

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    fetched_at: str
    position: int
    hops: int = 0

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case; None where there is none."""
        return next(iter(self.all_headers(name)), None)

    def all_headers(self, name: str) -> list[str]:
        """The headers of that name in their order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


def log_skipped(path: Path, offset: int, reason: str) -> None:
    """What `read_archive` does about a record it cannot use, unless told otherwise."""
    logger.warning("%s: skipped the record at byte %d: %s", path, offset, reason)


def read_archive(
    path: Path, start: int = 0, max_bytes: int = MAX_BODY_BYTES, skipped: Skipped = log_skipped
) -> Iterator[Response]:
    """The HTTP responses of a `.warc.gz` file in order, ours or any other crawler's.

    `start` is 0 or a `Response.position`. `skipped(path, offset, reason)` is called for each response that is
    damaged, or longer than `max_bytes` decoded; other kinds of record are passed over. A member cut off at the
    end of the file ends the iteration. Raises ArchiveError where the file cannot be read or is no such file.
    """
    for member in members(path, start, max_bytes + HEADER_BYTES, skipped):
        try:
            response = _response(member, max_bytes)
        except ArchiveLoadFailed as error:
            if member.offset == 0:
                raise ArchiveError(f"{path} holds no WARC records: {error}") from error
            skipped(path, member.offset, str(error))
        except _SeveralRecords as error:
            raise ArchiveError(
                f"{path}: the gzip member at byte {member.offset} holds several records; "
                "rewrite the file with `warcio recompress`"
            ) from error
        except (UndecodableBody, ValueError, StatusAndHeadersParserException, EOFError) as error:
            skipped(path, member.offset, str(error) or type(error).__name__)
        else:
            if response:
                yield response


class _SeveralRecords(Exception):
    """A gzip member does not end with the record in it."""


def _response(member: Member, max_bytes: int) -> Response | None:
    """The response in a gzip member, None where it holds another kind of record."""
    stream = BytesIO(member.data)
    record = ArcWarcRecordLoader(verify_http=False).parse_record_stream(_Lines(stream), known_format="warc")
    held = int(record.rec_headers.get_header("Content-Length", "0"))
    block_start = stream.tell() - record.raw_stream.tell()
    if member.data[block_start + held :].lstrip(b"\r\n").startswith(b"WARC/"):
        raise _SeveralRecords
    if record.rec_type != "response" or not record.http_headers:
        return None
    if not member.complete:
        raise UndecodableBody(f"the record is longer than {max_bytes + HEADER_BYTES} bytes")
    if block_start + held > len(member.data):
        raise ValueError("the record is shorter than its Content-Length")
    return Response(
        url=_required(record, "WARC-Target-URI"),
        status=int(record.http_headers.get_statuscode()),
        headers=tuple((name, value) for name, value in record.http_headers.headers),
        body=_body(record, max_bytes),
        fetched_at=_utc_second(_required(record, "WARC-Date")),
        position=member.end,
        hops=_number(record.rec_headers.get_header(HOPS)),
    )


class _Lines:
    """A stream without `close`, since warcio closes what it is given."""

    def __init__(self, stream: BytesIO) -> None:
        self.read = stream.read
        self.readline = stream.readline
        self.tell = stream.tell


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _required(record: ArcWarcRecord, name: str) -> str:
    value = record.rec_headers.get_header(name)
    if not value:
        raise ValueError(f"the record has no {name}")
    return str(value)


def _utc_second(text: str) -> str:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the WARC-Date {text} has no time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _body(record: ArcWarcRecord, max_bytes: int) -> bytes:
    headers, stream = record.http_headers, record.raw_stream
    if "chunked" in (headers.get_header("Transfer-Encoding") or "").lower():
        # Gives the data unchanged where an archive kept the header though it undid the chunks.
        stream = ChunkedDataReader(stream)
    return decoded(stream.read(max_bytes + 1), headers.get_header("Content-Encoding") or "", max_bytes)


class _HeadersAsSent(StatusAndHeaders):  # type: ignore[misc]  # warcio has no types
    """Writes the bytes that were received, where warcio would percent-encode what is not ASCII."""

    def to_ascii_bytes(self, filter_func: object = None) -> bytes:
        try:
            return bytes(self.to_bytes(filter_func, encoding="latin-1"))
        except UnicodeEncodeError:
            return bytes(self.to_bytes(filter_func, encoding="utf-8"))


class ArchiveWriter:
    """Appends responses to new, numbered `.warc.gz` files in `folder`; existing files are never touched.

    A context manager. `about` goes into the warcinfo record of each file. Raises ArchiveError where the disk
    does not take a record.
    """

    def __init__(self, folder: Path, max_file_bytes: int = MAX_FILE_BYTES, about: dict[str, str] | None = None) -> None:
        self._folder = folder
        self._max_file_bytes = max_file_bytes
        self._about = about or {}
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def write(
        self,
        url: str,
        status: int,
        reason: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        fetched_at: datetime,
        ip: str | None = None,
        hops: int = 0,
    ) -> None:
        """Append one response; it is with the operating system when this returns.

        `body` is the payload as sent, content coding included; chunks are undone already, therefore
        Transfer-Encoding is dropped. `headers` are text of one character a byte, as HTTP has them.
        """
        kept = [(name, value) for name, value in headers if name.lower() != "transfer-encoding"]
        warc_headers = {"WARC-Date": fetched_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        if ip:
            warc_headers["WARC-IP-Address"] = ip
        if hops:
            warc_headers[HOPS] = str(hops)
        try:
            writer = WARCWriter(self._open(), gzip=True, warc_version="1.1")
            record = writer.create_warc_record(
                url,
                "response",
                payload=BytesIO(body),
                length=len(body),
                http_headers=_HeadersAsSent(f"{status} {reason}".strip(), kept, protocol="HTTP/1.1"),
                warc_headers_dict=warc_headers,
            )
            writer.write_record(record)
        except OSError as error:
            # Nothing may follow a record that is cut off: the reader takes it for the end of the file.
            self._leave_file()
            raise ArchiveError(f"cannot write to the archive in {self._folder}: {error}") from error

    def _leave_file(self) -> None:
        with suppress(OSError):
            if self._file:
                self._file.close()
        self._file = None

    def _open(self) -> BinaryIO:
        """The file to append to; a new one where there is none or the current one is full."""
        if self._file and self._file.tell() >= self._max_file_bytes:
            self._file.close()
            self._file = None
        if self._file is None:
            self._file = _next_file(self._folder)
            writer = WARCWriter(self._file, gzip=True, warc_version="1.1")
            info = {"format": "WARC File Format 1.1", **self._about}
            writer.write_record(writer.create_warcinfo_record(Path(self._file.name).name, info))
        return self._file


def archive_files(folder: Path) -> list[Path]:
    """The WARC files of a run folder in the order they were written."""
    return sorted(folder.glob("*.warc.gz"))


def _next_file(folder: Path) -> BinaryIO:
    last = max((int(path.name.split(".")[0]) for path in archive_files(folder) if path.name[0].isdigit()), default=-1)
    for number in count(last + 1):
        try:
            descriptor = os.open(folder / f"{number:05}.warc.gz", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            continue
        os.close(descriptor)
        return (folder / f"{number:05}.warc.gz").open("ab")
    raise AssertionError("count() does not end")
