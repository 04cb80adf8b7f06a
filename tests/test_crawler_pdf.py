import random
from base64 import b64decode
from collections import Counter

import pytest
from pdf_files import Mark, Scan, Text, paragraph, pdf

from crawler.archive import Response
from crawler.errors import UnreadablePdf
from crawler.extract import Extracted, Skipped, extract
from crawler.passages import split
from crawler.pdf import read_pdf
from crawler.pdf_blocks import pdf_blocks
from crawler.settings import PassageSettings
from domain_lists.records import Source
from index.records import Block, Dated, Page

SOURCE = Source("example.org", "Example", "reference", "US", "en", "agency", 1, 0.9, "", "")
URL = "https://example.org/report.pdf"
LINES = (
    "The committee found that the rate of change had been measured with",
    "care over several years and by several people, none of whom was told",
    "what the others had written down.",
)
CHINESE = (
    "国家保护个人、组织与数据有关的权益，鼓励数据依法合理有效利用，保障数",
    "据依法有序自由流动，促进以数据为关键要素的数字经济发展。",
)


def blocks_of(body: bytes) -> list[Block]:
    read = read_pdf(body)
    return pdf_blocks(read.pages, read.outline)


def texts(body: bytes) -> list[str]:
    return [block.rendered() for block in blocks_of(body)]


def result(body: bytes, *headers: tuple[str, str], content_type: str = "application/pdf") -> Extracted | Skipped:
    response = Response(URL, 200, (("Content-Type", content_type), *headers), body, "2026-03-05T12:00:00Z", 0)
    return extract(response, SOURCE, URL)


def page(body: bytes, *headers: tuple[str, str], content_type: str = "application/pdf") -> Page:
    extracted = result(body, *headers, content_type=content_type)
    assert isinstance(extracted, Extracted)
    return extracted.page


def report(pages: int = 4) -> bytes:
    """Each page with a running head, a paragraph and its number."""
    return pdf(
        [
            [Text("Annual Report of the Office", 800, size=9), *paragraph(LINES, 700), Text(f"- {n + 1} -", 40, x=290)]
            for n in range(pages)
        ]
    )


def test_lines_of_a_paragraph_are_joined_and_the_page_is_named() -> None:
    assert texts(pdf([paragraph(LINES, 700)])) == ["###### Page 1", " ".join(LINES)]


def test_chinese_without_embedded_fonts_is_read_and_joined_without_spaces() -> None:
    found = page(pdf([[Text("关于数据工作的意见", 780, size=20), *paragraph(CHINESE, 700)]]))
    assert [block.text for block in found.blocks] == ["关于数据工作的意见", "Page 1", "".join(CHINESE)]
    assert (found.language, found.title) == ("zh", "关于数据工作的意见")


def test_running_heads_and_page_numbers_are_left_out() -> None:
    assert texts(report()) == [part for n in range(1, 5) for part in (f"###### Page {n}", " ".join(LINES))]


def test_a_numbered_heading_at_the_top_of_each_page_is_no_running_head() -> None:
    pages = [[Text(f"Article {3 * n}", 780, size=16), *paragraph(LINES, 700)] for n in range(1, 5)]
    assert [text for text in texts(pdf(pages)) if text.startswith("# ")] == [f"# Article {3 * n}" for n in range(1, 5)]


def test_lines_of_a_table_of_contents_are_left_out() -> None:
    contents = [Text("1 Scope . . . . . . . . . . . 4", 700), Text("2 Terms ........... 12", 686)]
    assert texts(pdf([[*contents, *paragraph(LINES, 600)]])) == ["###### Page 1", " ".join(LINES)]


def test_headings_come_from_the_outline_and_keep_the_number_in_the_text() -> None:
    pages = [
        [Text("1 Scope", 780), *paragraph(LINES, 750), Text("2 Terms", 600), *paragraph(LINES, 570)],
        [*paragraph(LINES, 780)],
    ]
    outline = [Mark("Scope", 0, 795), Mark("Terms", 0, 615), Mark("Not in the text", 1, 795)]
    prose = " ".join(LINES)
    assert texts(pdf(pages, outline)) == [
        "# 1 Scope", "###### Page 1", prose, "# 2 Terms", "###### Page 1", prose,
        "# Not in the text", "###### Page 2", prose,
    ]  # fmt: skip


