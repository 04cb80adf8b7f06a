import re
import tarfile
from collections import Counter
from pathlib import Path
from statistics import fmean

import pytest
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from crawler.archive import Response
from crawler.blocks import find_blocks
from crawler.extract import Extracted, Skipped, extract, is_readable
from crawler.main_text import main_text
from domain_lists.records import Source
from index.records import Dated, Page

SOURCE = Source("example.org", "Example", "reference", "US", "en", "agency", 1, 0.9, "", "")
URL = "https://example.org/docs/page.html"
PROSE = "<p>The committee found that the rate of change had been measured with care over several years.</p>"


def response(body: str | bytes, *headers: tuple[str, str], content_type: str = "text/html; charset=utf-8") -> Response:
    data = body.encode() if isinstance(body, str) else body
    return Response(URL, 200, (("Content-Type", content_type), *headers), data, "2026-03-05T12:00:00Z", 0)


def page(body: str | bytes, *headers: tuple[str, str], content_type: str = "text/html; charset=utf-8") -> Page:
    result = extract(response(body, *headers, content_type=content_type), SOURCE, URL)
    assert isinstance(result, Extracted)
    return result.page


def html(body: str, head: str = "") -> str:
    return f"<!DOCTYPE html><html lang='en-GB'><head>{head}</head><body>{body}</body></html>"


REFERENCE = html(
    """<div class="navheader"><table><tr><td><a href="p">Prev</a></td><td><a href="n">Next</a></td></tr></table></div>
    <div class="refentry"><div class="refnamediv"><h2>FREEZE</h2><p>FREEZE — keep a table as it is</p></div>
    <div class="refsynopsisdiv"><h2>Synopsis</h2><pre class="synopsis">FREEZE [ TABLE ] <em><code>name</code></em>
    [ NOWAIT ]</pre></div>
    <div class="refsect1"><h2>Description</h2><p><code>FREEZE <em><code>name</code></em> NOWAIT</code> makes sure that
    nobody changes the rows of a table until the end of the transaction, and waits for those who do.</p></div>
    <div class="refsect1"><h2>Parameters</h2><div class="variablelist"><dl><dt><code>name</code></dt>
    <dd><p>The name of an existing table to freeze, optionally with its schema before it.</p></dd>
    <dt><code>NOWAIT</code></dt><dd><p>Fail at once rather than wait for others to finish their work.</p></dd></dl>
    </div></div></div>
    <div class="navfooter"><table><tr><td><a href="p">Prev</a></td><td><a href="n">Next</a></td></tr></table></div>""",
    "<title>FREEZE</title>",
)


def test_a_reference_page_keeps_its_headings_definitions_and_order() -> None:
    assert page(REFERENCE).text() == (
        "## FREEZE\n\nFREEZE — keep a table as it is\n\n"
        "## Synopsis\n\nFREEZE [ TABLE ] name\n    [ NOWAIT ]\n\n"
        "## Description\n\nFREEZE name NOWAIT makes sure that nobody changes the rows of a table until the end of the "
        "transaction, and waits for those who do.\n\n"
        "## Parameters\n\n"
        "name\nThe name of an existing table to freeze, optionally with its schema before it.\n\n"
        "NOWAIT\nFail at once rather than wait for others to finish their work."
    )


def test_navigation_sidebars_and_footers_are_not_main_text() -> None:
    text = page(
        html(
            "<nav><ul><li><a href='/a'>Elsewhere</a></li></ul></nav><aside>Sponsored by nobody</aside>"
            f"<main><h1>Rates</h1>{PROSE * 3}<p>And a closing remark about all of that.</p></main>"
            "<footer>Imprint and copyright</footer>"
        )
    ).text()
    assert text.startswith("# Rates")
    assert text.endswith("closing remark about all of that.")
    for outside in ("Elsewhere", "Sponsored", "Imprint"):
        assert outside not in text


def test_the_title_before_a_table_of_contents_is_kept_and_the_contents_are_not() -> None:
    contents = "<ul>" + "".join(f"<li><a href='#{n}'>Section number {n}</a></li>" for n in range(5)) + "</ul>"
    blocks = page(
        html(f"<div><h1>Chapter 1</h1><h2>Contents</h2>{contents}{PROSE * 4}<h2>One</h2>{PROSE}</div>")
    ).blocks
    assert blocks[0].text == "Chapter 1"
    assert "Section number" not in page(html(f"<h1>Chapter 1</h1>{contents}{PROSE * 4}")).text()


