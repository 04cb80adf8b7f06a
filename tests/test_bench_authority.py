import json
from pathlib import Path

import numpy as np
import pytest
from bench_collections import write_lines
from records import LetterEncoder

from bench.authority import Judged, JudgedQuery, TradeOff, curves, judged_queries, trade_offs, widest
from bench.beir import read_collection
from bench.cli import app
from bench.corpus import open_collection
from bench.paraphrase import paraphrase
from bench.records import Collection
from bench.trust import Trust, measure_trust, open_placed, placed
from bench.view import View
from index.likeness import outline, resemblance
from ranking.settings import RankingSettings
from service.cli.console import run_command

TOPICS = ("inflation", "chlorophyll", "glacier", "violin", "tariff", "enzyme", "volcano", "sonnet", "turbine", "orchid")
TEXT = (
    "The {0} report of 2021 describes how {0} changed in many places. It used large samples because small ones had "
    "often misled. Also, {0} was found to begin before winter, and experts showed why."
)


def collection(folder: Path) -> Collection:
    """Twenty documents; the first of each topic is judged relevant."""
    (folder / "qrels").mkdir(parents=True)
    topics = [(topic, TEXT.format(topic)) for topic in TOPICS]
    others = [(f"{topic} trade", f"Shops that sell {topic} things. {topic.title()} is dear.") for topic in TOPICS]
    rows = [{"_id": f"d{at}", "text": text} for at, (_, text) in enumerate(topics + others)]
    write_lines(folder / "corpus.jsonl", *rows)
    write_lines(folder / "queries.jsonl", *({"_id": topic, "text": f"report on {topic} in winter"} for topic in TOPICS))
    judgments = "".join(f"{topic}\td{at}\t1\n" for at, topic in enumerate(TOPICS))
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judgments)
    return read_collection(folder)


def judged(*relevance: float, relevant: int = 0) -> JudgedQuery:
    count = len(relevance)
    gains = np.zeros(count)
    gains[relevant] = 1
    texts = np.arange(count).astype(np.uint64)
    return JudgedQuery(np.arange(count), np.array(relevance, np.float64), texts, gains, 1.0)


def test_without_a_band_random_authority_changes_nothing() -> None:
    [found] = trade_offs({"one": Judged([judged(9, 5, 2)], 3)}, [0.0])
    assert (found.loss, found.gain, found.losses) == (0, 0, {"one": 0})


def test_two_comparable_hits_come_in_random_order_and_cost_what_theory_says() -> None:
    # With both in one band the relevant one is second half of the time: 1/log2(3) instead of 1. The third is far.
    [found] = trade_offs({"one": Judged([judged(9.0, 8.9, 1.0)], 3)}, [0.1], seeds=4000)
    assert found.loss == pytest.approx(0.5 * (1 - 1 / np.log2(3)), abs=0.01)


def test_authority_at_five_gains_what_the_best_of_a_band_have() -> None:
    # Five of six hits of one band: the mean of the five best of six uniform numbers is 4/7, against 1/2.
    even = judged(1.0, 0.999, 0.998, 0.997, 0.996, 0.0, relevant=0)
    level = even._replace(relevance=np.array([1.0, 0.999, 0.998, 0.997, 0.996, 0.995]))
    [found] = trade_offs({"one": Judged([level], 6)}, [1.0], seeds=4000)
    assert found.gain == pytest.approx(4 / 7 - 1 / 2, abs=0.01)


def test_losses_are_means_of_collections_and_not_of_queries() -> None:
    harmed, safe = judged(9.0, 8.9, 1.0), judged(9.0, 5.0, 1.0)
    [found] = trade_offs({"a": Judged([harmed], 3), "b": Judged([safe] * 9, 3)}, [0.1], seeds=500)
    assert found.losses["b"] == 0
    assert found.loss == pytest.approx(found.losses["a"] / 2)


def at(width: float, loss: float) -> TradeOff:
    return TradeOff(width, loss, 0.0, width, {"one": loss})


def test_the_widest_band_lies_between_two_widths() -> None:
    assert widest([at(0, 0), at(0.1, 0.001), at(0.2, 0.003)], 0.002) == pytest.approx(0.15)
    assert widest([at(0, 0), at(0.1, 0.001)], 0.002) == 0.1
    # The first to cost too much decides, though a wider one may seem harmless by chance.
    assert widest([at(0, 0), at(0.1, 0.004), at(0.2, 0.001)], 0.002) == pytest.approx(0.05)


def test_curves_hold_each_collection_and_mark_the_default() -> None:
    together, apart = curves([at(0, 0), at(0.1, 0.001)], 0.13)
    assert together.lines["nDCG@10 lost"] == ((0, 0), (0.1, 0.001))
    assert apart.lines == {"one": ((0, 0), (0.1, 0.001))}
    assert together.marks == {"default": 0.13}


def test_judged_queries_hold_what_the_searcher_ranks(tmp_path: Path) -> None:
    given, encoder = collection(tmp_path / "topics"), LetterEncoder()
    view = View(given, open_collection(given, tmp_path / "work", encoder))
    found = judged_queries(given, view, encoder, RankingSettings())
    assert found.passages == 20
    assert len(found.queries) == len(TOPICS)
    for one in found.queries:
        assert np.all(np.diff(one.relevance) <= 0)
        assert one.gains.sum() == one.ideal == 1


# Trust


def test_relevant_documents_stand_on_a_trusted_and_a_weak_host_and_the_others_once(tmp_path: Path) -> None:
    given = collection(tmp_path / "topics")
    pages = placed(given)
    hosts = [page.source for page, _ in pages.pages]
    assert len(pages.pages) == 30
    assert set(pages.copies) == {f"d{number}" for number in range(10)}
    assert set(pages.copies.values()) == {"mirrored", "paraphrased"}
    assert min(hosts.count("trusted.invalid"), hosts.count("weak.invalid")) >= 10
    assert placed(given) == pages


def test_trust_decides_between_copies_and_never_across_bands(tmp_path: Path) -> None:
    given, encoder = collection(tmp_path / "topics"), LetterEncoder()
    pages = placed(given)
    snapshot = open_placed(given, pages, tmp_path / "work", encoder)
    found = {
        (one.authority, one.copy): one
        for one in measure_trust(given, pages.copies, snapshot, encoder, RankingSettings(), ("off", "tie"))
    }
    mirrored: Trust = found["tie", "mirrored"]
    assert mirrored.pairs == mirrored.folded > 0
    assert mirrored.first == 1
    assert found["tie", "paraphrased"].first >= found["off", "paraphrased"].first
    assert {one.inversions for one in found.values()} == {0}
    assert mirrored.hits > 100


def test_a_paraphrase_says_the_same_in_other_words_and_another_order() -> None:
    text = TEXT.format("inflation")
    other = paraphrase(text)
    assert other.startswith("It employed big samples since little ones")
    assert other.endswith("in numerous places.")
    assert 0.1 < resemblance(outline(text), outline(other)) < 0.8
    assert paraphrase("因为下雨，许多人没来。") == "由于下雨，很多人没来。"


def test_the_command_prints_both_tables_and_writes_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    collection(tmp_path / "topics")
    monkeypatch.setattr("bench.authority_cli.load_encoder", lambda _: LetterEncoder())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: app(["bench", "authority", "topics", "--seeds", "3", "--out", "out"]))
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "paraphrased" in shown
    assert "widest band" in shown
    titles = [curve["title"] for curve in json.loads((tmp_path / "out/results.json").read_text())["curves"]]
    assert titles == ["What a band costs and gives", "nDCG@10 lost, by collection"]
    assert (tmp_path / "out/report.html").is_file()
