"""The gate: floors hold or break, and only rise."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from click.testing import Result as Ended
from typer.testing import CliRunner

from bench.errors import BenchError
from bench.floors import EPSILON, EPSILON_REASON, HEADER, Floor, read_floors, write_floors
from bench.gate import check, count_changes, gate_failures, update
from bench.gate_cli import gate
from bench.records import Report, Result
from bench.report_file import dump_report

FLOOR = Floor("scifact", "test", "hybrid", "nDCG@10", "aa", 0.7243, 0.002, "bf16 swaps near-equal hits")
NAMED = r"hybrid on scifact/test, nDCG@10"


def result(value: float, digest: str = "aa", system: str = "hybrid", collection: str = "scifact") -> Result:
    return Result(collection, "test", digest, system, 3, {"nDCG@10": value, "R@100": 0.9}, {})


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (0.9, "passed"),
        (0.7243, "passed"),
        # In binary, .7243 − .002 is above .7223.
        (0.7223, "passed"),
        (0.72229999, "broken"),
        (0.0, "broken"),
        (float("nan"), "broken"),
    ],
)
def test_a_floor_holds_to_exactly_epsilon_below_it(value: float, status: str) -> None:
    (verdict,) = check([FLOOR], [result(value)])
    assert verdict.status == status


def test_an_epsilon_of_nothing_allows_nothing() -> None:
    exact = replace(FLOOR, epsilon=0)
    assert check([exact], [result(0.7243)])[0].status == "passed"
    assert check([exact], [result(0.724299)])[0].status == "broken"


def test_other_data_and_missing_results_are_told_apart_from_a_broken_floor() -> None:
    assert check([FLOOR], [result(0.1, digest="bb")])[0].status == "data changed"
    assert check([FLOOR], [result(0.9, digest="bb")])[0].status == "data changed"
    assert check([FLOOR], [result(0.9, system="dense")])[0].status == "missing"
    assert check([replace(FLOOR, measure="RR@10")], [result(0.9)])[0].status == "missing"
    assert check([replace(FLOOR, split="dev")], [result(0.9)])[0].status == "missing"


def test_two_results_for_one_place_are_no_answer() -> None:
    with pytest.raises(BenchError, match="two results for hybrid on scifact/test"):
        check([FLOOR], [result(0.9), result(0.1)])


# Update


def test_update_raises_and_adds_and_keeps_what_was_not_measured() -> None:
    other = replace(FLOOR, collection="fiqa")
    new = update([FLOOR, other], [result(0.73129), result(0.5, system="dense")])
    assert new == (
        other,
        Floor("scifact", "test", "dense", "nDCG@10", "aa", 0.5, EPSILON, EPSILON_REASON),
        # Rounded down, and with its own reason.
        replace(FLOOR, floor=0.7312),
    )
    changes = count_changes([FLOOR, other], new)
    assert changes == {"added": 1, "raised": 1, "lowered": 0, "other data": 0, "unchanged": 1}
    assert update(new, [result(0.73129)]) == new


def test_new_floors_are_made_for_the_named_measures() -> None:
    assert [one.measure for one in update([], [result(0.5)], measures=["R@100", "none such"])] == ["R@100"]


def test_a_lower_value_within_epsilon_leaves_the_floor() -> None:
    assert update([FLOOR], [result(0.7223)]) == (FLOOR,)
    assert update([FLOOR], [result(0.7223)], allow_lower=True, reason="r") == (FLOOR,)


def test_update_refuses_to_go_down_and_names_each_floor() -> None:
    dense = replace(FLOOR, system="dense", floor=0.6)
    with pytest.raises(BenchError, match=rf"dense on .*: 0\.5000 is below .*{NAMED}: 0\.7000 is below the floor"):
        update([FLOOR, dense], [result(0.7), result(0.5, system="dense")])
    (lowered,) = update([FLOOR], [result(0.7)], allow_lower=True, reason="the new splitter")
    assert lowered == replace(FLOOR, floor=0.7, lowered="the new splitter")
    with pytest.raises(BenchError, match="takes a reason"):
        update([FLOOR], [result(0.7)], allow_lower=True, reason=" ")


def test_other_data_is_pinned_anew_only_on_request() -> None:
    with pytest.raises(BenchError, match=rf"{NAMED}: the data is not what"):
        update([FLOOR], [result(0.9, digest="bb")])
    (pinned,) = update([FLOOR], [result(0.9, digest="bb")], allow_lower=True, reason="more documents")
    assert pinned == replace(FLOOR, digest="bb", floor=0.9, lowered="more documents")
    assert count_changes([FLOOR], [pinned])["other data"] == 1


# The file


def test_floors_are_read_back_as_they_were_sorted_and_with_the_comments_above_them(tmp_path: Path) -> None:
    path, odd = tmp_path / "floors.toml", 'a "quoted" \\ back\tslash\x7f\n央行'
    floors = [replace(FLOOR, system="z"), replace(FLOOR, reason=odd, epsilon=1e-7), replace(FLOOR, lowered="why")]
    floors[2] = replace(floors[2], collection="fiqa")
    write_floors(floors, path)
    assert path.read_text(encoding="utf-8").startswith(HEADER)
    assert read_floors(path) == (floors[2], floors[1], floors[0])
    first = path.read_bytes()
    write_floors(reversed(floors), path)
    assert path.read_bytes() == first
    path.write_bytes(b"# Ours: [[floor]] tables.\n" + first.removeprefix(HEADER.encode()))
    write_floors(floors, path)
    assert path.read_text(encoding="utf-8").startswith('# Ours: [[floor]] tables.\n\n[[floor]]\ncollection = "fiqa"')


def toml(**changes: str | None) -> str:
    fields = {
        "collection": '"c"', "split": '"s"', "system": '"x"', "measure": '"m"', "digest": '"d"', "floor": "0.5",
        "epsilon": "0.002", "reason": '"r"', **changes,
    }  # fmt: skip
    return "[[floor]]\n" + "".join(f"{name} = {value}\n" for name, value in fields.items() if value is not None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[[floor]]\ncollection = \n", r"is not TOML: .*line 2"),
        (toml(epsilon=None), r"number 1: epsilon is missing"),
        (toml(reason=None), r"number 1: reason is missing"),
        (toml() + toml(split='"t"', floor='"high"'), r"number 2: floor must be a number from 0 to 1, is 'high'"),
        (toml(floor="1.5"), r"floor must be a number from 0 to 1, is 1\.5"),
        (toml(floor="nan"), r"floor must be a number"),
        (toml(epsilon="-0.1"), r"epsilon must be a number"),
        (toml(floor="true"), r"floor must be a number"),
        (toml(reason='" "'), r"reason must be a text, is ' '"),
        (toml(digest="3"), r"digest must be a text, is 3"),
        (toml(flour="0.5"), r"number 1: unknown field 'flour'"),
        (toml() + toml(), r"number 2: a second floor for x on c/s, m"),
        ('floor = "x"', r"floors are written as \[\[floor\]\] tables"),
        ("floor = [1]", r"number 1: not a table"),
        ("floors = 1", r"unknown field 'floors'"),
    ],
)
def test_a_malformed_file_is_told_by_line_or_field(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "floors.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BenchError, match=rf"floors\.toml.*{said}"):
        read_floors(path)


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"there is no floors file .*none\.toml"):
        read_floors(tmp_path / "none.toml")
    (tmp_path / "floors.toml").write_bytes(b"\xff")
    with pytest.raises(BenchError, match="is not UTF-8"):
        read_floors(tmp_path / "floors.toml")


def test_other_parts_ask_for_failures_as_sentences(tmp_path: Path) -> None:
    path = tmp_path / "floors.toml"
    write_floors([FLOOR, replace(FLOOR, system="dense")], path)
    assert gate_failures(path, [result(0.73), result(0.73, system="dense")]) == []
    assert gate_failures(path, [result(0.7)]) == [
        "dense on scifact/test, nDCG@10: the results do not hold it.",
        "hybrid on scifact/test, nDCG@10: 0.7000 is below the floor 0.7243 (less 0.002).",
    ]
    path.write_text("# none yet\n")
    assert gate_failures(path, [result(0.7)]) == [f"{path} pins nothing."]


# The command

Gate = Callable[..., Ended]


@pytest.fixture
def run_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Runs the command on a file of the given results, with floors.toml beside it."""
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    app.command()(gate)

    def run(results: list[Result], *args: str) -> Ended:
        dump_report(Report("t", "c", "m", {}, tuple(results)), tmp_path / "results.json")
        return CliRunner().invoke(
            app, [str(tmp_path / "results.json"), "--floors", str(tmp_path / "floors.toml"), *args]
        )

    return run