def test_a_sentence_that_ends_in_the_words_of_an_outline_entry_is_no_heading() -> None:
    pages = [[Text("What follows is said of the scope", 780), Text("Scope", 740), *paragraph(LINES, 700)]]
    assert texts(pdf(pages, [Mark("Scope", 0, 755)]))[:3] == [
        "###### Page 1", "What follows is said of the scope", "# Scope",
    ]  # fmt: skip


def test_without_an_outline_larger_and_bold_lines_are_headings() -> None:
    pages = [
        [
            Text("Report on Rates", 790, size=24), Text("Findings", 740, size=16), *paragraph(LINES, 700),
            Text("In detail", 640, bold=True), *paragraph(LINES, 620),
        ]
    ]  # fmt: skip
    assert [text for text in texts(pdf(pages)) if text.startswith("#")] == [
        "# Report on Rates", "## Findings", "###### Page 1", "### In detail", "###### Page 1",
    ]  # fmt: skip


def test_bold_cells_of_a_table_and_bold_labels_are_no_headings() -> None:
    row = [Text("Year", 700, bold=True), Text("Rate", 700, x=200, bold=True)]
    label = [Text("Note", 660, bold=True), Text("that this is a sentence that goes on behind its label.", 660, x=98)]
    assert not [text for text in texts(pdf([[*row, *label, *paragraph(LINES, 620)]])) if text.startswith("# ")]


def test_a_paragraph_over_the_end_of_a_page_stays_whole_with_its_first_page() -> None:
    pages = [paragraph(LINES[:2], 100), [*paragraph(LINES[2:], 780), *paragraph(LINES, 700)]]
    assert texts(pdf(pages)) == ["###### Page 1", " ".join(LINES), "###### Page 2", " ".join(LINES)]


def test_items_of_a_list_are_blocks_of_their_own() -> None:
    items = [Text("\u00b7 First of the items", 640), Text("\u00b7 Second of the items", 626)]
    found = blocks_of(pdf([[*paragraph(LINES, 700), *items]]))
    assert [(block.kind, block.text) for block in found[2:]] == [
        ("list", "\u00b7 First of the items"),
        ("list", "\u00b7 Second of the items"),
    ]


def test_cells_of_a_row_are_parted_and_rows_stay_lines() -> None:
    rows = [[Text(name, y), Text(rate, y, x=300)] for name, rate, y in (("Year", "Rate", 700), ("2024", "3.5", 686))]
    assert texts(pdf([[cell for row in rows for cell in row]])) == ["###### Page 1", "Year | Rate\n2024 | 3.5"]


LEFT = (
    "The committee found that the rate of",
    "change had been measured with great",
    "care over several years, though none",
    "was told what others wrote in spring.",
)
RIGHT = (
    "Wheat was harvested on more land than",
    "in any of the ten years before. There",
    "was less of rye, since the prices had",
    "fallen below the cost of its transport.",
)


def test_two_columns_come_one_after_the_other_where_the_file_has_them_so() -> None:
    left, right = paragraph(LEFT, 700, x=60, size=10), paragraph(RIGHT, 700, x=310, size=10)
    assert texts(pdf([[*left, *right]])) == ["###### Page 1", " ".join(LEFT), " ".join(RIGHT)]
    # The limit: a file that writes across both columns cannot be told from a table, and keeps its rows.
    across = texts(pdf([[line for row in zip(left, right, strict=True) for line in row]]))
    assert across == ["###### Page 1", "\n".join(f"{one} | {other}" for one, other in zip(LEFT, RIGHT, strict=True))]


def test_every_passage_tells_its_page_and_is_a_slice_of_the_text() -> None:
    pages = [
        [
            Text(f"{n} Chapter", 780, size=18),
            *paragraph([*LINES, f"That was part {n * n + 5} of all of them."], 740),
        ]
        for n in range(1, 4)
    ]
    found = page(pdf(pages))
    passages = split(found, frozenset(), PassageSettings(min_tokens=60, max_tokens=120))
    assert [passage.heading_path for passage in passages] == [(f"{n} Chapter", f"Page {n}") for n in range(1, 4)]
    assert all(found.text()[one.start : one.end] == one.text for one in passages)


@pytest.mark.parametrize(
    ("stated", "title"),
    [
        ("A Report", "A Report"),
        ("report_final.docx", "Set in large type"),
        ("Microsoft Word - x", "Set in large type"),
        ("", "Set in large type"),
    ],
)
def test_the_title_is_stated_or_set_in_large_type(stated: str, title: str) -> None:
    body = pdf([[Text("Set in large type", 780, size=22), *paragraph(LINES, 700)]], info=f"/Title ({stated})")
    assert page(body).title == title