def test_a_title_of_any_level_before_a_table_of_contents_is_kept_where_it_stands_above_the_first_heading() -> None:
    contents = "<ul>" + "".join(f"<li><a href='#{n}'>Section number {n}</a></li>" for n in range(5)) + "</ul>"
    body = html(f"<h2>36.3. Commands</h2>{contents}<h3>36.3.1. Statements</h3>{PROSE * 4}")
    assert [block.text for block in page(body).blocks[:2]] == ["36.3. Commands", "36.3.1. Statements"]
    body = html(f"<h2>36.3. Commands</h2>{contents}{PROSE * 4}<h3>36.3.1. Statements</h3>{PROSE * 4}")
    assert page(body).blocks[0].text == "36.3. Commands"


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("<title>Rates — The Bureau of Rates</title>", "<h1>Rates<a href='#x'>¶</a></h1>", "Rates"),
        ("<title>Rates and how to read them | Bureau</title>", "", "Rates and how to read them"),
        ("<title>Bureau - Rates and how to read them</title>", "", "Rates and how to read them"),
        ("<title>B | Rates</title><meta property='og:title' content='Rates'>", "", "Rates"),
        ("<title>mod_x - Some Server Version 2</title>", "<h1>Module mod_x</h1>", "mod_x"),
        ("<title>mpm_x - Some Server Version 2</title>", "<h1>Some MPM X Directives</h1>", "mpm_x"),
        ("", "<h1>Only a heading</h1>", "Only a heading"),
        ("", "", ""),
    ],
)
def test_titles_lose_the_name_of_the_site(head: str, body: str, title: str) -> None:
    assert page(html(f"<main>{body}{PROSE * 4}</main>", head)).title == title


def test_language_follows_the_text_then_the_page() -> None:
    chinese = "<p>本法所称的数据，是指任何以电子或者其他方式对信息的记录。</p>" * 5
    assert page(html(PROSE * 4)).language == "en"
    assert page(html(chinese)).language == "zh"
    assert page(html("<p>Berlin 2024, Wien 2025</p><pre>" + "x = 1\n" * 60 + "</pre>")).language == "en"


SENTENCES = {
    "zh-CN": "国家保护个人、组织与数据有关的权益，鼓励数据依法合理有效利用。",
    "zh-TW": "國家保護個人與組織的權益，並鼓勵資料的合理使用。",
    "rare": "镕堃喆珺昇，朱镕基与陶喆的名字里有这些字。",
    "ja": "国は、個人の権利を守るために必要な措置を講じなければならない。",
    "fr": "Le café de la façade n’était pas ouvert, où que l’élève aille déjà – « voilà » – pour 5 €.",
    "ru": "Государство защищает права граждан и организаций, связанные с данными.",
}


def sentences(name: str, encoding: str, head: str = "") -> bytes:
    text = SENTENCES[name]
    return html(f"<h1>{text}</h1>" + f"<p>{text * 4}</p>" * 8, head).encode(encoding)


@pytest.mark.parametrize(
    ("name", "encoding", "content_type", "head"),
    [
        # declared by header or page, under the name of a narrower encoding too
        ("zh-CN", "gbk", "text/html; charset=gbk", ""),
        ("zh-CN", "gb18030", "text/html; charset=gb2312", ""),
        ("rare", "gb18030", "text/html; charset=GB2312", ""),
        ("rare", "gb18030", "text/html", "<meta charset='gb2312'>"),
        ("zh-CN", "gb18030", "text/html", "<meta http-equiv='Content-Type' content='text/html; charset=gbk'>"),
        ("zh-TW", "big5", "text/html; charset=big5", ""),
        ("zh-TW", "big5", "text/html", "<meta charset='big5'>"),
        ("ja", "shift_jis", "text/html; charset=Shift_JIS", ""),
        ("ja", "shift_jis", "text/html", "<meta charset='x-sjis'>"),
        ("ja", "euc-jp", "text/html; charset=euc-jp", ""),
        ("fr", "cp1252", "text/html; charset=windows-1252", ""),
        ("fr", "cp1252", "text/html; charset=iso-8859-1", ""),
        ("ru", "cp1251", "text/html", "<meta charset='windows-1251'>"),
        # not declared
        ("zh-CN", "utf-8", "text/html", ""),
        ("zh-CN", "gb18030", "text/html", ""),
        ("zh-TW", "big5", "text/html", ""),
        ("ja", "shift_jis", "text/html", ""),
        ("fr", "cp1252", "text/html", ""),
        ("fr", "utf-8", "text/html", ""),
        # the byte order mark wins over all else
        ("zh-CN", "utf-8-sig", "text/html; charset=iso-8859-1", ""),
        ("fr", "utf-16", "text/html; charset=iso-8859-1", "<meta charset='iso-8859-1'>"),
        # header against page: the header, as browsers do
        ("zh-CN", "gbk", "text/html; charset=gbk", "<meta charset='utf-8'>"),
        ("zh-CN", "utf-8", "text/html; charset=utf-8", "<meta charset='gb2312'>"),
        # a declaration that the bytes contradict
        ("zh-CN", "utf-8", "text/html; charset=iso-8859-1", ""),
        ("zh-CN", "utf-8", "text/html; charset=gb2312", "<meta charset='utf-8'>"),
        ("zh-CN", "utf-8", "text/html", "<meta charset='gb2312'>"),
        ("zh-CN", "gb18030", "text/html; charset=utf-8", "<meta charset='gb2312'>"),
        ("zh-CN", "gb18030", "text/html; charset=utf-8", ""),
        ("zh-TW", "big5", "text/html; charset=utf-8", ""),
        ("fr", "cp1252", "text/html; charset=utf-8", ""),
        ("fr", "utf-8", "text/html; charset=windows-1252", ""),
        ("zh-CN", "gb18030", "text/html; charset=nonsense", ""),
    ],
)
def test_text_is_decoded_as_header_page_or_bytes_say(name: str, encoding: str, content_type: str, head: str) -> None:
    found = page(sentences(name, encoding, head), content_type=content_type)
    assert found.blocks[0].text == SENTENCES[name]


