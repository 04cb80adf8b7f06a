"""The report: summary, page, plots, and results.json. Expectations are reckoned by hand from the small report below."""

import hashlib
import json
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bench.errors import BenchError
from bench.plot_style import drawable, signed, spread
from bench.records import Comparison, Curve, Latency, Report, Result
from bench.report import write_report
from bench.report_cli import report as report_command
from bench.report_file import dump_report, load_report
from bench.report_summary import Summary
from bench.report_view import SHOWN_QUERIES, compared, headline, language, milliseconds, panels

HOSTILE = "<script>alert(1)</script> \"quoted\" 'single' & <img src=x onerror=y> {{ 7*7 }}"
CHINESE = "麻疹疫苗接种后免疫力能维持多久？"
VALUES = {
    ("one", "lexical"): 0.50, ("one", "dense"): 0.60, ("one", "hybrid"): 0.70,
    ("二", "lexical"): 0.90, ("二", "dense"): 0.40, ("二", "hybrid"): 0.80,
    ("part", "lexical"): 0.10, ("part", "hybrid"): 0.30,
}  # fmt: skip


def result(collection: str, system: str, value: float, **changes: Any) -> Result:
    means = {"R@10": value / 2, "nDCG@10": value}
    latency = {"lexical": Latency(2.0, 4.0, 0.5), "dense": Latency(10, 20, 1.25), "hybrid": Latency(12, 30, 1.5)}
    one = Result(collection, "test", "d" * 64, system, 4, means, {"q1": means}, latency.get(system))
    return replace(one, **changes)


HELPED = (("q1", 0.9), ("q2", 0.1))
BETTER = Comparison("one", "nDCG@10", "lexical", "hybrid", 0.2, 0.0004, 0.0012, HELPED, (("q3", -0.2),))
WORSE = Comparison("二", "nDCG@10", "lexical", "hybrid", -0.1, 0.04, 0.12, (), (("q1", -0.4),))
REPORT = Report(
    title="Bench & <b>co</b>",
    created="2026-01-02",
    machine="2 cores",
    settings={"seed": "7", "ranking.depth": "100"},
    results=tuple(result(*place, value) for place, value in VALUES.items()),
    comparisons=(BETTER, WORSE),
    curves=(
        Curve("Passages", "tokens", "nDCG@10", {"hybrid": ((64, 0.6), (0, 0.1), (200, 0.7))}, "n", True, {"here": 200}),
    ),
    queries={"one": {"q1": HOSTILE, "q2": CHINESE}},
)


