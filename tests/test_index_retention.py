"""Old snapshots go when a new one is published: the oldest first, never the live one, and no reader notices."""

from datetime import date
from pathlib import Path

import pytest
from records import BANK, JOURNAL, LetterEncoder, build_and_publish, make_page, make_sources

from authority_search.models import OpenRequest, SearchRequest
from index.filters import DateRange, Filter, apply_filter
from index.places import parse_domain
from index.store import DataFolder, SnapshotStore
from ranking.settings import RankingSettings
from service.searcher import Searcher


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(DataFolder(tmp_path))


def publish(store: SnapshotStore, year: int) -> str:
    """Publish a snapshot as if it had been made in that year: real ids differ by the second."""
    urls = (f"https://{host}/p" for host in (BANK, JOURNAL))
    pages = [make_page(url, f"Report of {year}.", published=f"{year}-05-01") for url in urls]
    made = build_and_publish(store.folder.root, pages, make_sources(BANK, JOURNAL), LetterEncoder()).snapshot
    older = f"{year}{made[4:]}"
    (store.folder.snapshots / made).rename(store.folder.snapshots / older)
    store.publish(older)
    return older


def years(store: SnapshotStore) -> list[str]:
    return sorted(path.name[:4] for path in store.folder.snapshots.iterdir())


def test_the_newest_stay_and_the_others_are_named(store: SnapshotStore) -> None:
    ids = [publish(store, year) for year in (2001, 2002, 2003, 2004)]
    assert store.prune(5) == store.prune(4) == ()
    assert store.prune(2) == tuple(ids[:2])
    assert years(store) == ["2003", "2004"]
    assert store.prune(1) == (ids[2],)


def test_the_live_one_stays_however_old_it_is(store: SnapshotStore) -> None:
    first, second, _ = (publish(store, year) for year in (2001, 2002, 2003))
    store.publish(first)
    assert store.prune(2) == (second,)
    assert years(store) == ["2001", "2003"]
    store.prune(1)
    assert (years(store), store.open().manifest.passages) == (["2001"], 2)


def test_one_of_an_earlier_format_counts_and_what_is_unfinished_does_not(store: SnapshotStore) -> None:
    first, _ = publish(store, 2001), publish(store, 2002)
    (store.folder.snapshots / first / "manifest.json").write_text('{"format": 1}')
    (store.folder.snapshots / ".building-1").mkdir()
    assert store.prune(2) == ()
    assert store.prune(1) == (first,)
    assert years(store) == [".bui", "2002"]


def test_a_snapshot_that_is_open_answers_everything_after_its_removal(store: SnapshotStore) -> None:
    first = publish(store, 2001)
    opened = store.open()
    publish(store, 2002)
    assert store.prune(1) == (first,)
    # Nothing was asked before: all that is read comes from files that no folder names any more.
    searcher = Searcher(opened, LetterEncoder(), RankingSettings())
    (result,) = searcher.search(SearchRequest(queries=["report 2001"])).results
    assert {hit.text for hit in result.hits} == {"Report of 2001."}
    (found,) = searcher.open(OpenRequest(targets=[result.hits[0].passage_id])).results
    assert found.text == "Report of 2001."
    dated = DateRange("published", date(2001, 5, 1), date(2001, 5, 1), keep_undated=False)
    wanted = Filter(dates=dated, languages=frozenset({"en"}), domains=(parse_domain(BANK),))
    assert apply_filter(wanted, opened.columns.filterable).excluded == 1
