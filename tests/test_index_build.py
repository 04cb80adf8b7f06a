import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from records import (
    BANK,
    FORUM,
    JOURNAL,
    LetterEncoder,
    build_and_publish,
    make_page,
    make_passages,
    make_source,
    make_sources,
    small_pages,
    small_sources,
    with_passages,
)

from index.build import BuildReport, build_snapshot, embedded_text, listed_pages
from index.catalog import Catalog, PageSplit
from index.encoders import Vectors
from index.errors import SnapshotInvalid
from index.records import Dated, Page
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore

QUERIES = ["policy rate", "measles vaccination", "政策利率", "地震震级"]
TOTAL = sum(len(passages) for _, passages in with_passages(small_pages()))
# The forum repeats texts, but under titles of its own, so nothing is embedded twice or saved.
DISTINCT = len({embedded_text(page, one) for page, passages in with_passages(small_pages()) for one in passages})


def publish(root: Path, pages: list[Page], encoder: LetterEncoder | None = None) -> BuildReport:
    return build_and_publish(root, pages, small_sources(), encoder or LetterEncoder())


def live(root: Path) -> Snapshot:
    return SnapshotStore(DataFolder(root)).open()


def answers(root: Path) -> list[object]:
    """What both arms return for a few queries, scores included, by passage id."""
    snapshot = live(root)
    found: list[object] = []
    dense = snapshot.dense.search(LetterEncoder().encode_queries(QUERIES), 20)
    for query, by_vector in zip(QUERIES, dense, strict=True):
        for rows, scores in (snapshot.lexical.search(query, 20), by_vector):
            found.append(([snapshot.columns.passage_id(int(row)) for row in rows], scores.tolist()))
    return found


def columns_bytes(root: Path) -> list[bytes]:
    folder = live(root).folder
    names = ("pages.arrow", "names.json", "text_hashes.npy", "vectors.faiss")
    return [path.read_bytes() for path in (*sorted((folder / "columns").iterdir()), *(folder / n for n in names))]


def test_rows_are_the_same_in_all_parts(tmp_path: Path) -> None:
    report = publish(tmp_path, small_pages())
    assert report == BuildReport(report.snapshot, True, len(small_pages()), TOTAL, DISTINCT)
    snapshot, encoder = live(tmp_path), LetterEncoder()
    row = 0
    for page, passages in with_passages(small_pages()):
        expected = encoder.encode_passages([embedded_text(page, passage) for passage in passages])
        assert snapshot.dense.vectors(np.arange(row, row + len(passages))) == pytest.approx(expected, abs=0.001)
        for passage in passages:
            assert snapshot.columns.passage(row)[0] == passage
            assert row in snapshot.lexical.search(passage.text, 3)[0]
            row += 1
    assert row == len(snapshot.columns) == len(snapshot.lexical) == len(snapshot.dense) == TOTAL


def test_title_and_headings_are_embedded_once_with_the_text() -> None:
    page = make_page("https://a.example.org/", "# Rates", "## 2024", "It rose.", title="Rates")
    assert embedded_text(page, make_passages(page)[0]) == "Rates > 2024\nIt rose."
    bare = make_page("https://a.example.org/", "It rose.")
    assert embedded_text(bare, make_passages(bare)[0]) == "It rose."


def test_the_same_content_is_not_built_again(tmp_path: Path) -> None:
    encoder = LetterEncoder()
    first = publish(tmp_path, small_pages(), encoder)
    later = [replace(page, crawled=Dated("2030-01-01T00:00:00Z", "warc")) for page in reversed(small_pages())]
    assert publish(tmp_path, later, encoder) == replace(first, built=False, embedded=0)
    assert encoder.encoded == DISTINCT
    assert len(list(DataFolder(tmp_path).snapshots.iterdir())) == 1


def test_without_its_vectors_unchanged_content_is_not_embedded_again(tmp_path: Path) -> None:
    publish(tmp_path, small_pages())
    shutil.rmtree(tmp_path / "vectors")
    encoder = LetterEncoder()
    assert not publish(tmp_path, small_pages(), encoder).built
    assert encoder.encoded == 0


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Another title"},
        {"published": Dated("1999-09-09", "meta")},
        {"changed": Dated("1999-09-09", "content-hash")},
        {"source": FORUM},
    ],
)
def test_what_a_reply_shows_is_content(tmp_path: Path, change: dict[str, object]) -> None:
    first = publish(tmp_path, small_pages())
    pages = small_pages()
    second = publish(tmp_path, [replace(pages[0], **change), *pages[1:]])  # type: ignore[arg-type]
    assert second.built
    assert second.snapshot != first.snapshot


