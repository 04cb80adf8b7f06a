"""The archive: what is written can be read again, whatever happens to the file."""

import gzip
import os
import zlib
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import brotli
import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from crawler.archive import ArchiveWriter, Response, archive_files, read_archive
from crawler.errors import ArchiveError

NOW = datetime(2026, 11, 22, 17, 51, 3, 987654, tzinfo=UTC)
HTML = (("Content-Type", "text/html; charset=utf-8"), ("X-Trace", "1"))


class Skips:
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def __call__(self, path: Path, offset: int, reason: str) -> None:
        assert path.exists()
        assert offset >= 0
        self.reasons.append(reason)


def write(folder: Path, *bodies: bytes) -> Path:
    with ArchiveWriter(folder) as archive:
        for number, body in enumerate(bodies):
            archive.write(f"https://example.org/{number}", 200, "OK", HTML, body, NOW)
    return archive_files(folder)[-1]


def foreign(path: Path, *records: tuple[str, str, list[tuple[str, str]], bytes]) -> Path:
    """A file as another crawler writes it: (record type, URL, HTTP headers, payload)."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        writer.write_record(writer.create_warcinfo_record(path.name, {"publisher": "somebody"}))
        for kind, url, headers, payload in records:
            line, protocol = ("GET / HTTP/1.1", "") if kind == "request" else ("200 OK", "HTTP/1.1")
            http = StatusAndHeaders(line, headers, protocol=protocol, is_http_request=kind == "request")
            record = writer.create_warc_record(
                url,
                kind,
                payload=BytesIO(payload),
                length=len(payload),
                http_headers=None if kind == "metadata" else http,
                warc_headers_dict={"WARC-Date": "2026-01-02T03:04:05.678Z"},
            )
            writer.write_record(record)
    return path


def test_a_response_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = write(tmp_path, "<p>Grüße 你好</p>".encode())
    [response] = read_archive(path)
    assert response == Response(
        url="https://example.org/0",
        status=200,
        headers=HTML,
        body="<p>Grüße 你好</p>".encode(),
        fetched_at="2026-11-22T17:51:03Z",
        position=path.stat().st_size,
    )


def test_headers_are_found_in_any_case() -> None:
    response = Response("https://example.org/", 200, HTML, b"", "", 0)
    assert response.header("content-TYPE") == "text/html; charset=utf-8"
    assert response.header("Location") is None


def test_headers_that_are_not_ascii_keep_their_bytes(tmp_path: Path) -> None:
    received = "/wörter/你".encode().decode("latin-1")
    with ArchiveWriter(tmp_path) as archive:
        archive.write("https://example.org/", 302, "Found", [("Location", received)], b"", NOW)
    assert "/wörter/你".encode() in gzip.decompress(archive_files(tmp_path)[0].read_bytes())
    [response] = read_archive(archive_files(tmp_path)[0])
    assert response.header("Location") == "/wörter/你"


def test_reading_goes_on_from_a_position(tmp_path: Path) -> None:
    path = write(tmp_path, b"a", b"b", b"c")
    responses = list(read_archive(path))
    for number, response in enumerate(responses):
        assert list(read_archive(path, start=response.position)) == responses[number + 1 :]


def test_codings_are_undone_and_kept_in_the_file(tmp_path: Path) -> None:
    page = b"<p>coded</p>" * 50
    bodies = {"gzip": gzip.compress(page, mtime=0), "br": brotli.compress(page), "deflate": zlib.compress(page)}
    with ArchiveWriter(tmp_path) as archive:
        for coding, body in bodies.items():
            headers = [("Content-Encoding", coding), ("Transfer-Encoding", "chunked")]
            archive.write(f"https://example.org/{coding}", 200, "OK", headers, body, NOW)
    [path] = archive_files(tmp_path)
    responses = list(read_archive(path))
    assert [response.body for response in responses] == [page] * 3
    assert [response.headers for response in responses] == [(("Content-Encoding", coding),) for coding in bodies]
    assert all(body in gzip.decompress(path.read_bytes()) for body in bodies.values())


def test_files_of_other_crawlers_are_read(tmp_path: Path) -> None:
    page = b"<html>page</html>"
    zipped = gzip.compress(page, mtime=0)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(zipped), zipped)
    path = foreign(
        tmp_path / "CC-MAIN-1.warc.gz",
        ("request", "https://a.example/", [("Host", "a.example")], b""),
        ("response", "https://a.example/", [("X-Crawl-Content-Encoding", "gzip")], page),
        ("metadata", "https://a.example/", [], b"fetchTimeMs: 5\r\n"),
        ("response", "https://b.example/", [("Transfer-Encoding", "chunked"), ("Content-Encoding", "gzip")], chunked),
        ("response", "https://c.example/", [("Transfer-Encoding", "chunked"), ("Content-Encoding", "gzip")], page),
    )
    responses = list(read_archive(path))
    assert [response.url for response in responses] == [f"https://{host}.example/" for host in "abc"]
    assert {response.body for response in responses} == {page}
    assert {response.fetched_at for response in responses} == {"2026-01-02T03:04:05Z"}


@pytest.mark.parametrize("lost", [1, 9, 150])
def test_a_member_cut_off_by_a_kill_is_dropped(tmp_path: Path, lost: int) -> None:
    path = write(tmp_path, b"first", b"second" * 99)
    whole = list(read_archive(path))
    os.truncate(path, path.stat().st_size - lost)
    skips = Skips()
    assert list(read_archive(path, skipped=skips)) == whole[:1]
    assert skips.reasons == []


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "00000.warc.gz").touch()
    assert list(read_archive(tmp_path / "00000.warc.gz")) == []


def test_zeros_that_a_power_cut_left_at_the_end_are_no_damage(tmp_path: Path) -> None:
    path = write(tmp_path, b"first")
    with path.open("ab") as file:
        file.write(b"\0" * 5000)
    skips = Skips()
    assert [response.body for response in read_archive(path, skipped=skips)] == [b"first"]
    assert skips.reasons == []


def test_a_damaged_record_is_skipped_and_told(tmp_path: Path) -> None:
    path = write(tmp_path, b"first", os.urandom(400_000), b"third")
    first = next(iter(read_archive(path)))
    content = bytearray(path.read_bytes())
    content[first.position + 700 : first.position + 900] = b"\xff" * 200
    path.write_bytes(content)
    skips = Skips()
    assert [response.body for response in read_archive(path, skipped=skips)] == [b"first", b"third"]
    assert len(skips.reasons) == 1
    assert "damaged" in skips.reasons[0]


def test_a_gzip_bomb_is_skipped_without_unfolding_it(tmp_path: Path) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000, mtime=0)
    with ArchiveWriter(tmp_path) as archive:
        archive.write("https://example.org/bomb", 200, "OK", [("Content-Encoding", "gzip")], bomb, NOW)
        archive.write("https://example.org/", 200, "OK", [], b"fine", NOW)
    skips = Skips()
    responses = read_archive(archive_files(tmp_path)[0], max_bytes=1_000_000, skipped=skips)
    assert [response.body for response in responses] == [b"fine"]
    assert "unfolds to more than 1000000 bytes" in skips.reasons[0]


def test_a_record_longer_than_the_limit_is_skipped(tmp_path: Path) -> None:
    path = write(tmp_path, b"x" * 3_000_000, b"x" * 1001, b"x" * 1000)
    skips = Skips()
    assert [len(response.body) for response in read_archive(path, max_bytes=1000, skipped=skips)] == [1000]
    assert len(skips.reasons) == 2


@pytest.mark.parametrize("content", [b"no gzip at all", b"\x1f", gzip.compress(b"gzip, but no WARC\r\n\r\n", mtime=0)])
def test_a_file_that_is_no_archive_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.warc.gz"
    path.write_bytes(content)
    if content == b"\x1f":
        assert list(read_archive(path)) == []
        return
    with pytest.raises(ArchiveError, match=r"notes\.warc\.gz"):
        list(read_archive(path))


def test_a_missing_file_is_an_archive_error(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="absent"):
        list(read_archive(tmp_path / "absent.warc.gz"))


def test_a_file_with_one_member_for_all_records_says_how_to_mend_it(tmp_path: Path) -> None:
    path = write(tmp_path, b"a", b"b")
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())))
    with pytest.raises(ArchiveError, match="warcio recompress"):
        list(read_archive(path))


def test_a_start_beyond_the_end_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, b"a")
    with pytest.raises(ArchiveError, match="cannot be read from byte"):
        list(read_archive(path, start=path.stat().st_size + 1))


def test_a_writer_never_touches_the_files_of_another(tmp_path: Path) -> None:
    first = write(tmp_path, b"a")
    before = first.read_bytes()
    second = write(tmp_path, b"b")
    assert [first, second] == archive_files(tmp_path) == [tmp_path / "00000.warc.gz", tmp_path / "00001.warc.gz"]
    assert first.read_bytes() == before


def test_a_full_file_is_followed_by_the_next(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path, max_file_bytes=2000) as archive:
        for number in range(20):
            archive.write(f"https://example.org/{number}", 200, "OK", HTML, os.urandom(300), NOW)
    files = archive_files(tmp_path)
    assert len(files) > 2
    assert max(path.stat().st_size for path in files) < 3500
    urls = [response.url for path in files for response in read_archive(path)]
    assert urls == [f"https://example.org/{number}" for number in range(20)]


def test_each_record_is_with_the_system_when_write_returns(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path) as archive:
        for number in range(3):
            archive.write(f"https://example.org/{number}", 200, "OK", HTML, b"x", NOW)
            assert len(list(read_archive(tmp_path / "00000.warc.gz"))) == number + 1


def test_a_disk_that_takes_no_record_is_an_archive_error(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path / "run") as archive:
        (tmp_path / "run").rmdir()
        with pytest.raises(ArchiveError, match="cannot write to the archive"):
            archive.write("https://example.org/", 200, "OK", HTML, b"x", NOW)


def test_the_development_archive_is_read_whole() -> None:
    path = Path(__file__).parents[2] / "shared" / "data" / "web-dev.warc.gz"
    if not path.exists():
        pytest.skip("the development data is not beside the repository")
    skips = Skips()
    count = sum(1 for _ in read_archive(path, skipped=skips))
    assert (count, skips.reasons) == (2641, [])
