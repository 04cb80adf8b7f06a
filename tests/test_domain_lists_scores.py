"""Scores: what the terms give, what the evidence gives, and what the validator says of those that do not follow."""

import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from domain_lists.scores import Score, Term, capped, evidence_terms, score
from domain_lists.validator import check

HEADER = "id,name,sector,country,language,kind,tier,authority,terms,evidence,access,notes,reviewed"
BASE = Term("body", "base", 0.80, 1, "review", "")
PAPER = Term("paper", "base", 0.55, 3, "review", "")
MORE = Term("more", "add", 0.05, None, "review", "")
MUCH = Term("much", "add", 0.30, None, "review", "")
LESS = Term("less", "add", -0.10, None, "review", "")
WIKI = Term("wiki", "cap", 0.50, 3, "note", "")
HOME = Term("home", "cap", 0.60, None, "review", "")


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ([BASE], (1, 0.80)),
        ([BASE, MORE], (1, 0.85)),
        ([MORE, LESS, BASE], (1, 0.75)),
        ([PAPER, MORE], (3, 0.60)),
        ([BASE, WIKI], (3, 0.50)),
        ([BASE, HOME], (1, 0.60)),
        ([BASE, HOME, WIKI], (3, 0.50)),
        ([PAPER, LESS, WIKI], (3, 0.45)),
        ([BASE, MUCH], (1, 1.00)),
        ([Term("bad", "base", 0.05, 4, "review", ""), LESS], (4, 0.00)),
    ],
)
def test_a_score_is_base_plus_additions_under_the_lowest_cap(terms: list[Term], expected: tuple[int, float]) -> None:
    assert score(terms) == expected
    assert score(reversed(terms)) == expected


def test_a_score_needs_exactly_one_base() -> None:
    with pytest.raises(ValueError, match="unpack"):
        score([MORE])
    with pytest.raises(ValueError, match="unpack"):
        score([BASE, PAPER])


def test_further_caps_only_lower() -> None:
    assert capped(Score(1, 0.90), [HOME]) == (1, 0.60)
    assert capped(Score(1, 0.90), [HOME, WIKI]) == (3, 0.50)
    assert capped(Score(4, 0.30), [HOME, WIKI]) == (4, 0.30)
    assert capped(Score(1, 0.90), []) == (1, 0.90)