def test_the_gate_opens_closes_and_rises(run_gate: Gate, tmp_path: Path) -> None:
    path = tmp_path / "floors.toml"
    made = run_gate([result(0.7243)], "--update")
    assert (made.exit_code, "1 added" in made.output) == (0, True)
    assert tomllib.loads(path.read_text())["floor"][0]["floor"] == 0.7243
    passed = run_gate([result(0.7243)])
    assert (passed.exit_code, "1 passed" in passed.output) == (0, True)
    broken = run_gate([result(0.7)])
    assert (broken.exit_code, "1 broken" in broken.output) == (1, True)
    before = path.read_bytes()
    refused = run_gate([result(0.7)], "--update")
    assert (refused.exit_code, "hybrid on scifact/test" in refused.output) == (1, True)
    assert path.read_bytes() == before
    lowered = run_gate([result(0.7)], "--update", "--allow-lower", "--reason", "a smaller encoder")
    assert (lowered.exit_code, "1 lowered" in lowered.output) == (0, True)
    assert run_gate([result(0.7)]).exit_code == 0
    assert read_floors(path)[0].lowered == "a smaller encoder"


def test_scripts_get_one_json_object(run_gate: Gate) -> None:
    changes = json.loads(run_gate([result(0.7)], "--update", "--json").stdout)["changes"]
    assert changes["added"] == 1
    ended = run_gate([result(0.9, digest="bb")], "--json")
    found = json.loads(ended.stdout)
    assert (ended.exit_code, found["passed"]) == (1, False)
    assert [(one["status"], one["measured"]) for one in found["verdicts"]] == [("data changed", 0.9)]


