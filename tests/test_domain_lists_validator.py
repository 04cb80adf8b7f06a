import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from domain_lists.validator import check

COLUMNS = "id,name,sector,country,language,kind,tier,authority,evidence,notes"
HEADER = f"{COLUMNS},terms,access,reviewed"
GOOD = "a.org,A,reference,INT,en,other,2,0.68,known,,expert-reference,,2026-11-25"
DATA = ("denied", "evidence", "overrides", "quotas", "sources", "suffixes", "terms", "user_generated")
SUFFIX_HEADER = "suffix,name,country,tier,authority,terms,notes"
EDU = "edu,US,US,2,0.66,research-body;registered;unreviewed,"
GOV_CN = "gov.cn,China,CN,1,0.78,public-body;registered;unreviewed,"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small, faultless set of data files; what scores are made of is the bundled one."""
    with as_file(files("domain_lists")) as bundled:
        for name in ("terms.csv", "evidence.csv", "user_generated.csv"):
            shutil.copy(bundled / name, tmp_path)
    (tmp_path / "sources.csv").write_text(f"{HEADER}\n{GOOD}\n", encoding="utf-8")
    (tmp_path / "suffixes.csv").write_text(f"{SUFFIX_HEADER}\n{GOV_CN}\n{EDU}\n")
    (tmp_path / "denied.csv").write_text("host,reason\nusers.example.org,user hosting\n")
    (tmp_path / "overrides.csv").write_text("id,tier,authority,reason,reviewed\n")
    (tmp_path / "quotas.csv").write_text("facet,value,least,most_percent\n")
    (tmp_path / "profiles.toml").write_text('[all]\ndescription = "All"\nmax_tier = 4\n')
    return tmp_path


def append(folder: Path, name: str, row: str) -> int:
    """Add a row to a data file; its line."""
    text = (folder / name).read_text(encoding="utf-8")
    (folder / name).write_text(f"{text}{row}\n", encoding="utf-8")
    return text.count("\n") + 1


def messages(folder: Path) -> list[str]:
    return [str(problem) for problem in check(folder=folder)]


def with_row(**changes: str) -> str:
    cells = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | changes
    return ",".join(f'"{cell}"' for cell in cells.values())


def test_faultless_files_have_no_problems(folder: Path) -> None:
    assert messages(folder) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"id": ""}, "there is no host"),
        ({"id": "http://b.org"}, "has a scheme"),
        ({"id": "www.b.org"}, "leave out 'www.'"),
        ({"id": "B.org"}, "must be written 'b.org'"),
        ({"id": "b.org."}, "must be written 'b.org'"),
        ({"id": "例子.cn"}, "must be written 'xn--fsqu00a.cn'"),
        ({"id": "b.org/"}, "ends in '/'"),
        ({"id": "b.org/c/"}, "ends in '/'"),
        ({"id": "b.org/c?d=1"}, "query or fragment"),
        ({"id": "b.org/c#d"}, "query or fragment"),
        ({"id": "b.org/c/../d"}, "must be written 'b.org/d'"),
        ({"id": "b.org/中"}, "must be written 'b.org/%E4%B8%AD'"),
        ({"id": "b.org:8080"}, "leave out the port"),
        ({"id": "[::1]:8080"}, "leave out the port"),
        ({"id": "user@b.org"}, "not a valid domain name"),
        ({"id": "b c.org"}, "not a valid domain name"),
        ({"id": "::1"}, "must be written '[::1]'"),
        ({"id": "server.corpx"}, "no suffix of the Public Suffix List"),
        ({"id": "gov.cn.com"}, "looks like gov.cn"),
        ({"id": "edu.cn.com"}, "looks like edu"),
        ({"id": "stats.gov.cn.example.net"}, "belongs to whoever registered 'example.net'"),
        ({"id": "users.example.org"}, "can never match: denied.csv:2"),
        ({"id": "b.users.example.org/c"}, "denies 'users.example.org'"),
        ({"id": "a.org"}, "stands on line 2 already"),
        ({"name": " "}, "name is empty"),
        ({"sector": "refrence"}, "unknown sector 'refrence'"),
        ({"kind": ""}, "unknown kind ''"),
        ({"language": "cn"}, "unknown language 'cn'; there are ISO 639-1 codes and multi"),
        ({"country": "China"}, "country 'China'"),
        ({"country": "UK"}, "unknown country 'UK'; there are ISO 3166 alpha-2 codes, EU and INT"),
        ({"tier": "0"}, "unknown tier '0'; there are 1, 2, 3, 4"),
        ({"tier": "1.0"}, "unknown tier"),
        ({"access": "paywal"}, "unknown access 'paywal'; there are apex-only, api,"),
        ({"reviewed": "25.11.2026"}, "reviewed '25.11.2026' is not a day such as 2026-11-25"),
        ({"reviewed": "2026-02-30"}, "is not a day"),
        ({"reviewed": ""}, "reviewed is empty"),
        ({"terms": ""}, "terms is empty"),
        ({"id": "xn--whtehouse-w9h.org"}, "mixes CYRILLIC and LATIN letters"),
        ({"id": "xn--1ca.org"}, "'xn--1ca.org' looks like 'a.org', which is listed too"),
        ({"id": "xn--80a.org"}, "looks like 'a.org'"),
        ({"authority": "1.01"}, "not a number from 0 to 1"),
        ({"authority": "-0.1"}, "not a number from 0 to 1"),
        ({"authority": "nan"}, "not a number from 0 to 1"),
        ({"authority": ""}, "not a number from 0 to 1"),
        ({"evidence": "some words"}, "evidence 'some words'"),
        ({"evidence": "known;;suffix"}, "evidence"),
    ],
)
def test_a_faulty_source_row_is_named_with_its_line(folder: Path, changes: dict[str, str], fault: str) -> None:
    row = with_row(**{"id": "b.org", **changes})
    (folder / "sources.csv").write_text(f"{HEADER}\n{GOOD}\n\n{row}\n", encoding="utf-8")
    found = messages(folder)
    assert len(found) == 1
    assert found[0].startswith("sources.csv:4: ")
    assert fault in found[0]


@pytest.mark.parametrize(
    "source_id",
    ["127.0.0.1", "[::1]", "localhost", "localhost/docs", "gov.cn", "hunan.gov.cn", "gov.mb.ca", "b.org/c"],
)
def test_sound_ids_pass(folder: Path, source_id: str) -> None:
    (folder / "sources.csv").write_text(f"{HEADER}\n{with_row(id=source_id)}\n", encoding="utf-8")
    assert messages(folder) == []


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "sources.csv: the file is empty"),
        (b"id,name\na.org,A\n", "sources.csv:1: columns: missing sector"),
        (f"{HEADER},extra\n".encode(), "unknown 'extra'"),
        (f"{HEADER},id\n".encode(), "twice 'id'"),
        (f"{HEADER}\n{GOOD}\nb.org,B\n".encode(), "sources.csv:3: 2 cells, but there are 13 columns"),
        (f'{HEADER}\n{GOOD}\n"b.org\n'.encode(), "sources.csv:3: not CSV"),
        (f"{HEADER}\n{GOOD}\n\xe9".encode("latin-1"), "not UTF-8"),
    ],
)
def test_a_malformed_file_is_named(folder: Path, content: bytes, fault: str) -> None:
    (folder / "sources.csv").write_bytes(content)
    assert fault in "\n".join(messages(folder))


def test_line_numbers_count_lines_not_records(folder: Path) -> None:
    (folder / "sources.csv").write_text(f"{HEADER}\n{with_row(notes='two' + chr(10) + 'lines')}\n{with_row(id='b')}\n")
    assert [problem.line for problem in check(folder=folder)] == [4]


def test_a_missing_extra_file_and_a_folder_are_problems(folder: Path) -> None:
    found = [str(problem) for problem in check([folder / "none.csv", folder], folder=folder)]
    assert found == [
        f"{folder / 'none.csv'}: cannot be read: No such file or directory",
        f"{folder}: cannot be read: Is a directory",
    ]


def test_equal_ids_are_a_problem_in_one_file_only(folder: Path) -> None:
    extra = folder / "extra.csv"
    extra.write_text(f"{HEADER}\n{GOOD}\n")
    assert check([extra], folder=folder) == []
    extra.write_text(f"{HEADER}\n{GOOD}\n{GOOD}\n")
    assert [problem.line for problem in check([extra], folder=folder)] == [3]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("gov.cn.com,X,CN,1,0.78,public-body;registered;unreviewed,", "looks like gov.cn"),
        ("corpx,X,CN,1,0.78,public-body;registered;unreviewed,", "not under a suffix of the Public Suffix List"),
        ("GOV.uk,X,GB,1,0.78,public-body;registered;unreviewed,", "must be written 'gov.uk'"),
        ("gov.uk,X,GB,one,0.78,public-body;registered;unreviewed,", "unknown tier 'one'"),
        ("gov.uk,X,GB,1,high,public-body;registered;unreviewed,", "authority 'high'"),
        ("gov.uk,X,Britain,1,0.78,public-body;registered;unreviewed,", "country 'Britain'"),
        ("gov.uk,X,GB,1,0.80,public-body;registered;unreviewed,", "do not follow: the terms give tier 1"),
        ("gov.uk,X,GB,1,0.75,public-body;unreviewed,", "terms do not follow from the evidence: add registered"),
        ("gov.uk,X,GB,1,0.70,public-body;registered;unreviewed;loose-registry,", "needs its reason in notes"),
        (EDU, "suffix 'edu' stands on line 3 already"),
    ],
)
def test_a_faulty_suffix_is_named(folder: Path, row: str, fault: str) -> None:
    line = append(folder, "suffixes.csv", row)
    found = messages(folder)
    assert found[0].startswith(f"suffixes.csv:{line}: ")
    assert fault in "\n".join(found)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("www.b.org,x", "leave out 'www.'"),
        ("b.org,", "reason is empty"),
        ("users.example.org,x", "already"),
        ("a.users.example.org,x", "'a.users.example.org' needs no row: line 2 denies 'users.example.org'"),
        ("b.org,mbfc:low", "'mbfc' is not in evidence.csv"),
    ],
)
def test_a_faulty_denial_is_named(folder: Path, row: str, fault: str) -> None:
    append(folder, "denied.csv", row)
    found = messages(folder)
    assert len(found) == 1
    assert found[0].startswith("denied.csv:3: ")
    assert fault in found[0]


@pytest.mark.parametrize(
    ("toml", "fault"),
    [
        ("[x\n", "profiles.toml: not TOML"),
        ("a = 1\n", "profiles.toml:1: 'a' stands outside"),
        ('[x]\ndescription = "X"\ncountries = ["UK"]\n', "profile 'x': unknown countries 'UK'; there are ISO 3166"),
        ('\n[x]\ndescription = "X"\nsources = ["b.org"]\n', "profiles.toml:2: profile 'x' names 'b.org', which is not"),
        ('[x]\ndescription = "X"\nlanguages = ["zh"]\n', "profiles.toml:1: profile 'x' selects nothing"),
        ('[x]\ndescription = "X"\n', "selects nothing"),
        ("[x]\nmax_tier = 4\n", "description is missing"),
        ("[x]\ndescription = 1\nmax_tier = 4\n", "description is not a string"),
        ('[x]\ndescription = "X"\nmax_tier = 5\n', "max_tier 5 is not a number from 1 to 4"),
        ('[x]\ndescription = "X"\nmax_tier = true\n', "max_tier True"),
        ('[x]\ndescription = "X"\nsector = ["news"]\n', "unknown key 'sector'"),
        ('[x]\ndescription = "X"\nsectors = "news"\n', "sectors is not a list of strings"),
        ('[x]\ndescription = "X"\nsectors = ["newz"]\n', "unknown sectors 'newz'"),
        (
            '[x]\ndescription = "X"\nmax_tier = 4\nsuffixes = ["gov.zz"]\n',
            "allows 'gov.zz', which is not in suffixes.csv",
        ),
        ('[x]\ndescription = "X"\nsuffixes = ["edu"]\n', "selects nothing"),
        ('[X]\ndescription = "X"\nmax_tier = 4\n', "profile name 'X'"),
    ],
)
def test_a_faulty_profile_is_named(folder: Path, toml: str, fault: str) -> None:
    (folder / "profiles.toml").write_text(toml)
    assert fault in "\n".join(messages(folder))


def test_all_problems_are_reported_at_once(folder: Path) -> None:
    (folder / "sources.csv").write_text(f"{HEADER}\n{with_row(tier='x', authority='y')}\n")
    (folder / "denied.csv").write_text("host\n")
    (folder / "profiles.toml").unlink()
    assert {problem.file for problem in check(folder=folder)} == {"sources.csv", "denied.csv", "profiles.toml"}


def test_a_copy_of_the_bundled_files_passes_too(tmp_path: Path) -> None:
    with as_file(files("domain_lists")) as bundled:
        for name in (*(f"{name}.csv" for name in DATA), "profiles.toml"):
            shutil.copy(bundled / name, tmp_path)
    assert check(folder=tmp_path) == []


def test_the_longest_suffix_imitated_is_named(folder: Path) -> None:
    append(folder, "suffixes.csv", "cn,China,CN,1,0.78,public-body;registered;unreviewed,")
    append(folder, "sources.csv", with_row(id="gov.cn.com"))
    assert messages(folder) == [
        "sources.csv:3: 'gov.cn.com' looks like gov.cn, but belongs to whoever registered 'gov.cn.com'"
    ]
