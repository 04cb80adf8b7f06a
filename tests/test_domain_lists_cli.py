"""`sources match`, `sources score` and `sources check` on the command line: output and exit codes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from service.cli.console import run_command
from service.cli.main import app


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ended]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: str | Path) -> Ended:
        with pytest.raises(SystemExit) as ended:
            run_command(lambda: app(["sources", *map(str, args)], prog_name="authority-search"))
        out, err = capsys.readouterr()
        return Ended(cast(int, ended.value.code), out, err)

    return run


def test_a_score_is_told_in_a_line(cli: Cli) -> None:
    ended = cli("score", "nature.com", "suffix:edu")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "nature.com Nature Portfolio: tier 2, authority 0.75",
        "suffix:edu US accredited higher education: tier 2, authority 0.66",
    ]


def test_an_explained_score_shows_every_term_with_its_value(cli: Cli) -> None:
    lines = [line.split() for line in cli("score", "--explain", "nature.com").out.splitlines()]
    assert [line[:2] for line in lines] == [
        ["nature.com", "Nature"], ["term", "value"], ["peer-reviewed", "0.68"], ["three-lists", "+0.04"],
        ["rated-high", "+0.03"], ["score", "0.75"],
    ]  # fmt: skip


def test_a_name_that_is_source_and_suffix_is_explained_as_both(cli: Cli) -> None:
    ended = cli("score", "--explain", "gov.cn")
    assert "tier 1, authority 0.88\n" in ended.out
    assert "suffix:gov.cn Chinese party and state organs: tier 1, authority 0.78\n" in ended.out
    assert cli("score", "--explain", "suffix:gov.cn").out in ended.out


def test_scores_are_told_as_json(cli: Cli) -> None:
    source, suffix = cli("score", "--json", "gov.cn").json["gov.cn"]
    assert (source["id"], source["tier"], source["authority"], source["rule"]) == ("gov.cn", 1, 0.88, None)
    assert [(term["term"], term["effect"], term["value"]) for term in suffix["terms"]] == [
        ("public-body", "base", 0.80), ("registered", "add", 0.03), ("unreviewed", "add", -0.05),
    ]  # fmt: skip
    assert suffix["authority"] == suffix["by_terms"] == 0.78


def test_an_override_is_told_with_its_reason(cli: Cli) -> None:
    (told,) = cli("score", "--json", "caixinglobal.com").json["caixinglobal.com"]
    assert (told["by_terms"], told["authority"]) == (0.47, 0.55)
    assert "Chinese edition" in told["override"]["reason"]
    assert "override" in cli("score", "--explain", "caixinglobal.com").out


@pytest.mark.parametrize(
    ("name", "row", "rule", "authority", "last"),
    [
        ("unlisted.gov.cn", "suffix:gov.cn", "suffix", 0.78, "unreviewed"),
        ("https://media.nature.com/x", "nature.com", "inherited", 0.75, "rated-high"),
        ("https://web.mit.edu/~x/", "mit.edu", "user-generated", 0.60, "personal-page"),
    ],
)
def test_any_host_or_url_has_the_score_of_what_it_matches(
    cli: Cli, name: str, row: str, rule: str, authority: float, last: str
) -> None:
    (told,) = cli("score", "--json", name).json[name]
    assert (told["id"], told["rule"], told["authority"], told["terms"][-1]["term"]) == (row, rule, authority, last)


def test_what_matches_nothing_has_no_score(cli: Cli) -> None:
    ended = cli("score", "nature.co")
    assert ended.code == 1
    assert ended.err.startswith("error: unknown source 'nature.co'; did you mean nature.com")
    assert cli("score", "gov.cn.com").code == 1
    assert cli("score").code == 2


def test_a_list_of_ones_own_is_explained_too(cli: Cli, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text(
        "id,name,sector,country,language,kind,tier,authority,evidence,notes\n"
        "caixinglobal.com,Ours,news,CN,en,news,3,0.20,,\n",
        encoding="utf-8",
    )
    (tmp_path / "authority-search.toml").write_text(f"source_files = [{str(own)!r}]\n")
    (told,) = cli("score", "--json", "caixinglobal.com").json["caixinglobal.com"]
    assert (told["authority"], told["terms"], told["by_terms"], told["override"]) == (0.20, [], None, None)
    assert "of your own" in cli("score", "--explain", "caixinglobal.com").out


def test_a_profile_admits_unlisted_hosts_under_its_suffixes(cli: Cli) -> None:
    url = "https://unlisted.gov.cn/x"
    assert cli("match", url).code == 1
    ended = cli("match", "--profile", "government-cn", url)
    assert (ended.code, ended.out) == (0, f"{url}: suffix:gov.cn (suffix, tier 1, authority 0.78)\n")
    assert cli("match", "--profile", "law-zh", url).out == f"{url}: no source\n"
    assert cli("match", "--profile", "law-zh", "--json", url).json == {url: None}
    assert cli("match", "--profile", "lawzh", url).err.startswith("error: unknown profile 'lawzh'; did you mean law")


def test_pages_of_users_are_no_source(cli: Cli) -> None:
    url = "https://web.mit.edu/~x/"
    ended = cli("match", url)
    assert ended.code == 1
    assert ended.out == (
        f"{url}: no source; pages of users below mit.edu, capped as personal-page (tier 2, authority 0.60)\n"
    )
    assert cli("match", "--json", url).json[url]["rule"] == "user-generated"


def test_check_names_a_score_that_does_not_follow(cli: Cli, tmp_path: Path) -> None:
    assert cli("check").code == 0
    own = tmp_path / "own.csv"
    own.write_text(
        "id,name,sector,country,language,kind,tier,authority,evidence,notes,terms\n"
        "example.org,Ours,news,INT,en,news,3,0.70,known,,edited\n",
        encoding="utf-8",
    )
    ended = cli("check", own)
    assert ended.code == 1
    assert f"{own}:2: tier 3 and authority 0.70 do not follow: the terms give tier 3 and authority 0.55" in ended.err
