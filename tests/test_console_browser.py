"""The console in a real browser: keyboard, scripts, phone width, contrast, and nothing loaded from elsewhere."""

import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from console_site import MARKUP_TITLE, console_site
from records import BANK

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra `dev`)")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; Debian: apt install chromium")

SEARCH = f"/?{urlencode({'q': 'inflation' + chr(10) + '政策利率'})}"
COMPARE = f"/console/compare?{urlencode({'q': 'inflation', 'authority': 'off', 'b.authority': 'tie'})}"
FAULT = "/?q=rate&top_k=ten&from=2024-13-01"
OPEN = f"/console/open?target=https://{BANK}/policy-rate&q=rate"
PAGES = ("/", SEARCH, COMPARE, FAULT, OPEN, "/console/coverage", "/console/sources")
PHONE = {"width": 360, "height": 740}

# For each element with text of its own: the contrast of its colour to what is painted behind it (WCAG 2.2, 1.4.3).
CONTRASTS = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = channels(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const node of document.querySelectorAll("body, body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility() || node.closest("svg, .unseen, option")) continue;
    const [a, b] = [luminance(channels(getComputedStyle(node).color)), luminance(behind(node))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) low.push(`${node.tagName}.${node.className}: ${contrast.toFixed(2)}`);
  }
  return low;
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with console_site(tmp_path_factory.mktemp("console")) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def tab(site: str, browser: Any) -> Iterator[Any]:
    """A page at the site. In the end: nothing was complained of, no dialog opened, nothing came from elsewhere."""
    context = browser.new_context(base_url=site, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    wrong: list[str] = []
    page.on("request", lambda request: request.url.startswith((site, "data:")) or wrong.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    # The browser notes the status of pages that tell of a fault; that is no complaint.
    page.on("console", lambda message: "the server responded with" in message.text or wrong.append(message.text))
    yield page
    context.close()
    assert wrong == []


def test_a_search_needs_no_mouse(tab: Any) -> None:
    tab.goto("/")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to content"
    tab.keyboard.press("Enter")
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.id") == "q"
    tab.keyboard.type("inflation")
    tab.keyboard.press("Shift+Enter")
    tab.keyboard.type("政策利率")
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    assert parse_qs(urlsplit(tab.url).query) == {"q": ["inflation\r\n政策利率"]}
    assert tab.locator("section.result h2").all_text_contents() == ["inflation", "政策利率"]
    tab.keyboard.press("/")
    assert tab.input_value("#q") == "inflation\n政策利率"


def test_hits_are_explained_and_open_in_their_page(tab: Any) -> None:
    tab.goto(SEARCH)
    hit = tab.locator("li.hit").first
    assert hit.get_by_role("table", name="Scores of hit 1").locator("tbody th").all_text_contents() == [
        "lexical",
        "dense",
        "fused",
    ]
    widths = hit.locator("svg .fill").evaluate_all("bars => bars.map((bar) => bar.getBoundingClientRect().width)")
    assert max(widths) > 40
    assert tab.locator("section.band h3").first.inner_text().startswith("BAND 0")
    assert tab.locator(".moved.up").first.inner_text().split()[0] == "▲"
    assert hit.locator("mark").count() > 0
    hit.locator("h4 a").click()
    assert tab.locator(".asked-for mark").count() > 0
    tab.get_by_role("link", name="Whole page").first.click()
    assert tab.locator(".reading .heading").first.inner_text().startswith("# ")


def test_two_settings_stand_side_by_side_with_what_moved(tab: Any) -> None:
    tab.goto(SEARCH)
    tab.get_by_role("link", name="Compare with authority off").click()
    assert tab.input_value("#authority") == "off"
    assert tab.input_value("[id='b.authority']") == "tie"
    first, second = tab.locator("table.sides").first.locator("tbody tr").first.locator("td").all()
    left, right = first.bounding_box(), second.bounding_box()
    assert left["y"] == right["y"]
    assert right["x"] >= left["x"] + left["width"]
    assert tab.locator("td.up .change", has_text="▲").count() > 0
    tab.select_option("[id='b.authority']", "off")
    tab.get_by_role("button", name="Compare").click()
    assert "same settings" in tab.get_by_role("status").inner_text()


def test_a_fault_leads_to_its_field_which_keeps_what_was_typed(tab: Any) -> None:
    tab.goto(FAULT)
    tab.get_by_role("alert").get_by_role("link", name="Hits per query").click()
    assert tab.evaluate("document.activeElement.id") == "top_k"
    assert tab.locator("details.more").get_attribute("open") is not None
    assert [tab.input_value(field) for field in ("#q", "#top_k", "#from")] == ["rate", "ten", "2024-13-01"]
    tab.fill("#top_k", "3")
    tab.fill("#from", "2024-01-01")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("li.hit")
    assert tab.locator("li.hit").count() == 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast(tab: Any, scheme: str) -> None:
    tab.emulate_media(color_scheme=scheme)
    for address in PAGES:
        tab.goto(address)
        tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        assert tab.evaluate(CONTRASTS) == [], address
    red = tab.evaluate("parseInt(getComputedStyle(document.body).backgroundColor.slice(4))")
    assert (red < 64) is (scheme == "dark")


def test_nothing_is_wider_than_a_phone(tab: Any) -> None:
    tab.set_viewport_size(PHONE)
    for address in PAGES:
        tab.goto(address)
        tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        assert tab.evaluate("document.documentElement.scrollWidth") == PHONE["width"], address


def test_markup_in_texts_neither_runs_nor_breaks_the_page(tab: Any) -> None:
    tab.goto(f"/?{urlencode({'q': 'Escapes <script>alert(1)</script>', 'top_k': 30, 'max_tokens': ''})}")
    link = tab.get_by_role("link", name=MARKUP_TITLE).first
    link.click()
    assert tab.locator("h1").inner_text() == MARKUP_TITLE


def test_everything_works_without_scripts(site: str, browser: Any) -> None:
    context = browser.new_context(base_url=site, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.fill("#q", "inflation")
    page.get_by_role("button", name="Search").click()
    assert page.locator("li.hit").count() == 10
    page.get_by_text("Filters and limits").click()
    page.get_by_label("Chinese").check()
    page.get_by_role("button", name="Search").click()
    assert page.locator("li.hit h4[lang=zh]").count() == page.locator("li.hit").count() > 0
    context.close()