class Page(HTMLParser):
    """All start tags with their attributes, the texts, and whether the tags nest."""

    VOID = ("meta", "input", "br", "img", "link")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(REPORT, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def html(written: Path) -> str:
    return written.read_text(encoding="utf-8")


# Summary


def test_means_are_over_the_sets_that_every_system_ran() -> None:
    summary = Summary(REPORT)
    assert summary.shared == [("one", "test"), ("二", "test")]
    assert summary.systems == ["hybrid", "lexical", "dense"]
    assert [summary.mean(system, "nDCG@10") for system in summary.systems] == pytest.approx([0.75, 0.70, 0.50])
    assert summary.main == "nDCG@10"
    recalls = (result("one", "a", 0, means=dict.fromkeys(("AR@512", "AR@1024"), 0.5)),)
    assert Summary(replace(REPORT, results=recalls)).main == "AR@1024"


def test_the_hybrid_is_held_against_the_better_arm_of_each_set() -> None:
    found = Summary(REPORT).over_better_arm("nDCG@10")
    assert found == {("one", "test"): pytest.approx(0.1), ("二", "test"): pytest.approx(-0.1)}


def test_standings_count_sets_against_the_baseline_and_those_that_are_significant() -> None:
    hybrid, lexical, dense = Summary(REPORT).standings()
    assert (hybrid.better, hybrid.worse, hybrid.best_on) == ((2, 1), (1, 0), 2)
    assert (lexical.better, lexical.worse, lexical.best_on) == ((0, 0), (0, 0), 1)
    assert (dense.better, dense.worse, dense.best_on) == ((1, 0), (1, 0), 0)
    assert hybrid.latency == Latency(12, 30, 1.5)


def test_the_headline_names_the_best_its_margin_and_its_latency() -> None:
    first, second = headline(Summary(REPORT))
    assert first == "hybrid: mean nDCG@10 0.750 over 2 sets, +0.050 against lexical, the next."
    assert second == (
        "Better than lexical on 2 sets, worse on 1, equal on 0. Median latency 12.0 ms, of lexical 2.00 ms."
    )


def test_the_headline_of_little_says_what_is_missing() -> None:
    apart = (result("a", "x", 0.5), result("b", "y", 0.5))
    assert headline(Summary(replace(REPORT, results=apart)))[0] == "No set was run by all systems."
    alone = (result("a", "x", 0.5),)
    assert headline(Summary(replace(REPORT, results=alone))) == ("x: mean nDCG@10 0.500 over 1 set.", "")


def test_curves_without_results_are_a_page_of_their_own(tmp_path: Path) -> None:
    alone = replace(REPORT, results=(), comparisons=())
    assert headline(Summary(alone)) == (REPORT.title, "1 curve.")
    page = write_report(alone, tmp_path).read_text(encoding="utf-8")
    targets = set(re.findall(r'href="#([\w-]+)"', page.partition("<main")[0])) - {"main"}
    assert targets == {"curves", "how"}
    assert headline(Summary(replace(alone, curves=()))) == ("No results.", "Nothing was measured.")


def test_two_splits_of_a_collection_are_told_apart_and_share_no_mark() -> None:
    both = tuple(result("one", "hybrid", 0.7, split=split) for split in ("dev", "test"))
    summary = Summary(replace(REPORT, results=both))
    assert [summary.label(key) for key in summary.sets] == ["one/dev", "one/test"]
    assert summary.compared(("one", "dev"), "hybrid", "nDCG@10") is None


def test_a_table_marks_the_best_and_what_is_significant() -> None:
    panel = panels(Summary(REPORT))[0]
    assert [row.label for row in panel.rows] == ["one", "二", "part"]
    hybrid, lexical, dense = panel.rows[0].cells
    assert (hybrid.text, hybrid.best, hybrid.mark) == ("0.700", True, "better")
    assert hybrid.said == "+0.200 against lexical, corrected p = .001"
    assert (lexical.best, lexical.mark, dense.mark) == (False, "", "")
    # Below the baseline, but a corrected p of .12 says nothing.
    assert [(one.best, one.mark) for one in panel.rows[1].cells] == [(False, ""), (True, ""), (False, "")]
    assert panel.rows[2].cells[2].text == ""


def test_of_latencies_the_lowest_is_best() -> None:
    panel = next(one for one in panels(Summary(REPORT)) if one.name == "p95 ms")
    assert [(one.text, one.best) for one in panel.rows[0].cells] == [("30.0", False), ("4.00", True), ("20.0", False)]
    assert panel.means is not None
    assert [one.best for one in panel.means.cells] == [False, True, False]


def test_a_comparison_lists_the_queries_changed_most() -> None:
    many = replace(BETTER, helped=tuple((f"q{n}", 1 - n / 100) for n in range(50)))
    shown = compared(many, REPORT, {"one": 60})
    assert (shown.helped, shown.hurt, shown.same) == (50, 1, 9)
    assert len(shown.most_helped) == SHOWN_QUERIES
    assert [row.text for row in shown.most_helped[:3]] == ["q0", HOSTILE, CHINESE]
    assert shown.most_helped[2].language == "zh"


@pytest.mark.parametrize(("text", "tag"), [("abc", ""), ("央行", "zh"), ("ワクチン接種", "ja"), ("백신", "ko")])
def test_the_script_tells_the_language(text: str, tag: str) -> None:
    assert language(text) == tag


def test_numbers_are_short() -> None:
    assert [milliseconds(value) for value in (0.4821, 9.312, 41.66, 1532.4)] == ["0.482", "9.31", "41.7", "1,532"]
    assert [signed(value) for value in (0.0412, -0.005, -0.0001, 0)] == ["+0.041", "−0.005", "0.000", "0.000"]


# The page


def test_the_page_needs_nothing_else(html: str) -> None:
    page = Page(html)
    fetched = [attributes.get(name) for _, attributes in page.tags for name in ("src", "srcset", "data", "action")]
    assert set(fetched) == {None}
    links = [attributes[name] or "" for _, attributes in page.tags for name in attributes if name.endswith("href")]
    assert links
    assert all(link.startswith("#") for link in links)
    assert page.all("link") == []
    assert "@import" not in html
    assert set(re.findall(r"url\((.)", html)) <= {"#"}
    (script,) = re.findall(r"<script>(.*)</script>", html, re.DOTALL)
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(one["content"] or "" for one in page.all("meta") if "http-equiv" in one)
    assert policy.startswith("default-src 'none';")
    assert f"script-src 'sha256-{digest}'" in policy


def test_untrusted_text_is_only_text(html: str) -> None:
    page = Page(html)
    assert HOSTILE in page.texts
    assert page.all("img") == []
    assert len(page.all("script")) == 1
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert "Bench & <b>co</b>" in page.texts


def test_the_page_is_well_formed_and_ids_are_unique_and_found(html: str) -> None:
    page = Page(html)
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = [attributes[name] or "" for _, attributes in page.tags for name in attributes if name.endswith("href")]
    used += re.findall(r"url\((#[^)]+)\)", html)
    used += [
        f"#{attributes[name]}"
        for _, attributes in page.tags
        for name in ("for", "aria-labelledby")
        if name in attributes
    ]
    assert {one.removeprefix("#") for one in used} <= set(ids)


def test_the_page_can_be_used_without_seeing_it(html: str) -> None:
    page = Page(html)
    names = [name for name, _ in page.tags]
    assert page.all("html")[0]["lang"] == "en"
    assert all(names.count(landmark) == 1 for landmark in ("header", "nav", "main", "h1", "title"))
    assert all("scope" in attributes for attributes in page.all("th"))
    plots = [attributes for attributes in page.all("div") if attributes.get("role") == "img"]
    # By set, over the better arm, latency, one curve, one pair of systems.
    assert len(plots) == len(page.all("svg")) == 5
    assert all(plot["aria-label"] for plot in plots)
    assert {"lang": "zh", "dir": "auto"} in page.all("td")


def test_drawings_follow_the_colours_of_the_page(html: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert set(re.findall(r"#[0-9a-f]{6}\b", " ".join(drawings))) == set()
    used = set(re.findall(r"var\((--plot-\w+)\)", " ".join(drawings)))
    light, dark = html.split("prefers-color-scheme: dark", 1)
    assert all(f"{name}:" in light for name in used)
    assert all(f"{name}:" in dark for name in used if re.search(r"s\d$", name))


def test_plots_are_files_too_and_old_ones_go(tmp_path: Path, written: Path) -> None:
    names = {path.name for path in (written.parent / "plots").iterdir()}
    assert names == {"by-set.png", "over-better-arm.png", "latency.png", "curve-1.png", "queries-1.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (written.parent / "plots").iterdir())
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "curve-9.png").touch()
    write_report(Report("t", "c", "m", {}, ()), tmp_path)
    assert list((tmp_path / "plots").iterdir()) == []


def test_the_same_report_gives_the_same_bytes(tmp_path: Path, written: Path) -> None:
    again = write_report(REPORT, tmp_path)
    for path in (again, *(tmp_path / "plots").iterdir()):
        assert path.read_bytes() == (written.parent / path.relative_to(tmp_path)).read_bytes()


def test_a_system_that_was_not_timed_is_in_the_table_and_not_in_the_plot(tmp_path: Path) -> None:
    # A run read from a file, on one set, without comparisons, and a lone surrogate in a name.
    only = (result("one", "read", 0.4, latency=None), result("one", "x\udc80y", 0.3, latency=None))
    page = write_report(replace(REPORT, results=only, comparisons=(), curves=()), tmp_path)
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"by-set.png"}
    assert "x?y" in page.read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match=r"cannot be written to .*file"):
        write_report(Report("t", "c", "m", {}, ()), tmp_path / "file")