USES = {
    "suffix": "registry", "bartoc": "index", "re3data": "index", "zotero": "index", "ifcn2021": "code",
    "lin2023": "rating", "kagi": "weak", "known": "weak",
}  # fmt: skip


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ("", set()),
        ("known", set()),
        ("kagi;unheard-of", set()),
        ("suffix:gov.cn", {"registered"}),
        ("bartoc", {"one-list"}),
        ("bartoc;re3data", {"one-list"}),
        ("bartoc;re3data;zotero", {"three-lists"}),
        ("bartoc;bartoc;bartoc", {"one-list"}),
        ("bartoc;kagi;known", {"one-list"}),
        ("ifcn2021", {"one-list", "signatory"}),
        ("lin2023:0.950/n1", {"one-list"}),
        ("lin2023:0.800/n2", {"one-list", "rated-high"}),
        ("lin2023:0.799/n2", {"one-list"}),
        ("lin2023:0.500/n2", {"one-list"}),
        ("lin2023:0.499/n2", {"one-list", "rated-low"}),
        ("lin2023:high/n3", {"one-list"}),
        ("bartoc;lin2023:0.900/n3;suffix:gov;zotero", {"three-lists", "rated-high", "registered"}),
    ],
)
def test_the_evidence_gives_its_terms(evidence: str, expected: set[str]) -> None:
    assert evidence_terms(evidence, USES) == expected  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the bundled data with one source, no quotas and one profile."""
    with as_file(files("domain_lists")) as bundled:
        for file in bundled.glob("*.csv"):
            shutil.copy(file, tmp_path)
    write(tmp_path, "sources.csv", HEADER, row())
    write(tmp_path, "overrides.csv", "id,tier,authority,reason,reviewed")
    write(tmp_path, "quotas.csv", "facet,value,least,most_percent")
    (tmp_path / "profiles.toml").write_text('[all]\ndescription = "All"\nmax_tier = 4\n')
    return tmp_path


def row(**changes: str) -> str:
    cells = {
        "id": "a.org", "name": "A", "sector": "reference", "country": "INT", "language": "en", "kind": "other",
        "tier": "2", "authority": "0.68", "terms": "expert-reference", "evidence": "known", "access": "", "notes": "",
        "reviewed": "2026-11-25",
    }  # fmt: skip
    return ",".join((cells | changes).values())


def write(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("\n".join([*lines, ""]), encoding="utf-8")


def append(folder: Path, name: str, line: str) -> None:
    write(folder, name, *(folder / name).read_text(encoding="utf-8").splitlines(), line)


def messages(folder: Path) -> str:
    return "\n".join(str(problem) for problem in check(folder=folder))


def test_the_copy_is_faultless(folder: Path) -> None:
    assert messages(folder) == ""


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"authority": "0.70"}, "tier 2 and authority 0.70 do not follow: the terms give tier 2 and authority 0.68"),
        ({"tier": "1"}, "do not follow"),
        ({"terms": "expert-reference;uneven", "notes": "mixed"}, "the terms give tier 2 and authority 0.65"),
        ({"terms": "expert-reference;uneven", "authority": "0.65"}, "term 'uneven' needs its reason in notes"),
        ({"terms": "expert"}, "'expert' not in terms.csv"),
        ({"terms": "legal-mandate"}, "there must be one base, and there are 0"),
        ({"terms": "expert-reference;research-body"}, "there must be one base, and there are 2"),
        ({"terms": "expert-reference;copies;copies", "notes": "x"}, "copies named twice"),
        ({"terms": "expert-reference;one-list"}, "terms do not follow from the evidence: drop one-list"),
        ({"evidence": "bartoc"}, "terms do not follow from the evidence: add one-list"),
        ({"evidence": "mbfc:high"}, "evidence 'mbfc' is not in evidence.csv"),
        ({"evidence": "enwiki-rsp:deprecated"}, "evidence 'enwiki-rsp' may stand in denied.csv alone"),
        ({"evidence": "lin2023:0.9"}, "a rating is written lin2023:0.812/n3"),
        ({"evidence": "lin2023:0.900/n0"}, "a rating is written"),
        ({"evidence": ""}, "evidence is empty"),
        ({"id": "x.github.io"}, "'x.github.io' is user-generated by user_generated.csv"),
        ({"id": "blogs.a.org"}, "'blogs.a.org' is personal-page by user_generated.csv"),
        ({"id": "a.org/~x"}, "'a.org/~x' is personal-page by user_generated.csv"),
    ],
)
def test_a_score_that_does_not_follow_is_named(folder: Path, changes: dict[str, str], fault: str) -> None:
    write(folder, "sources.csv", HEADER, row(**changes))
    found = messages(folder)
    assert found.startswith("sources.csv:2: ")
    assert fault in found


def test_a_row_on_user_hosting_passes_under_the_cap_or_with_an_override(folder: Path) -> None:
    capped_row = row(id="x.github.io", terms="own-docs;user-generated", tier="4", authority="0.40", notes="a blog")
    write(folder, "sources.csv", HEADER, capped_row)
    assert messages(folder) == ""
    write(folder, "sources.csv", HEADER, row(id="x.github.io", tier="1", authority="0.70", terms="own-docs"))
    append(folder, "overrides.csv", "x.github.io,1,0.70,the project's own pages,2026-11-25")
    assert messages(folder) == ""


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("a.org,2,0.68,so it is,2026-11-25", "sources.csv:2: overrides.csv gives the score that the terms give"),
        (
            "a.org,2,0.60,lower,2026-11-25",
            "sources.csv:2: tier 2 and authority 0.68 do not follow: overrides.csv gives",
        ),
        ("b.org,2,0.60,lower,2026-11-25", "overrides.csv:2: id 'b.org' is not listed"),
        ("a.org,2,0.60,,2026-11-25", "overrides.csv:2: reason is empty"),
        ("a.org,5,0.60,lower,2026-11-25", "overrides.csv:2: unknown tier '5'"),
        ("a.org,2,1.60,lower,2026-11-25", "overrides.csv:2: authority '1.60'"),
        ("a.org,2,0.60,lower,yesterday", "overrides.csv:2: reviewed 'yesterday'"),
    ],
)
def test_a_faulty_override_is_named(folder: Path, line: str, fault: str) -> None:
    append(folder, "overrides.csv", line)
    assert fault in messages(folder)


@pytest.mark.parametrize(
    ("file", "line", "fault"),
    [
        ("terms.csv", "Big,add,0.1,,review,x", "term 'Big' is not lower case"),
        ("terms.csv", "big,bonus,0.1,,review,x", "unknown effect 'bonus'; there are add, base, cap"),
        ("terms.csv", "big,add,2,,review,x", "value '2' is not a number from -1 to 1"),
        ("terms.csv", "big,cap,-0.1,,review,x", "value '-0.1' is not a number from 0 to 1"),
        ("terms.csv", "big,add,0.1,2,review,x", "tier '2': an addition leaves the tier alone"),
        ("terms.csv", "big,base,0.1,,review,x", "tier '' is not a number from 1 to 4"),
        ("terms.csv", "big,add,0.1,,hearsay,x", "unknown support 'hearsay'"),
        ("terms.csv", "big,add,0.1,,evidence,x", "support 'evidence': the evidence gives"),
        ("terms.csv", "big,add,0.1,,review,", "meaning is empty"),
        ("terms.csv", "edited,base,0.1,3,review,x", "term 'edited' stands on line"),
        ("evidence.csv", "new,New list,all rights reserved,index,", "unknown licence 'all rights reserved'"),
        ("evidence.csv", "new,New list,CC BY-SA 4.0,index,", "only denied.csv may hold such facts"),
        ("evidence.csv", "new,New list,MIT,fame,", "unknown use 'fame'"),
        ("evidence.csv", "new,,MIT,index,", "list is empty"),
        ("evidence.csv", "New,New list,MIT,index,", "token 'New' is not lower case"),
        ("evidence.csv", "new,New list,MIT,index,http://new.org", "does not begin with https://"),
        ("evidence.csv", "kagi,Again,MIT,weak,", "token 'kagi' stands on line"),
        ("user_generated.csv", "*.blogs,personal-page,x", "a label is written as in 'blogs.*'"),
        ("user_generated.csv", "Example.org,user-generated,x", "must be written 'example.org'"),
        ("user_generated.csv", "example.org,edited,x", "term 'edited' is not a cap of terms.csv"),
        ("user_generated.csv", "example.org,user-generated,", "reason is empty"),
        ("user_generated.csv", "/~,user-generated,x", "pattern '/~' stands on line"),
        ("quotas.csv", "colour,*,1,", "unknown facet 'colour'"),
        ("quotas.csv", "sector,*,few,", "least 'few' is not a whole number"),
        ("quotas.csv", "sector,*,,120", "most_percent '120' is not a number from 0 to 100"),
        ("quotas.csv", "sector,*,,", "neither least nor most_percent is set"),
        ("quotas.csv", "list,*,2,", "list list: 1 sources, the least is 2"),
        ("quotas.csv", "language,zh,1,", "language zh: 0 sources, the least is 1"),
        ("quotas.csv", "country,*,,50", "country INT: 100.0 % of the sources, the most is 50 %"),
    ],
)
def test_a_faulty_rule_is_named_with_its_line(folder: Path, file: str, line: str, fault: str) -> None:
    append(folder, file, line)
    number = (folder / file).read_text(encoding="utf-8").count("\n")
    found = messages(folder)
    assert f"{file}:{number}: " in found
    assert fault in found


def test_a_list_of_ones_own_may_set_authority_without_terms_but_not_against_them(folder: Path) -> None:
    plain = "id,name,sector,country,language,kind,tier,authority,evidence,notes"
    write(folder, "own.csv", plain, "x.github.io,X,reference,INT,en,other,1,0.99,,")
    assert check([folder / "own.csv"], folder=folder) == []
    write(folder, "own.csv", HEADER, row(id="b.org", authority="0.99"))
    (problem,) = check([folder / "own.csv"], folder=folder)
    assert "authority 0.99 do not follow" in problem.message