def test_another_list_or_encoder_is_other_content(tmp_path: Path) -> None:
    publish(tmp_path, small_pages())
    others = make_sources(BANK, JOURNAL, make_source(FORUM, tier=3, authority=0.4))
    assert build_and_publish(tmp_path, small_pages(), others, LetterEncoder()).embedded == 0
    assert live(tmp_path).manifest.list_version == others.version
    other_weights = LetterEncoder(digest="other")
    assert build_and_publish(tmp_path, small_pages(), others, other_weights).embedded == DISTINCT
    assert live(tmp_path).manifest.encoder == other_weights.description


def test_files_that_stayed_the_same_are_shared_with_the_live_snapshot(tmp_path: Path) -> None:
    publish(tmp_path, small_pages())
    first = live(tmp_path).folder
    # Harmed, so that its bytes are no longer what its manifest says.
    with (first / "names.json").open("a") as names:
        names.write(" ")
    others = make_sources(BANK, JOURNAL, make_source(FORUM, tier=3, authority=0.4))
    build_and_publish(tmp_path, small_pages(), others, LetterEncoder())
    second = live(tmp_path)
    second.verify()
    for name in ("pages.arrow", "vectors.faiss", "columns/page.npy"):
        assert (first / name).samefile(second.folder / name)
    for name in ("sources.json", "names.json"):
        assert not (first / name).samefile(second.folder / name)
    shutil.rmtree(first)
    second.verify()
    assert answers(tmp_path)


def test_only_new_text_is_embedded(tmp_path: Path) -> None:
    publish(tmp_path, small_pages())
    encoder = LetterEncoder()
    more = make_page(f"https://{BANK}/new", "A new text.", "Another new text.", "A new text.")
    assert publish(tmp_path, [*small_pages(), more], encoder).embedded == encoder.encoded == 2


def test_a_refreshed_index_answers_as_a_rebuilt_one(tmp_path: Path) -> None:
    old = [replace(page, title=f"Old {page.title}") for page in small_pages()[3:]]
    publish(tmp_path / "refreshed", old)
    publish(tmp_path / "refreshed", small_pages())
    publish(tmp_path / "rebuilt", small_pages())
    assert live(tmp_path / "refreshed").manifest.content == live(tmp_path / "rebuilt").manifest.content
    assert columns_bytes(tmp_path / "refreshed") == columns_bytes(tmp_path / "rebuilt")
    assert answers(tmp_path / "refreshed") == answers(tmp_path / "rebuilt")


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_in_which_the_catalogue_was_filled_does_not_matter(tmp_path: Path, seed: int) -> None:
    straight, shuffled = tmp_path / "straight", tmp_path / "shuffled"
    publish(straight, small_pages())
    with Catalog(DataFolder(shuffled).catalog) as catalog:
        for page in random.Random(seed).sample(small_pages(), len(small_pages())):
            catalog.put_pages("file", 1, [page])
            catalog.put_passages([PageSplit(page.url, "key", tuple(make_passages(page)))])
        store, sources = SnapshotStore(DataFolder(shuffled)), small_sources()
        report = build_snapshot(lambda: listed_pages(catalog, sources), sources, LetterEncoder(), store)
        store.publish(report.snapshot)
    assert live(straight).manifest.content == live(shuffled).manifest.content
    assert columns_bytes(straight) == columns_bytes(shuffled)
    assert answers(straight) == answers(shuffled)


def test_pages_follow_the_list_of_today(tmp_path: Path) -> None:
    pages = [make_page(f"https://{host}/p/1", "Text.") for host in (BANK, JOURNAL, FORUM)]
    with Catalog(tmp_path / "catalog") as catalog:
        catalog.put_pages("file", 1, pages)
        catalog.put_passages([PageSplit(page.url, "key", tuple(make_passages(page))) for page in pages])
        # The forum is no longer listed, and a part of the bank became a source of its own.
        found = list(listed_pages(catalog, make_sources(BANK, f"{BANK}/p", JOURNAL)))
    assert [(page.url, page.source) for page, _ in found] == [
        (f"https://{BANK}/p/1", f"{BANK}/p"),
        (f"https://{JOURNAL}/p/1", JOURNAL),
    ]


