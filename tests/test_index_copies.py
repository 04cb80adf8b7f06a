import random
from pathlib import Path

import numpy as np
import pytest
from records import make_page, with_passages

from index.columns import Columns
from index.columns_writer import ColumnsWriter
from index.copies import Hashes, find_copies, fingerprints
from index.likeness import text_hash
from index.records import Page

WORDS = [f"{first}{second}na" for first in "bcdfghklmnprst" for second in "aeiou"]
ZH = "国务院决定自公布之日起施行本条例并由主管部门负责解释对违反规定的单位给予警告"


def text(seed: int, count: int = 60) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=count))


def without(text: str, *places: int) -> str:
    return " ".join(word for place, word in enumerate(text.split()) if place not in places)


def page(host: str, *texts: str, path: str = "") -> Page:
    return make_page(f"https://{host}.example.org/{path}", *texts)


def copies_of(folder: Path) -> Hashes:
    columns = Columns(folder)
    return find_copies(columns, fingerprints(list(columns.texts(range(len(columns))))))


def groups(folder: Path, *pages: Page) -> set[frozenset[str]]:
    """The groups of more than one passage, each by "host/path#ordinal"."""
    folder.mkdir(exist_ok=True)
    writer = ColumnsWriter(folder)
    rows = []
    for one, passages in with_passages(pages):
        writer.add(one, passages)
        host, _, path = one.url.removeprefix("https://").partition(".example.org/")
        rows += [f"{host}/{path}#{passage.ordinal}" for passage in passages]
    writer.finish()
    copies = copies_of(folder).tolist()
    found = {frozenset(row for row, copy in zip(rows, copies, strict=True) if copy == wanted) for wanted in copies}
    return {group for group in found if len(group) > 1}


def test_a_passage_that_is_like_no_other_has_the_hash_of_its_text(tmp_path: Path) -> None:
    texts = [text(seed) for seed in range(5)]
    writer = ColumnsWriter(tmp_path)
    for one, passages in with_passages([page("a", *texts[:3]), page("b", *texts[3:])]):
        writer.add(one, passages)
    writer.finish()
    assert copies_of(tmp_path).tolist() == [text_hash(one) for one in texts]


@pytest.mark.parametrize("pages", [[], [page("a", "Lone text.")], [page("a", "…"), page("b", "—")]])
def test_where_nothing_can_be_alike_nothing_is(tmp_path: Path, pages: list[Page]) -> None:
    assert groups(tmp_path, *pages) == set()


def test_equal_texts_are_copies_wherever_they_stand(tmp_path: Path) -> None:
    assert groups(tmp_path, page("a", "Same.", "SAME."), page("a", "same.", path="x"), page("b", "Same.")) == {
        frozenset({"a/#0", "a/#1", "a/x#0", "b/#0"})
    }


def test_near_duplicates_are_copies_on_different_hosts_only(tmp_path: Path) -> None:
    original = text(1)
    near, other = f"{original} with thanks", text(2)
    assert groups(tmp_path / "apart", page("a", original, other), page("b", near)) == {frozenset({"a/#0", "b/#0"})}
    assert groups(tmp_path / "beside", page("a", original, near), page("b", other)) == set()


def test_who_keeps_two_texts_apart_is_believed(tmp_path: Path) -> None:
    create, drop = (f"{text(1)} {verb} {text(2)}" for verb in ("createdb", "dropdb"))
    newer = [f"{one} since long" for one in (create, drop)]
    assert groups(tmp_path, page("a", create, drop), page("b", *newer), page("c", drop)) == {
        frozenset({"a/#0", "b/#0"}),
        frozenset({"a/#1", "b/#1", "c/#0"}),
    }
    # Host d has both, so that what b has may be either: the one it is more like.
    assert groups(tmp_path / "d", page("d", create, drop), page("b", create)) == {frozenset({"d/#0", "b/#0"})}


def test_there_are_no_chains(tmp_path: Path) -> None:
    # Each has four words fewer than the one before: 54 of 58 triples, then 50 of 54, but 46 of 58 over three steps.
    full = text(3)
    steps = [full, without(full, *range(4)), without(full, *range(8)), without(full, *range(12))]
    hosts = "abcd"
    found = groups(tmp_path, *(page(host, one) for host, one in zip(hosts, steps, strict=True)))
    assert not any({"a/#0", "d/#0"} <= group for group in found)
    assert sum(map(len, found)) >= 3


def test_other_numbers_are_another_text(tmp_path: Path) -> None:
    report = f"{text(4)} rose by 3.5 percent in 2022 {text(5)}"
    others = [report.replace("3.5", "2.5"), report.replace("2022", "2023"), report.replace("rose", "rose not")]
    assert groups(tmp_path, *(page(host, one) for host, one in zip("abcd", [report, *others], strict=True))) == set()


def test_chinese_near_duplicates(tmp_path: Path) -> None:
    longer = f"本报讯：{ZH}"
    exchanged = ZH.replace("警告", "奖励")
    found = groups(tmp_path, page("a", ZH), page("b", longer), page("c", exchanged))
    assert found == {frozenset({"a/#0", "b/#0"})}


def test_the_group_is_named_after_its_first_row(tmp_path: Path) -> None:
    original, near = text(6), f"{text(6)} indeed"
    writer = ColumnsWriter(tmp_path)
    for one, passages in with_passages([page("b", original), page("a", near), page("c", "Else.")]):
        writer.add(one, passages)
    writer.finish()
    copies = copies_of(tmp_path)
    assert copies.dtype == np.uint64
    assert copies.tolist() == [text_hash(near), text_hash(near), text_hash("Else.")]


def test_many_copies_among_many_texts_are_all_found(tmp_path: Path) -> None:
    texts = [text(seed) for seed in range(100)]
    pages = [page("a", *texts), page("b", *(without(one, 30) for one in texts)), page("c", *reversed(texts))]
    expected = {frozenset({f"a/#{n}", f"b/#{n}", f"c/#{99 - n}"}) for n in range(100)}
    assert groups(tmp_path, *pages) == expected