def test_a_few_damaged_bytes_do_not_change_the_encoding() -> None:
    body = sentences("zh-CN", "utf-8").replace(b"</body>", b"<p>\xff\xfe</p></body>")
    assert page(body, content_type="text/html; charset=utf-8").blocks[0].text == SENTENCES["zh-CN"]
    body = sentences("zh-CN", "gb18030").replace(b"</body>", b"<p>\xff</p></body>")
    assert page(body, content_type="text/html; charset=gbk").blocks[0].text == SENTENCES["zh-CN"]


def test_accented_letters_without_a_declared_encoding_are_read_as_browsers_do() -> None:
    body = html("<p>Le café de la façade n’était pas ouvert, où que l’élève aille déjà ce matin-là.</p>" * 6)
    assert "café de la façade n’était" in page(body.encode("cp1252"), content_type="text/html").text()


@pytest.mark.parametrize("character", ["\0", "\x01", "&#1;", "&#x0b;", "&#xFFFF;", "&#xD800;", "\ufffe", "&#00011;"])
def test_a_character_that_no_text_has_costs_nothing_else(character: str) -> None:
    text = page(
        html(f"<p>Before{character}after. The rest of this text is long enough to be found.</p>{PROSE * 4}")
    ).text()
    assert "Before" in text
    assert "measured with care" in text
    text.encode()


def test_dates_come_from_page_headers_and_archive() -> None:
    head = '<meta property="article:published_time" content="2024-05-06">'
    found = page(html(PROSE * 4, head), ("last-modified", "Wed, 01 Jan 2025 10:00:00 GMT"))
    assert found.published == Dated("2024-05-06", "meta:article:published_time")
    assert found.modified == Dated("2025-01-01T10:00:00Z", "http:last-modified")
    assert found.crawled == Dated("2026-03-05T12:00:00Z", "archive")
    assert found.changed is None


@pytest.mark.parametrize(
    ("head", "headers"),
    [
        ('<meta name="ROBOTS" content="NoIndex, follow">', ()),
        ('<meta name="robots" content="none">', ()),
        ("", (("X-Robots-Tag", "noarchive, noindex"),)),
    ],
)
def test_pages_that_do_not_want_to_be_indexed_are_skipped(head: str, headers: tuple[tuple[str, str], ...]) -> None:
    assert extract(response(html(PROSE * 4, head), *headers), SOURCE, URL) == Skipped("noindex")


def test_a_rule_for_another_crawler_is_none_for_us() -> None:
    assert isinstance(extract(response(html(PROSE * 4), ("X-Robots-Tag", "otherbot: noindex")), SOURCE, URL), Extracted)


@pytest.mark.parametrize("body", ["", " ", "<html></html>", "<!-- -->", html("<script>x</script>"), html("<h1>A</h1>")])
def test_a_page_without_text_is_skipped(body: str) -> None:
    assert extract(response(body), SOURCE, URL) == Skipped("no text")


