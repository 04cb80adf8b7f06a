"""Measures and significance of the bench, against calculations by hand."""

from math import log2

import pytest

from bench.measures import CLASSIC, Shown, answer_recall, authority_at, judge, means
from bench.records import Result
from bench.significance import compare, holm, randomisation_test

TEN = "one two three four five six seven eight nine ten"  # 10 tokens: no word is longer than six letters


def test_judging_agrees_with_a_calculation_by_hand() -> None:
    qrels = {"q1": {"a": 2, "b": 1, "c": 1}, "q2": {"a": 1}, "q3": {"a": 1}}
    run = {"q1": {"b": 0.9, "x": 0.8, "a": 0.7}, "q2": {"x": 0.5, "a": 0.4}}
    # The gain is the relevance, halved by log2 of the place + 1; q3 has no results and counts 0.
    q1 = (1 + 2 / log2(4)) / (2 + 1 / log2(3) + 1 / log2(4))
    q2 = (1 / log2(3)) / 1
    values = judge(qrels, run)
    assert {query: one["nDCG@10"] for query, one in values.items()} == pytest.approx({"q1": q1, "q2": q2, "q3": 0})
    assert means(values) == pytest.approx(
        {
            "nDCG@10": (q1 + q2 + 0) / 3,
            "R@10": (2 / 3 + 1 + 0) / 3,
            "R@100": (2 / 3 + 1 + 0) / 3,
            "RR@10": (1 + 1 / 2 + 0) / 3,
            "P@1": (1 + 0 + 0) / 3,
        }
    )


@pytest.mark.parametrize("run", [{"q1": {}}, {}, {"other": {"a": 1.0}}])
def test_a_query_without_results_scores_nothing(run: dict[str, dict[str, float]]) -> None:
    assert judge({"q1": {"a": 1}}, run) == {"q1": dict.fromkeys(CLASSIC, 0.0)}


def test_a_relevant_document_counts_where_it_stands_whole() -> None:
    shown = [Shown("other", TEN), Shown("good", TEN), Shown("good", TEN)]
    found = answer_recall(shown, {"good": 1, "other": 0}, (), (10, 19, 20))
    assert found == {"AR@10": 0, "AR@19": 0, "AR@20": 1}


def test_an_answer_counts_where_it_is_read_however_it_is_spelt() -> None:
    shown = [Shown("x", TEN), Shown("y", f"It is Four\n  PERCENT now. {TEN}")]
    # "It is Four PERCENT" ends with token 10 + 5: "percen" and "t" are two.
    found = answer_recall(shown, {}, ("absent", "four percent"), (10, 14, 16, 100))
    assert found == {"AR@10": 0, "AR@14": 0, "AR@16": 1, "AR@100": 1}


def test_an_answer_is_not_put_together_from_two_hits() -> None:
    assert answer_recall([Shown("x", "four"), Shown("y", "percent")], {}, ("four percent",), (50,)) == {"AR@50": 0}


def test_nothing_shown_answers_nothing() -> None:
    assert answer_recall([], {"a": 1}, ("x",), (50,)) == {"AR@50": 0}


def test_authority_is_the_mean_of_the_best_hits() -> None:
    assert authority_at([0.9, 0.5, 0.1], (2, 10)) == pytest.approx({"authority@2": 0.7, "authority@10": 0.5})
    assert authority_at([], (2,)) == {"authority@2": 0}


# Significance


def test_few_differences_are_tested_exactly() -> None:
    # Sums of all 8 assignments of signs to 1, 2, 3: ±6, ±4, ±2, 0, 0. Two are as extreme as 6, four as extreme as 4.
    assert randomisation_test([1, 2, 3]) == pytest.approx(2 / 8)
    assert randomisation_test([-1, 2, 3]) == pytest.approx(4 / 8)
    assert randomisation_test([-1, -2, 3]) == pytest.approx(1)


def test_equal_queries_say_nothing() -> None:
    assert randomisation_test([1, 2, 3, 0, 0]) == randomisation_test([1, 2, 3])
    assert randomisation_test([0.0] * 50) == 1
    assert randomisation_test([]) == 1
    assert randomisation_test([0, 0.5, 0]) == 1


def test_many_differences_are_sampled_alike_each_time() -> None:
    mixed = [0.1, -0.1] * 30
    same = [0.1] * 60
    assert randomisation_test(mixed) == pytest.approx(1, abs=0.02)
    assert randomisation_test(same) == pytest.approx(2 / 20_001)
    assert randomisation_test([*same, *mixed]) == randomisation_test([*same, *mixed])


def test_holm_by_hand() -> None:
    # Sorted .01, .03, .04: times 3, 2, 1 gives .03, .06, .04, and the last is lifted to .06.
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


def result(system: str, *values: float, collection: str = "c") -> Result:
    per_query = {f"q{number}": {"P@1": value} for number, value in enumerate(values, 1)}
    return Result(collection, "test", "", system, len(values), means(per_query), per_query)


def test_comparisons_name_the_queries_that_gained_and_lost() -> None:
    found = compare([result("base", 0, 1, 0, 1), result("new", 1, 0.5, 0, 1)], "base", ("P@1", "R@10"))
    (one,) = found
    assert (one.collection, one.measure, one.baseline, one.system) == ("c", "P@1", "base", "new")
    assert one.difference == pytest.approx((1 - 0.5) / 4)
    assert (one.helped, one.hurt) == ((("q1", 1),), (("q2", -0.5),))
    # Signs of 1 and .5: sums ±1.5 and ±.5; all are at least as extreme as .5.
    assert one.p == one.p_corrected == 1


def test_all_comparisons_of_a_run_are_corrected_together() -> None:
    base, good = result("base", *[0] * 6), result("good", *[1] * 6)
    # 2 of 64 assignments are as extreme.
    assert compare([base, good], "base", ("P@1",))[0].p_corrected == pytest.approx(2 / 64)
    both = compare([base, good, result("base", 0, collection="d"), result("good", 0, collection="d")], "base", ("P@1",))
    assert [one.p_corrected for one in both] == pytest.approx([4 / 64, 1])
