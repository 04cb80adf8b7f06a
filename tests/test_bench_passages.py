"""Passages against fixed windows and whole pages: cutting, articles, questions, recall, the command's parts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from bench_collections import write_collection
from records import BANK, LetterEncoder, make_page, make_sources, small_pages, small_sources, with_passages

from authority_search.models import Hit
from bench.answers import Question, QuestionSet, Span, holds, recalls, shown_share
from bench.articles import articles
from bench.cli import app
from bench.contexts import ContextEncoder, NoEncoder, changes_text, text_alone, with_title
from bench.documentation import QUESTIONS, askable, read_questions, sample_pages
from bench.errors import InvalidCollection
from bench.passages import BUDGETS, CONTEXTS, VARIANTS, PassageBench, arm_settings
from bench.passages_report import curves, mean_curves, passages_report
from bench.records import Collection, Result
from bench.report_file import load_report
from bench.windows import fixed_windows, tokens, whole_page, words
from crawler.archive import read_archive
from crawler.extract import Extracted, extract
from domain_lists.source_list import SourceList
from domain_lists.urls import canonical_url
from index.build import embedded_text
from index.catalog import Catalog, PageSplit
from index.encoders import Encoder
from index.tokens import count_tokens
from ranking.settings import RankingSettings
from service.cli.console import run_command

URL = f"https://{BANK}/page"


# Windows


def test_windows_of_words_part_the_text_between_words() -> None:
    page = make_page(URL, "# One two", "three four five", "six seven")
    windows = fixed_windows(page, 3, words)
    # The hash marks of the heading are a word as well.
    assert [window.text for window in windows] == ["# One two", "three four five", "six seven"]
    assert all(window.text == page.text()[window.start : window.end] for window in windows)
    assert [window.ordinal for window in windows] == [0, 1, 2]


def test_one_and_a_half_chinese_characters_count_as_a_word() -> None:
    page = make_page(URL, "一二三四五六七八九十")
    assert [window.text for window in fixed_windows(page, 2, words)] == ["一二三", "四五六", "七八九", "十"]


def test_windows_of_tokens_hold_at_most_that_many() -> None:
    page = make_page(URL, " ".join(f"Internationalisation of database {number}." for number in range(40)))
    windows = fixed_windows(page, 50, tokens)
    assert all(40 < window.tokens <= 50 for window in windows[:-1])
    assert " ".join(window.text for window in windows) == page.text()


def test_a_word_longer_than_the_window_stands_alone() -> None:
    page = make_page(URL, "a " + "x" * 60 + " b")
    assert [window.text for window in fixed_windows(page, 5, tokens)] == ["a", "x" * 60, "b"]


def test_a_text_that_the_page_has_had_is_left_out() -> None:
    page = make_page(URL, "one two", "one two", "three four")
    windows = fixed_windows(page, 2, words)
    assert [(window.text, window.ordinal) for window in windows] == [("one two", 0), ("three four", 1)]


def test_a_whole_page_is_one_passage_and_an_empty_one_none() -> None:
    page = make_page(URL, "# Title", "Text.")
    assert [(one.text, one.tokens) for one in whole_page(page)] == [("# Title\n\nText.", count_tokens(page.text()))]
    assert whole_page(make_page(URL)) == []


# What answers a question


def hit(text: str, url: str = URL, start: int = 0) -> Hit:
    return Hit.model_construct(text=text, url=url, start=start)


def test_an_answer_is_found_whatever_its_case_and_white_space() -> None:
    assert holds("set it to\n  Zero first", "to zero FIRST")
    assert not holds("set it to one first", "to zero first")


def test_one_answer_string_in_one_hit_is_enough() -> None:
    question = Question("q", "?", answers=("two words", "other"))
    assert recalls(question, [hit("no"), hit("Two words.")]) == {"answer": 1.0}
    assert recalls(question, [hit("two"), hit("words")]) == {"answer": 0.0}
    assert recalls(question, []) == {"answer": 0.0}


def test_hits_together_show_a_span_and_count_no_character_twice() -> None:
    span = Span(URL, 10, 20)
    assert shown_share(span, [hit("x" * 12, start=3)]) == 0.5
    assert shown_share(span, [hit("x" * 12, start=3), hit("x" * 12, start=5)]) == 0.7
    assert shown_share(span, [hit("x" * 5, start=0), hit("x" * 5, start=30), hit("x" * 99, url="https://other/")]) == 0
    assert shown_share(span, [hit("x" * 99)]) == 1


def test_evidence_recall_is_the_share_of_spans_shown_to_six_tenths() -> None:
    question = Question("q", "?", evidence={"paragraph": (Span(URL, 0, 10), Span(URL, 100, 110))})
    assert recalls(question, [hit("x" * 6)]) == {"paragraph": 0.5}
    assert recalls(question, [hit("x" * 5)]) == {"paragraph": 0.0}
    assert recalls(question, [hit("x" * 6), hit("x" * 10, start=100)]) == {"paragraph": 1.0}


# Articles


def collection(documents: dict[str, tuple[str, str]], judged: dict[str, tuple[str, dict[str, int]]]) -> Collection:
    queries = {key: text for key, (text, _) in judged.items()}
    qrels = {key: relevances for key, (_, relevances) in judged.items()}
    return Collection("c", "test", documents, queries, qrels, {}, "")


def test_paragraphs_of_one_title_make_an_article() -> None:
    made = articles(
        collection(
            {"a": ("Sun", "It shines."), "b": ("Moon", "It glows."), "c": ("Sun", "It sets. It burns hydrogen.")},
            {"q": ("What burns hydrogen?", {"c": 1, "b": 0})},
        )
    )
    assert [(page.title, page.text()) for page in made.pages] == [
        ("Sun", "It shines.\n\nIt sets. It burns hydrogen."),
        ("Moon", "It glows."),
    ]
    url, question = made.pages[0].url, made.questions[0]
    assert question.evidence["paragraph"] == (Span(url, 12, 39),)
    shown = made.pages[0].text()
    assert [shown[span.start : span.end].strip() for span in question.evidence["sentence"]] == ["It burns hydrogen."]


def test_without_titles_consecutive_documents_make_an_article() -> None:
    documents = {f"d{number}": ("", f"Text {number}." if number != 1 else " ") for number in range(6)}
    made = articles(collection(documents, {"q": ("text 5", {"d5": 1}), "gone": ("text 1", {"d1": 1})}), group=2)
    texts = [page.text() for page in made.pages]
    assert texts == ["Text 0.\n\nText 2.", "Text 3.\n\nText 4.", "Text 5."]
    # A question whose paragraphs have no text cannot be answered by anyone.
    assert [question.id for question in made.questions] == ["q"]


# The questions over documentation


def test_questions_have_unique_ids_and_texts_and_do_not_contain_their_answers() -> None:
    questions = read_questions()
    assert len({question.id for question in questions}) == len({question.text for question in questions}) == 215
    assert Counter(question.language for question in questions) == {"en": 156, "zh": 59}
    sources = SourceList.load()
    for question in questions:
        assert all(canonical_url(url) == url and sources.listed(url) for url in question.urls)
        assert not any(holds(question.text, answer) for answer in question.answers), question.id
        assert all(3 <= len(answer) <= 90 for answer in question.answers), question.id


def test_questions_spread_over_five_hosts_and_many_pages() -> None:
    first = [question.urls[0] for question in read_questions()]
    assert len(set(first)) >= 200
    assert min(Counter(url.split("/")[2] for url in first).values()) >= 20
    assert len({url.split("/")[2] for url in first}) == 5


def test_answers_stand_in_their_pages() -> None:
    path = Path(__file__).parents[2] / "shared" / "data" / "web-dev.warc.gz"
    if not path.exists():
        pytest.skip("the development data is not beside the repository")
    # Some of them: to extract all 214 pages takes half a minute.
    questions = {question.urls[0]: question for question in read_questions()[::9]}
    sources = SourceList.load()
    for response in read_archive(path):
        question = questions.pop(canonical_url(response.url), None)
        if question is not None:
            source = sources.listed(response.url)
            assert source is not None
            found = extract(response, source, question.urls[0])
            assert isinstance(found, Extracted)
            assert all(holds(found.page.text(), answer) for answer in question.answers), question.id
    assert not questions


@pytest.mark.parametrize(
    "line",
    [
        '{"_id": "a"',
        '{"_id": "a", "text": "?", "language": "en", "urls": []}',
        '{"_id": "a", "text": "?", "language": "en", "urls": ["u"], "answers": [" "]}',
        '{"_id": "a", "text": " ", "language": "en", "urls": ["u"], "answers": ["b"]}',
        '{"_id": "a", "text": "?", "language": "en", "urls": "u", "answers": ["b"]}',
    ],
)
def test_a_bad_question_is_named_with_file_and_line(tmp_path: Path, line: str) -> None:
    good = QUESTIONS.read_text(encoding="utf-8").splitlines()[0]
    path = tmp_path / "questions.jsonl"
    path.write_text(f"{good}\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidCollection, match=r"questions\.jsonl:2 is no question"):
        read_questions(path)


def test_the_sample_has_the_pages_that_answer_and_the_same_others_each_time(tmp_path: Path) -> None:
    pages = with_passages(small_pages())
    asked = [Question("q", "?", urls=(f"https://{BANK}/banknotes",), answers=("more than half of the note",))]
    with Catalog(tmp_path / "catalog.duckdb") as catalog:
        catalog.put_pages("file", 1, [page for page, _ in pages])
        catalog.put_passages([PageSplit(page.url, "key", tuple(passages)) for page, passages in pages])
        drawn = [[page.url for page, _ in sample_pages(catalog, asked, 5, seed)] for seed in (1, 1, 2)]
        everything = sample_pages(catalog, asked, 99, 1)
        with pytest.raises(InvalidCollection, match="holds none of the pages"):
            sample_pages(catalog, [Question("q", "?", urls=("https://elsewhere.org/",))], 5, 1)
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(len(urls) == 5 and urls == sorted(urls) and asked[0].urls[0] in urls for urls in drawn)
    assert len(everything) == len(pages)
    assert askable(asked, everything) == asked
    reworded = Question("r", "?", urls=asked[0].urls, answers=("not in this edition",))
    assert askable([reworded], everything) == []


# Encoders


def test_a_context_changes_what_is_encoded_and_keeps_its_vectors_apart() -> None:
    pages = with_passages([make_page(URL, "# Rates", "The policy rate.", title="Bank")])
    page, (passage,) = pages[0]
    inner = LetterEncoder()
    for context, expected in ((with_title, "Bank\nThe policy rate."), (text_alone, "The policy rate.")):
        assert context(page, passage) == expected
        encoder = ContextEncoder(inner, context, pages)
        assert encoder.description.digest != inner.description.digest
        vectors = encoder.encode_passages([embedded_text(page, passage)])
        assert (vectors == inner.encode_passages([expected])).all()


def test_a_context_changes_nothing_where_there_is_neither_title_nor_heading() -> None:
    assert not changes_text(text_alone, with_passages([make_page(URL, "Text.")]))
    assert changes_text(text_alone, with_passages([make_page(URL, "Text.", title="Title")]))


# Recall


def small_set() -> QuestionSet:
    questions = [
        Question("half", "damaged banknotes exchanged at a branch", answers=("more than half of the note",)),
        Question("tender", "are old series still legal tender", answers=("for five years after",)),
        Question("never", "who wrote the open letter", answers=("nobody did",)),
    ]
    return QuestionSet("small", "small", with_passages(small_pages()), small_sources(), questions)


def small_bench(folder: Path, encoder: Encoder | None = None, budgets: Sequence[int] = BUDGETS) -> PassageBench:
    return PassageBench(folder, encoder or NoEncoder(), RankingSettings(), budgets)


def test_every_variant_is_measured_by_the_searcher_and_a_second_run_agrees(tmp_path: Path) -> None:
    encoder = LetterEncoder()
    found = small_bench(tmp_path, encoder).run(small_set(), list(VARIANTS), ["lexical", "hybrid"])
    # What is embedded does not bear on lexical search.
    assert [(one.collection, one.system) for one in found] == [
        (f"{arm}: small", variant)
        for variant in VARIANTS
        for arm in ("lexical", "hybrid")
        if arm == "hybrid" or variant not in CONTEXTS
    ]
    lexical = {one.system: one.per_query for one in found if one.collection == "lexical: small"}
    assert {query: values["AR@128"] for query, values in lexical["passages"].items()} == {
        "half": 1.0, "tender": 1.0, "never": 0.0,
    }  # fmt: skip
    assert all(not any(per_query["never"].values()) for per_query in lexical.values())
    encoded = encoder.encoded
    assert small_bench(tmp_path, encoder).run(small_set(), list(VARIANTS), ["lexical", "hybrid"]) == found
    assert encoder.encoded == encoded


def test_a_text_is_encoded_once_whatever_set_it_stands_in(tmp_path: Path) -> None:
    encoder = LetterEncoder()
    small_bench(tmp_path, encoder).run(small_set(), ["passages"], ["dense"])
    encoded = encoder.encoded
    small_bench(tmp_path, encoder).run(replace(small_set(), name="b", home="b"), ["passages"], ["dense"])
    assert encoder.encoded == encoded


def test_the_lexical_arm_alone_needs_no_model(tmp_path: Path) -> None:
    by_letters, by_none = (
        small_bench(tmp_path / name, encoder).run(small_set(), ["passages", "100 words"], ["lexical"])
        for name, encoder in (("a", LetterEncoder()), ("b", NoEncoder()))
    )
    assert by_letters == by_none


def test_an_arm_decides_alone() -> None:
    given = RankingSettings(depth=7)
    assert arm_settings(given, "hybrid") == given
    assert arm_settings(given, "dense") == RankingSettings(depth=7, dense_weight=1, dense_weight_chinese=1)
    assert arm_settings(given, "lexical") == RankingSettings(depth=7, dense_weight=0, dense_weight_chinese=0)


def test_a_smaller_budget_cuts_the_reply(tmp_path: Path) -> None:
    # The answer is the last thing on a page of one window.
    page = make_page(URL, " ".join(f"filler{number} words" for number in range(100)), "The answer is forty-two.")
    questions = [Question("q", "filler words", answers=("forty-two",))]
    one = QuestionSet("one", "one", with_passages([page]), make_sources(BANK), questions)
    (found,) = small_bench(tmp_path, budgets=(128, 4096)).run(one, ["whole pages"], ["lexical"])
    assert found.means == {"AR@128": 0, "AR@4096": 1}


def test_a_set_without_questions_is_refused(tmp_path: Path) -> None:
    empty = QuestionSet("empty", "empty", with_passages(small_pages()), small_sources(), [])
    with pytest.raises(InvalidCollection, match="empty has no question"):
        small_bench(tmp_path).run(empty, ["passages"], ["lexical"])


def test_a_set_is_known_by_what_is_asked_and_of_which_pages() -> None:
    small = small_set()
    assert small.digest() == replace(small, name="other").digest()
    assert small.digest() != replace(small, pages=small.pages[1:]).digest()
    assert small.digest() != replace(small, questions=small.questions[1:]).digest()


# The report


def recalled(collection: str, system: str, *values: float) -> Result:
    means = dict(zip(("AR@512", "AR@1024"), values, strict=True))
    return Result(collection, "", "", system, 3, means, dict.fromkeys("abc", means))


FOUND = [
    recalled("hybrid: c paragraph", "passages", 0.25, 0.75),
    recalled("hybrid: c paragraph", "whole pages", 0.0, 0.5),
    recalled("hybrid: c sentence", "passages", 0.75, 1.0),
    recalled("dense: c paragraph", "passages", 0.5, 0.5),
]


def test_a_curve_has_a_line_for_each_way_to_cut() -> None:
    first, *others = curves(FOUND)
    assert first.title == "hybrid: c paragraph"
    assert first.lines == {"passages": ((512, 0.25), (1024, 0.75)), "whole pages": ((512, 0.0), (1024, 0.5))}
    assert first.note == "3 questions. At 1,024 tokens: passages 0.750, whole pages 0.500."
    assert len(others) == 2


def test_the_mean_curve_of_an_arm_has_what_was_measured_on_all_its_sets() -> None:
    (curve,) = mean_curves(FOUND)
    assert (curve.title, curve.lines) == ("hybrid: mean of 2 sets", {"passages": ((512, 0.5), (1024, 0.875))})


def test_the_report_compares_with_our_passages_and_knows_the_questions() -> None:
    asked = replace(small_set(), name="c")
    report = passages_report(FOUND, [asked], {"seed": "1"})
    assert [(one.collection, one.system, one.measure, one.difference) for one in report.comparisons] == [
        ("hybrid: c paragraph", "whole pages", "AR@512", -0.25),
        ("hybrid: c paragraph", "whole pages", "AR@1024", -0.25),
    ]
    assert report.queries["dense: c paragraph"]["tender"] == "are old series still legal tender"
    assert len(report.curves) == 1 + 3


def test_the_command_prints_a_table_and_writes_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_collection(tmp_path / "tiny")
    command = ["bench", "passages", "--no-documentation", str(folder), "--work-dir", str(tmp_path / "work")]
    command += ["--arm", "lexical", "--variant", "passages", "--variant", "100 words", "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: app(command, prog_name="authority-search"))
    assert ended.value.code == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["lexical:", "tiny", "sentence", "(2)"] in lines
    assert ["passages", "1.0000", "1.0000", "1.0000"] in lines
    report = load_report(tmp_path / "out" / "results.json")
    assert report.settings["tiny: pages"] == "3"
    assert "Passages against windows" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_the_command_names_a_variant_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: app(["bench", "passages", "--variant", "50 words"], prog_name="authority-search"))
    assert ended.value.code == 2
    assert "no variant '50 words'" in capsys.readouterr().err