@pytest.mark.parametrize(
    ("link", "canonical"),
    [
        ("https://example.org/docs/page", "https://example.org/docs/page"),
        ("/docs/page", "https://example.org/docs/page"),
        ("file:///usr/share/doc/page.html", None),
        ("https://example.org/", None),
        ("http://[", None),
    ],
)
def test_the_canonical_link_is_told_if_it_can_be_one(link: str, canonical: str | None) -> None:
    result = extract(response(html(PROSE * 4, f'<link rel="canonical" href="{link}">')), SOURCE, URL)
    assert isinstance(result, Extracted)
    assert result.canonical == canonical
    assert result.page.url == URL


@pytest.mark.parametrize(
    "body",
    [
        "<div>" * 50_000 + PROSE * 4,
        "<ul><li>" * 20_000 + PROSE * 4,
        "<b>" * 50_000 + PROSE * 4,
        "<table><tr><td>" * 20_000 + PROSE * 4,
        PROSE * 4 + "<dl><dt>a<dd>" * 20_000,
    ],
    ids=["div", "ul", "b", "table", "dl"],
)
def test_nesting_without_end_is_no_error(body: str) -> None:
    assert isinstance(extract(response(html(body)), SOURCE, URL), Extracted | Skipped)


ALTERNATES = (
    '<link rel="alternate" hreflang="en" href="https://example.org/docs/page.html">'
    '<link rel="alternate" hreflang="zh" href="/zh/page.html"><link rel="alternate" hreflang="{}" href="/docs/x.html">'
)


@pytest.mark.parametrize(
    ("target", "other", "canonical"),
    [
        ("/zh/page.html", "de", None),
        ("/docs/x.html", "de", None),
        ("/docs/x.html", "en", "https://example.org/docs/x.html"),
        ("/docs/x.html", "x-default", "https://example.org/docs/x.html"),
        ("/docs/page.html", "de", "https://example.org/docs/page.html"),
        ("/docs/other.html", "de", "https://example.org/docs/other.html"),
    ],
)
def test_a_canonical_link_to_a_translation_is_a_mistake(target: str, other: str, canonical: str | None) -> None:
    head = ALTERNATES.format(other) + f'<link rel="canonical" href="{target}">'
    result = extract(response(html(PROSE * 4, head)), SOURCE, URL)
    assert isinstance(result, Extracted)
    assert result.canonical == canonical


def test_a_page_that_says_not_found_is_skipped_whatever_its_status() -> None:
    body = html("<main><h1>Page not found</h1><p>The page that you asked for is not here any more.</p></main>")
    assert extract(response(body), SOURCE, URL) == Skipped("soft 404")


def test_html_and_pdf_are_told_by_their_type_or_their_beginning() -> None:
    assert is_readable(response("", content_type="Text/HTML;charset=x"))
    assert is_readable(response("", content_type="application/xhtml+xml"))
    assert is_readable(response("<!DOCTYPE html>\n<HTML>", content_type=""))
    assert is_readable(response("", content_type="application/pdf"))
    assert is_readable(response("%PDF-1.7", content_type="application/octet-stream"))
    assert not is_readable(response("plain text", content_type=""))


TEST_PAGES = Path(__file__).parents[2] / "shared" / "data" / "extraction-dev.tar.xz"
FLOOR = 0.945  # mean F1 of 4-gram shingles; .949 when this was written, trafilatura's own text .923


def shingles(text: str) -> Counter[tuple[str, ...]]:
    many_characters = re.search("[\u3040-\u30ff\u4e00-\u9fff]{20}", text)
    words = re.findall(r"\w" if many_characters else r"\w+", text.lower())
    return Counter(tuple(words[start : start + 4]) for start in range(max(1, len(words) - 3)))


def f1(found: str, expected: str) -> float:
    found_shingles, expected_shingles = shingles(found), shingles(expected)
    common = (found_shingles & expected_shingles).total()
    return 2 * common / (found_shingles.total() + expected_shingles.total())


def parsed(body: bytes) -> HtmlElement:
    return document_fromstring(body or b"<p></p>", parser=HTMLParser(encoding="utf-8"))


@pytest.mark.skipif(not TEST_PAGES.exists(), reason=f"{TEST_PAGES.name} is not beside the repository")
def test_main_text_agrees_with_gold_texts() -> None:
    with tarfile.open(TEST_PAGES) as archive:
        files = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        data = {name: file.read() for name, file in files.items() if file}
    scores = []
    for name in data:
        if name.endswith("/source.html"):
            tree = parsed(data[name])
            found = "\n".join(block.text for block in main_text(tree, find_blocks(tree)))
            gold = parsed(data[name.replace("/source.html", "/expected.html")])
            scores.append(f1(found, " ".join(gold.itertext())))
    assert len(scores) == 130
    assert fmean(scores) >= FLOOR