def test_dates_are_those_that_file_and_server_state() -> None:
    served = ("Last-Modified", "Wed, 01 Jan 2025 10:00:00 GMT")
    assert page(report(), served).modified == Dated("2025-01-01T10:00:00Z", "http:last-modified")
    stated = pdf([paragraph(LINES, 700)], info="/ModDate (D:20240506122313Z)")
    assert page(stated, served).modified == Dated("2024-05-06", "pdf:moddate")
    assert page(stated).published is None


def test_headers_speak_for_a_pdf_as_they_do_for_a_page() -> None:
    assert result(report(), ("X-Robots-Tag", "noindex")) == Skipped("noindex")
    extracted = result(report(), ("Link", '<https://example.org/a.pdf>; rel="canonical"'))
    assert isinstance(extracted, Extracted)
    assert extracted.canonical == "https://example.org/a.pdf"


@pytest.mark.parametrize("content_type", ["application/octet-stream", "", "text/html", "application/x-pdf; a=b"])
def test_a_pdf_is_told_by_its_bytes(content_type: str) -> None:
    assert page(report(), content_type=content_type).blocks[1].text == " ".join(LINES)


ENCRYPTED = b64decode(
    "JVBERi0xLjMKJeLjz9MKMSAwIG9iago8PAovVHlwZSAvQ2F0YWxvZwovUGFnZXMgMiAwIFIKPj4KZW5kb2JqCjIgMCBvYmoKPDwKL1R5cGUg"
    "L1BhZ2VzCi9Db3VudCAxCi9LaWRzIFsgMyAwIFIgXQo+PgplbmRvYmoKMyAwIG9iago8PAovVHlwZSAvUGFnZQovUGFyZW50IDIgMCBSCi9N"
    "ZWRpYUJveCBbIDAgMCA1OTUgODQyIF0KL0NvbnRlbnRzIDQgMCBSCi9SZXNvdXJjZXMgPDwKL0ZvbnQgPDwKL0YwIDUgMCBSCi9GMSA2IDAg"
    "UgovRjIgNyAwIFIKPj4KPj4KPj4KZW5kb2JqCjQgMCBvYmoKPDwKL0ZpbHRlciAvRmxhdGVEZWNvZGUKL0xlbmd0aCA4NQo+PgpzdHJlYW0K"
    "QVsLmXxfnlY08GrR8PRg/vNTr4+v3WjhLtVurVz2w0XZKSnYGn4n4rOSworDt3HVcVGadhVlfqnJ9pInTR6Lrpw/7M2IoyDV9vIo32hSXNSM"
    "oAGkiQplbmRzdHJlYW0KZW5kb2JqCjUgMCBvYmoKPDwKL1R5cGUgL0ZvbnQKL1N1YnR5cGUgL1R5cGUxCi9CYXNlRm9udCAvSGVsdmV0aWNh"
    "Ci9FbmNvZGluZyAvV2luQW5zaUVuY29kaW5nCj4+CmVuZG9iago2IDAgb2JqCjw8Ci9UeXBlIC9Gb250Ci9TdWJ0eXBlIC9UeXBlMQovQmFz"
    "ZUZvbnQgL0hlbHZldGljYS1Cb2xkCi9FbmNvZGluZyAvV2luQW5zaUVuY29kaW5nCj4+CmVuZG9iago3IDAgb2JqCjw8Ci9UeXBlIC9Gb250"
    "Ci9TdWJ0eXBlIC9UeXBlMAovQmFzZUZvbnQgL1NUU29uZy1MaWdodAovRW5jb2RpbmcgL1VuaUdCLVVDUzItSAovRGVzY2VuZGFudEZvbnRz"
    "IFsgOCAwIFIgXQo+PgplbmRvYmoKOCAwIG9iago8PAovVHlwZSAvRm9udAovU3VidHlwZSAvQ0lERm9udFR5cGUwCi9CYXNlRm9udCAvU1RT"
    "b25nLUxpZ2h0Ci9EVyAxMDAwCi9DSURTeXN0ZW1JbmZvIDw8Ci9SZWdpc3RyeSA8MTc3MDUyNDZkNj4KL09yZGVyaW5nIDwxMTU2MGM+Ci9T"
    "dXBwbGVtZW50IDAKPj4KL0ZvbnREZXNjcmlwdG9yIDw8Ci9UeXBlIC9Gb250RGVzY3JpcHRvcgovRm9udE5hbWUgL1NUU29uZy1MaWdodAov"
    "RmxhZ3MgNgovRm9udEJCb3ggWyAwIC0yMDAgMTAwMCA5MDAgXQovSXRhbGljQW5nbGUgMAovQXNjZW50IDkwMAovRGVzY2VudCAtMjAwCi9D"
    "YXBIZWlnaHQgOTAwCi9TdGVtViA4MAo+Pgo+PgplbmRvYmoKOSAwIG9iago8PAo+PgplbmRvYmoKMTAgMCBvYmoKPDwKL1YgMgovUiAzCi9M"
    "ZW5ndGggMTI4Ci9QIDQyOTQ5NjcyOTIKL0ZpbHRlciAvU3RhbmRhcmQKL08gPDJjMmYwYTE5OTAxOTJjNjAxMTQ3MzBiZGNkMzlmMzc4Mjhh"
    "NTNjODlhMzQwZGQ0NzNjODUyOTlkYzUyNThlMWM+Ci9VIDw2YzM0MjI1NmU4NDE3N2Y3Y2M0YzY1ZTY2Y2VjOTI0YTI4YmY0ZTVlNGU3NThh"
    "NDE2NDAwNGU1NmZmZmEwMTA4Pgo+PgplbmRvYmoKeHJlZgowIDExCjAwMDAwMDAwMDAgNjU1MzUgZiAKMDAwMDAwMDAxNSAwMDAwMCBuIAow"
    "MDAwMDAwMDY0IDAwMDAwIG4gCjAwMDAwMDAxMjMgMDAwMDAgbiAKMDAwMDAwMDI3MSAwMDAwMCBuIAowMDAwMDAwNDI3IDAwMDAwIG4gCjAw"
    "MDAwMDA1MjQgMDAwMDAgbiAKMDAwMDAwMDYyNiAwMDAwMCBuIAowMDAwMDAwNzUwIDAwMDAwIG4gCjAwMDAwMDEwODkgMDAwMDAgbiAKMDAw"
    "MDAwMTExMCAwMDAwMCBuIAp0cmFpbGVyCjw8Ci9TaXplIDExCi9Sb290IDEgMCBSCi9JbmZvIDkgMCBSCi9JRCBbIDw5ZTJkZDg1NGY1Nzk4"
    "YTRjY2UxZmU0ZTc3OGU0NGFlYz4gPDllMmRkODU0ZjU3OThhNGNjZTFmZTRlNzc4ZTQ0YWVjPiBdCi9FbmNyeXB0IDEwIDAgUgo+PgpzdGFy"
    "dHhyZWYKMTMyNgolJUVPRgo="
)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (ENCRYPTED, "pdf: encrypted"),
        (b"%PDF-1.7\n" + b"\0" * 500, "pdf: damaged"),
        (b"<html><body>Please log in</body></html>", "pdf: something else"),
        (b"", "pdf: something else"),
        (pdf([[], [], []]), "pdf: no text layer"),
        (pdf([[Scan()], [Scan()]]), "pdf: no text layer"),
        (pdf([]), "pdf: damaged"),
    ],
)
def test_a_pdf_without_text_to_be_had_is_skipped_with_its_reason(body: bytes, reason: str) -> None:
    assert result(body) == Skipped(reason)


def test_too_many_pages_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.pdf.MAX_PAGES", 3)
    assert result(report(4)) == Skipped("pdf: too many pages")
    monkeypatch.setattr("crawler.pdf.MAX_PAGES", 4)
    monkeypatch.setattr("crawler.pdf.MAX_CHARACTERS", 500)
    assert result(report(4)) == Skipped("pdf: too much text")


def test_no_damage_does_more_than_cost_the_text() -> None:
    rng = random.Random(7)
    sound = pdf([[Text("Title", 780, size=20), *paragraph(LINES, 700)]] * 3, [Mark("Title", 1, 800)], compress=True)
    outcomes = Counter[str]()
    for _ in range(60):
        body = bytearray(sound)
        for _ in range(rng.choice((1, 5, 40))):
            body[rng.randrange(len(body))] = rng.randrange(256)
        try:
            blocks_of(bytes(body[: rng.choice((len(body), rng.randrange(len(body))))]))
            outcomes["read"] += 1
        except UnreadablePdf as error:
            outcomes[str(error)] += 1
    assert set(outcomes) <= {"read", "pdf: damaged", "pdf: no text layer", "pdf: something else", "pdf: encrypted"}
    assert outcomes["read"], outcomes