def test_a_gate_without_floors_is_shut(run_gate: Gate, tmp_path: Path) -> None:
    assert (run_gate([result(0.7)]).exit_code, (tmp_path / "floors.toml").exists()) == (1, False)
    (tmp_path / "floors.toml").touch()
    ended = run_gate([result(0.7)])
    assert (ended.exit_code, "pins nothing" in ended.output) == (1, True)


def test_a_run_on_some_collections_is_checked_on_those(run_gate: Gate) -> None:
    run_gate([result(0.7), result(0.5, collection="nfcorpus")], "--update")
    assert run_gate([result(0.7)]).exit_code == 1
    assert run_gate([result(0.7)], "--present").exit_code == 0
    # A system that is missing from a collection that was measured is missing all the same.
    assert run_gate([result(0.7, system="dense")], "--present").exit_code == 1
    none = run_gate([result(0.7, collection="mine")], "--present")
    assert (none.exit_code, "pins none of these" in none.output) == (0, True)
    assert run_gate([result(0.7)], "--present", "--update").exit_code == 2


@pytest.mark.parametrize(
    "args", [["--allow-lower"], ["--update", "--allow-lower"], ["--update", "--reason", "x"], ["--measure", "P@1"]]
)
def test_lowering_takes_update_flag_and_reason(run_gate: Gate, args: list[str]) -> None:
    assert run_gate([result(0.7)], *args).exit_code == 2