# Plots


def test_text_that_the_font_lacks_is_no_box_and_no_formula() -> None:
    assert drawable("naïve − $x$ 麻疹\n b") == "naïve − $x$ ?? b"
    assert drawable("a" * 50) == "a" * 39 + "…"


def test_labels_move_apart_and_keep_their_order() -> None:
    assert spread([1.0, 5.0], 1) == [1.0, 5.0]
    assert spread([2.0, 2.0, 2.0], 1) == pytest.approx([1.0, 2.0, 3.0])
    assert spread([2.0, 1.9], 1) == pytest.approx([2.45, 1.45])
    assert spread([], 1) == []


def test_nothing_loads_the_plotting_library_but_a_report() -> None:
    code = "import sys, bench.report_cli, bench.gate_cli; print({'matplotlib', 'jinja2'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "matplotlib" not in found.stdout


# results.json


def test_a_report_is_read_back_as_it_was(tmp_path: Path) -> None:
    dump_report(REPORT, tmp_path / "results.json")
    assert load_report(tmp_path / "results.json") == REPORT
    assert CHINESE in (tmp_path / "results.json").read_text(encoding="utf-8")


def change(path: tuple[str | int, ...], value: object) -> Callable[[Any], None]:
    def changed(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        data[path[-1]] = value

    return changed


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (change(("results", 0, "means", "nDCG@10"), "0.5"), r"results\.0\.means\.nDCG@10: .*number"),
        (change(("results", 0, "queries"), None), r"results\.0\.queries: .*integer"),
        (change(("results", 0, "speed"), 1), r"results\.0\.speed: no such field"),
        (change(("results", 1, "means", "nDCG@10"), float("nan")), r"results\.1\.means\.nDCG@10 is nan"),
        (change(("results", 1, "system"), "lexical"), "two results for lexical on one/test"),
        (change(("comparisons", 0, "helped", 0), ["q1"]), r"comparisons\.0\.helped\.0"),
        (change(("results",), {}), "results: "),
    ],
)
def test_a_spoilt_file_is_told_by_its_field(tmp_path: Path, spoil: Callable[[Any], None], said: str) -> None:
    path = tmp_path / "results.json"
    dump_report(REPORT, path)
    data = json.loads(path.read_text(encoding="utf-8"))
    spoil(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(BenchError, match=rf"results\.json is not a report of the bench: {said}"):
        load_report(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'"text"', b"{}"])
