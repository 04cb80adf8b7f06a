import pytest

from crawler.soft_404 import is_soft_404
from index.records import Block

APOLOGY = "We are sorry. Try the search, or go back to the front page."


def blocks(heading: str, text: str = APOLOGY) -> list[Block]:
    return [Block("heading", heading, 1), Block("paragraph", text)]


@pytest.mark.parametrize(
    "said",
    [
        "Page not found",
        "404 - Not Found",
        "Error 404",
        "HTTP 404",
        "Not found",
        "Sorry, the page you requested cannot be found",
        "The document does not exist",
        "The page you are looking for no longer exists",
        "页面不存在",
        "您访问的页面找不到了",
        "抱歉，找不到您要访问的网页",
        "頁面不存在",
        "该文章已被删除",
        "Seite nicht gefunden",
        "Die Seite wurde nicht gefunden",
        "Page introuvable",
        "Página no encontrada",
        "Página não encontrada",
        "Pagina non trovata",
        "お探しのページは見つかりませんでした",
    ],
)
def test_a_short_page_that_says_it_is_not_found_is_none(said: str) -> None:
    assert is_soft_404(said, blocks("Sorry"))
    assert is_soft_404("The Bureau", blocks(said))
    assert is_soft_404("The Bureau", [Block("paragraph", said)])


@pytest.mark.parametrize(
    ("title", "heading"),
    [
        ("Annual report", "Findings"),
        ("Route 4040 and Form 1404", "Forms"),
        ("Clean Water Act Section 404", "Rule 404(b) and § 404, Form 404"),
        ("Budget of $404 million", "Growth of 404,000 and 404.5 points"),
        ("What we found", "Species not yet found in Europe"),
        ("Pages of history", "The page as a unit of text"),
        ("国家数据局", "文件目录"),
    ],
)
def test_a_short_page_about_something_else_is_one(title: str, heading: str) -> None:
    assert not is_soft_404(title, blocks(heading))


def test_a_long_page_about_missing_pages_is_a_page() -> None:
    article = "A server sends the status 404 where the page was not found. " * 40
    assert not is_soft_404("404 Not Found", blocks("404 Not Found", article))