class ZeroEncoder(LetterEncoder):
    """Says nothing about any text."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        return super().encode_passages(texts) * 0


@pytest.mark.parametrize(
    ("pages", "encoder", "message"),
    [
        ([], LetterEncoder(), "there are no passages to publish; crawl or ingest"),
        ([make_page(f"https://{BANK}/empty", "# Only a heading")], LetterEncoder(), "there are no passages"),
        ([make_page("https://gone.example.org/", "Text.")], LetterEncoder(), r"unknown source 'gone\.example\.org'"),
        ([make_page(f"https://{BANK}/", "Text.", published="last May")], LetterEncoder(), "date that cannot"),
        ([make_page(f"https://{BANK}/", "Text.")], ZeroEncoder(), "the dense index does not find passage"),
    ],
)
def test_what_fails_its_validation_leaves_the_live_snapshot_and_nothing_else(
    tmp_path: Path, pages: list[Page], encoder: LetterEncoder, message: str
) -> None:
    before = publish(tmp_path, small_pages())
    with pytest.raises(SnapshotInvalid, match=message):
        publish(tmp_path, pages, encoder)
    assert [path.name for path in DataFolder(tmp_path).snapshots.iterdir()] == [before.snapshot]
    assert live(tmp_path).manifest.id == before.snapshot


def lose_part(folder: Path) -> None:
    (folder / "vectors.faiss").unlink()


def age(folder: Path) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 0}))


@pytest.mark.parametrize("harm", [lose_part, age, shutil.rmtree])
def test_a_live_snapshot_that_cannot_be_opened_is_mended_by_publishing_again(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    first = publish(tmp_path, small_pages())
    folder = DataFolder(tmp_path).snapshots / first.snapshot
    harm(folder)
    if folder.exists():
        # As if it had been made before: a snapshot's name holds the second of its making.
        folder.rename(folder.with_name("20200101T000000Z-00000000"))
        DataFolder(tmp_path).current.write_text("20200101T000000Z-00000000\n")
    assert publish(tmp_path, small_pages()).built
    live(tmp_path).verify()


def test_what_killed_builds_left_is_cleaned_by_the_next(tmp_path: Path) -> None:
    left = DataFolder(tmp_path).snapshots / ".building-0123456789abcdef" / "lexical"
    left.mkdir(parents=True)
    (left / "meta.json").write_text("{}")
    report = publish(tmp_path, small_pages())
    assert [path.name for path in DataFolder(tmp_path).snapshots.iterdir()] == [report.snapshot]


def many_pages() -> list[Page]:
    """More texts than one shard of vectors holds."""
    return [make_page(f"https://{BANK}/{n:03}", *(f"Text {n} part {part}." for part in range(11))) for n in range(100)]


BUILD_AND_STOP = """
import sys, time
from pathlib import Path

import index.build
from index.lock import write_lock
from records import BANK, LetterEncoder, build_and_publish, make_sources
from test_index_build import many_pages

root, point = Path(sys.argv[1]), sys.argv[2]

def stop(at):
    if at == point:
        print("stopped", flush=True)
        time.sleep(60)

class Stopping(LetterEncoder):
    def encode_passages(self, texts):
        if self.encoded:
            stop("second shard")
        return super().encode_passages(texts)

# The places that have no callback of their own.
def stopping(name, module, before=True):
    plain = getattr(module, name)
    def wrapped(*arguments):
        if before:
            stop("before " + name)
        result = plain(*arguments)
        stop("after " + name)
        return result
    setattr(module, name, wrapped)

stopping("DenseWriter", index.build)
stopping("write_sources", index.build)
stopping("validate", index.build)
stopping("build_snapshot", sys.modules["records"], before=False)
with write_lock(root):
    build_and_publish(root, many_pages(), make_sources(BANK), Stopping())
"""


@pytest.mark.parametrize(
    ("point", "left_to_embed", "unfinished"),
    [
        ("second shard", 1100 - 1024, 1),
        ("after DenseWriter", 0, 1),
        ("before write_sources", 0, 1),
        ("after validate", 0, 1),
        ("after build_snapshot", 0, 0),
    ],
)
def test_a_kill_leaves_the_old_snapshot_and_the_next_build_completes(
    tmp_path: Path, point: str, left_to_embed: int, unfinished: int
) -> None:
    sources = make_sources(BANK)
    old = build_and_publish(tmp_path, [make_page(f"https://{BANK}/old", "Old text.")], sources, LetterEncoder())
    arguments = [sys.executable, "-c", BUILD_AND_STOP, str(tmp_path), point]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=Path(__file__).parent) as build:
        assert build.stdout is not None
        assert build.stdout.readline() == b"stopped\n"
        build.send_signal(signal.SIGKILL)
    snapshots = DataFolder(tmp_path).snapshots
    assert len(list(snapshots.glob(".building-*"))) == unfinished
    live(tmp_path).verify()
    assert live(tmp_path).manifest.id == old.snapshot
    assert live(tmp_path).lexical.search("old", 5)[0].tolist() == [0]
    report = build_and_publish(tmp_path, many_pages(), sources, LetterEncoder())
    assert (report.built, report.passages, report.embedded) == (True, 1100, left_to_embed)
    live(tmp_path).verify()
    assert live(tmp_path).manifest.id == report.snapshot
    assert list(snapshots.glob(".*")) == []
