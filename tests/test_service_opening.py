"""Opening pages and passages: what is found, how it is paged, what is not found and why."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from http_server import Canned, scripted
from records import BANK, JOURNAL, LetterEncoder, build_and_publish, make_page, make_sources, small_pages, small_sources

from authority_search.models import OpenRequest, OpenResult
from domain_lists.urls import canonical_url
from index.columns import StoredPage
from index.snapshot import Snapshot
from index.store import DataFolder, SnapshotStore
from index.tokens import count_tokens
from service.opening import open_targets

RATE = f"https://{BANK}/policy-rate"
CHINESE = canonical_url(f"https://{BANK}/zh/利率概述")
LONG = f"https://{JOURNAL}/long"
CODE = "def f(x):\n    if x:\n        return x\n\n    return None"
TEXTS = [
    "# A long page",
    *(f"Sentence {i} speaks of the policy rate, and says so. It ends here! Does it? Yes." for i in range(30)),
    "## 中文",
    "政策利率是中央银行向商业银行提供隔夜贷款的利率。" * 20,
    "a" * 500,
    CODE,
    "e\u0301" * 40 + " 👩‍⚕️ … — «end»",
]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    root = tmp_path_factory.mktemp("opening")
    pages = [*small_pages(), make_page(LONG, *TEXTS, title="Long"), make_page(CHINESE, "利率。")]
    build_and_publish(root, pages, small_sources(), LetterEncoder())
    return SnapshotStore(DataFolder(root)).open()


def opened(snapshot: Snapshot, target: str, **options: Any) -> OpenResult:
    (result,) = open_targets(snapshot, OpenRequest(targets=[target], **options)).results
    return result


def stored(snapshot: Snapshot, url: str) -> StoredPage:
    number = snapshot.columns.find_page(url)
    assert number is not None
    return snapshot.columns.page(number)


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_a_page_opens_by_its_url_with_source_and_dates(snapshot: Snapshot) -> None:
    result, page = opened(snapshot, RATE), stored(snapshot, RATE)
    assert (result.status, result.url, result.title, result.text) == ("ok", RATE, "Policy rate", page.text)
    assert result.tokens == result.total_tokens == count_tokens(page.text)
    assert (result.offset, result.next_offset, result.error) == (0, None, None)
    assert result.source is not None
    assert result.source.id == BANK
    assert result.dates is not None
    assert result.dates.published is not None
    assert (result.dates.published.value, result.dates.published.origin) == ("2024-03-01", "test")
    assert result.dates.changed is None


@pytest.mark.parametrize(
    "spelling",
    [
        f"HTTPS://{BANK.upper()}/policy-rate",
        f"https://{BANK}:443/policy-rate",
        f"https://{BANK}./policy-rate#minutes",
        f"https://{BANK}/a/../policy-rate?utm_source=x&fbclid=1",
        f"https://{BANK}/%70olicy-rate",
        f"  https://{BANK}/policy-rate\n",
    ],
)
def test_other_spellings_of_a_url_open_the_same_page(snapshot: Snapshot, spelling: str) -> None:
    result = opened(snapshot, spelling)
    assert (result.status, result.url) == ("ok", RATE)
    assert result.target == spelling.strip()


def test_urls_beyond_ascii_open(snapshot: Snapshot) -> None:
    for spelling in ("https://bank.example.org/zh/利率概述", "https://bank.example.org/zh/%e5%88%a9%E7%8E%87概述"):
        assert opened(snapshot, spelling).url == CHINESE


@pytest.mark.parametrize("neighbours", [0, 1, 2, 50])
def test_a_passage_opens_with_its_neighbours(snapshot: Snapshot, neighbours: int) -> None:
    columns, page = snapshot.columns, stored(snapshot, RATE)
    rows = range(page.first_row, page.first_row + page.rows)
    for row in rows:
        around = [columns.passage(near)[0] for near in rows if abs(near - row) <= neighbours]
        result = opened(snapshot, columns.passage_id(row), neighbours=neighbours)
        assert result.url == RATE
        assert result.text == page.text[around[0].start : around[-1].end]
        assert columns.passage(row)[0].text in result.text


@pytest.mark.parametrize("max_tokens", [16, 17, 50, 333, 100_000])
def test_parts_of_a_page_put_together_are_the_whole(snapshot: Snapshot, max_tokens: int) -> None:
    text, parts, offset, steps = stored(snapshot, LONG).text, [], 0, 0
    while True:
        part = opened(snapshot, LONG, offset=offset, max_tokens=max_tokens)
        assert part.offset == offset
        assert part.tokens == count_tokens(part.text) <= max_tokens
        assert part.total_tokens == count_tokens(text)
        assert part.text in text
        parts.append(part.text)
        steps += 1
        if part.next_offset is None:
            break
        assert part.next_offset == offset + part.tokens > offset
        offset = part.next_offset
    assert squeezed("".join(parts)) == squeezed(text)
    assert sum(map(count_tokens, parts)) == count_tokens(text)
    assert steps <= 2 * count_tokens(text) // max_tokens + 2


def test_a_passage_is_paged_like_a_page(snapshot: Snapshot) -> None:
    columns, page = snapshot.columns, stored(snapshot, LONG)
    identity = columns.passage_id(page.first_row + 3)
    whole = opened(snapshot, identity, neighbours=2)
    first = opened(snapshot, identity, neighbours=2, max_tokens=40)
    assert first.next_offset is not None
    rest = opened(snapshot, identity, neighbours=2, offset=first.next_offset)
    assert squeezed(first.text + rest.text) == squeezed(whole.text)


def test_an_offset_beyond_the_end_gives_nothing_and_ends(snapshot: Snapshot) -> None:
    result = opened(snapshot, RATE, offset=1_000_000)
    assert (result.status, result.text, result.tokens, result.next_offset) == ("ok", "", 0, None)
    assert result.total_tokens > 0


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (f"https://{BANK}/nowhere", f"holds no page https://{BANK}/nowhere; search for it"),
        ("https://unlisted.example/", "holds no page"),
        ("f" * 32, "holds no passage with this id"),
        ("F" * 32, "neither a passage id nor a URL"),
        ("policy rate", "neither a passage id nor a URL"),
        ("ftp://bank.example.org/", "not an absolute http"),
        ("https://user:secret@bank.example.org/", "refused"),
        ("file:///etc/passwd", "neither a passage id nor a URL"),
        ("https://[::1", "neither a passage id nor a URL"),
    ],
)
def test_what_is_not_there_is_told_apart_for_each_target(snapshot: Snapshot, target: str, said: str) -> None:
    reply = open_targets(snapshot, OpenRequest(targets=[RATE, target, RATE]))
    assert [result.status for result in reply.results] == ["ok", "not_found", "ok"]
    missing = reply.results[1]
    assert missing.target == target
    assert said in (missing.error or "")
    assert (missing.text, missing.url, missing.source) == ("", None, None)


def test_opening_reaches_neither_network_nor_files(snapshot: Snapshot, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("never to be read")
    with scripted(Canned(200, b"never to be fetched")) as server:
        port = server.url.rpartition(":")[2]
        hosts = ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]")
        targets = [
            *(f"http://{host}:{port}/{path}" for host in hosts for path in ("", "latest/meta-data")),
            f"http://{BANK}@127.0.0.1:{port}/", f"https://{BANK}/../../../../..{secret}", f"//127.0.0.1:{port}/",
            f"file://{secret}", f"file://localhost{secret}", f"FILE:{secret}", str(secret), f"../../..{secret}",
            f"https://{BANK}/..%2f..%2f..{secret}", f"{'f' * 32}/../../{secret}", f"gopher://127.0.0.1:{port}/_GET",
            "http://169.254.169.254/latest/meta-data/", f"jar:file://{secret}!/", "data:text/plain,x",
            "\\\\host\\share",
        ]  # fmt: skip
        with _watching("open", "socket.connect", "socket.getaddrinfo") as seen:
            reply = open_targets(snapshot, OpenRequest(targets=targets))
    assert [result.status for result in reply.results] == ["not_found"] * len(targets)
    assert server.received == []
    assert seen == []
    assert "never to be" not in reply.model_dump_json()


@contextmanager
def _watching(*events: str) -> Iterator[list[str]]:
    """What Python itself reports of these events in this thread while the block runs."""
    seen: list[str] = []
    thread, on = threading.get_ident(), True

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if on and event in events and threading.get_ident() == thread:
            seen.append(f"{event} {args}")

    # A hook stays to the end of the process, so it is turned off instead.
    sys.addaudithook(hook)
    try:
        yield seen
    finally:
        on = False


def test_first_and_last_page_and_passage_are_found(tmp_path: Path) -> None:
    pages = [make_page(f"https://x.example.org/{name}", f"Text of {name}.") for name in ("a", "b", "c")]
    build_and_publish(tmp_path, pages, make_sources("x.example.org"), LetterEncoder())
    snapshot = SnapshotStore(DataFolder(tmp_path)).open()
    for row, page in enumerate(pages):
        assert opened(snapshot, page.url).text == page.text()
        assert opened(snapshot, snapshot.columns.passage_id(row)).url == page.url
