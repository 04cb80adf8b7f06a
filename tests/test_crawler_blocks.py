from lxml.html import HTMLParser, document_fromstring

from crawler.blocks import FoundBlock, find_blocks


def found(html: str) -> list[FoundBlock]:
    return find_blocks(document_fromstring(f"<html><body>{html}</body></html>", parser=HTMLParser(encoding="utf-8")))


def blocks(html: str) -> list[tuple[str, str]]:
    return [(one.block.kind, one.block.text) for one in found(html)]


def test_headings_keep_their_level_and_lose_permalinks() -> None:
    [one] = found('<h2 id="a"><code>open</code> —  a\n function<a class="headerlink" href="#a">¶</a></h2>')
    assert (one.block.kind, one.block.level, one.block.text) == ("heading", 2, "open — a function")


def test_the_heading_of_a_box_is_no_heading_of_the_page() -> None:
    html = "<h2>Usage</h2><div class='note'><h3>Note</h3><p>Mind this.</p></div><p>On.</p>"
    assert [kind for kind, _ in blocks(html)] == ["heading", "paragraph", "paragraph", "paragraph"]


def test_prose_has_its_white_space_collapsed_and_keeps_line_breaks_that_are_meant() -> None:
    assert blocks("<p>One\n   two <b>three</b>.<br/>Next\tline</p>") == [("paragraph", "One two three.\nNext line")]


def test_chinese_lines_are_joined_without_a_space() -> None:
    assert blocks("<p>代码风格，\n  是因人而异的 Linux\n内核</p>") == [
        ("paragraph", "代码风格，是因人而异的 Linux 内核")
    ]


def test_nested_inline_code_stays_in_place() -> None:
    html = "<p>your <code>LOCK <em><code>name</code></em> IN SHARE MODE</code> statement waits</p>"
    assert blocks(html) == [("paragraph", "your LOCK name IN SHARE MODE statement waits")]


def test_text_beside_blocks_is_a_paragraph_of_its_own() -> None:
    assert blocks("<div>before<p>inside</p>after <i>all</i></div>") == [
        ("paragraph", "before"),
        ("paragraph", "inside"),
        ("paragraph", "after all"),
    ]


def test_each_definition_is_a_block_of_its_terms_and_first_paragraph() -> None:
    html = """<dl><dt>open(path)<a href="#open">¶</a></dt><dt>open(path, mode)</dt>
        <dd><p>Opens.</p><p>More.</p><pre>open("x")</pre></dd>
        <dt>class File</dt><dd><dl><dt>close()</dt><dd>Closes.</dd></dl></dd><dt>alone</dt></dl>"""
    assert blocks(html) == [
        ("list", "open(path)\nopen(path, mode)\nOpens."),
        ("paragraph", "More."),
        ("code", 'open("x")'),
        ("list", "class File"),
        ("list", "close()\nCloses."),
        ("list", "alone"),
    ]


def test_lists_are_lines_with_marks_and_nested_ones_are_indented() -> None:
    html = "<ul><li>One</li><li><p>Two</p><ol start='3'><li>a</li><li>b</li></ol></li><li></li></ul>"
    assert blocks(html) == [("list", "- One\n- Two\n  3. a\n  4. b")]


def test_a_list_that_holds_code_becomes_blocks() -> None:
    assert blocks("<ol><li><p>Run</p><pre>make\n  all</pre></li><li>Done</li></ol>") == [
        ("list", "1. Run"),
        ("code", "make\n  all"),
        ("list", "2. Done"),
    ]


def test_tables_are_rows_of_cells() -> None:
    html = """<table><caption>Rates</caption><thead><tr><th>Year</th><th>Rate</th></tr></thead>
        <tbody><tr><td>2024</td><td><p>3.1</p> %</td></tr><tr><td></td><td></td></tr></tbody></table>"""
    assert blocks(html) == [("table", "Rates\nYear | Rate\n2024 | 3.1 %")]


def test_a_lone_cell_stands_alone() -> None:
    assert blocks("<table><tr><th></th><th>Note</th></tr><tr><td colspan=2>Mind this.</td></tr></table>") == [
        ("table", "Note\nMind this.")
    ]


def test_layout_tables_are_walked_into() -> None:
    assert blocks("<table><tr><td><h1>Title</h1><p>Text</p></td></tr></table>") == [
        ("heading", "Title"),
        ("paragraph", "Text"),
    ]
    listing = "<table><tr><td class='linenos'><pre>1\n2</pre></td><td class='code'><pre>a\n  b</pre></td></tr></table>"
    assert blocks(listing) == [("code", "a\n  b")]


def test_code_keeps_lines_and_indentation() -> None:
    assert blocks("<pre>\n\tif x:<br>  <span>y</span>   \n\n    z\n</pre>") == [
        ("code", "        if x:\n  y\n\n    z"),
    ]


def test_quotes_are_marked() -> None:
    assert blocks("<blockquote><p>To be</p></blockquote>") == [("quote", "To be")]


def test_what_a_reader_does_not_see_is_left_out() -> None:
    html = """<p>Seen<script>x()</script><!-- no --><span style="display: none">no</span><span hidden>no</span></p>
        <style>p {}</style><template><p>no</p></template><noscript>no</noscript>"""
    assert blocks(html) == [("paragraph", "Seen")]


def test_links_and_asides_are_told() -> None:
    one, two = found("<nav><a href='/'>Home</a></nav><p><a href='/x'>Link</a> and text</p>")
    assert (one.aside, one.linked, two.aside, two.linked) == (True, 4, False, 4)


def test_an_inline_element_around_blocks_loses_nothing() -> None:
    assert blocks("<font><p>One</p>two<a href='/'><h2>Three</h2></a></font>") == [
        ("paragraph", "One"),
        ("paragraph", "two"),
        ("heading", "Three"),
    ]