def test_what_is_no_report_at_all_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(BenchError, match=r"x\.json is not a report of the bench: "):
        load_report(tmp_path / "x.json")
    with pytest.raises(BenchError, match=r"nowhere\.json cannot be read: No such file"):
        load_report(tmp_path / "nowhere.json")


def test_what_cannot_be_read_back_is_not_written(tmp_path: Path) -> None:
    for spoilt in (result("a", "x", float("inf")), result("a", "x\udc80", 0.5)):
        with pytest.raises(BenchError, match="cannot be written"):
            dump_report(replace(REPORT, results=(spoilt,)), tmp_path / "results.json")
    assert list(tmp_path.iterdir()) == []


def test_the_command_draws_a_report_again(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(report_command)
    dump_report(Report("t", "c", "m", {}, ()), tmp_path / "results.json")
    ended = CliRunner().invoke(app, [str(tmp_path / "results.json"), "--json"])
    assert (ended.exit_code, json.loads(ended.stdout)) == (0, {"report": str(tmp_path / "report.html")})
    assert (tmp_path / "report.html").is_file()
    (tmp_path / "results.json").write_text("{}")
    ended = CliRunner().invoke(app, [str(tmp_path / "results.json"), "--out", str(tmp_path / "new")])
    assert (ended.exit_code, "title: " in ended.stderr) == (1, True)
    assert not (tmp_path / "new").exists()
