"""Recognises pages that say "not found" though the server said 200. Pure."""

import re
from collections.abc import Sequence

from index.records import Block

_LONGEST = 1500  # characters of text; what is longer writes about missing pages and is none
_SHORT = 250  # below, the text alone may say it
_SAYS_SO = re.compile(
    r"""
      # Not the number of a law, a form or a room.
      (?<!section\ )(?<!sections\ )(?<!article\ )(?<!chapter\ )(?<!title\ )(?<!part\ )(?<!rule\ )(?<!form\ )(?<!no\.\ )
      (?<!room\ )(?<!sec\.\ )(?<![§$€£#.,\d])(?<!§\ )\b404\b(?![.,]\d)
    | \b(?:page|file|document|content|article|resource|url)\b[\w\s'’]{0,40}
      \b(?:cannot|can['’]t|could\ not|couldn['’]t)\ be\ found\b
    | \b(?:page|file|document|content|article|resource)\s(?:was\s|is\s)?not\sfound\b
    | \b(?:page|document|article|content)\b[\w\s'’]{0,40}\b(?:does\ not|doesn['’]t|no\ longer)\ exists?\b
    | \bpage\ (?:you\ (?:requested|were\ looking\ for)|missing)\b
    | ^(?:sorry[\s,.!:-]*)?not\ found$
    | (?:页面|網頁|网页|頁面|文章|内容|內容|文件|信息|资源)[^。，]{0,8}
      (?:不存在|未找到|找不到|没有找到|沒有找到|已被?删除|已被?刪除|已下线|走丢)
    | (?:找不到|未找到|没有找到|沒有找到)[^。，]{0,12}(?:页面|網頁|网页|頁面|文章|内容|內容|文件)
    | \bseite\b[\w\s]{0,30}\bnicht\ gefunden\b
    | \bpage\b[\w\s]{0,30}\b(?:introuvable|n['’]existe\ pas)
    | \bp[áa]gina\b[\w\s]{0,30}\bno\ (?:encontrada|existe)\b
    | \bp[áa]gina\b[\w\s]{0,30}\bn[ãa]o\ (?:encontrada|existe)\b
    | \bpagina\ non\ trovata\b
    | ページ[^。]{0,20}(?:見つかりません|存在しません)
    """,
    re.IGNORECASE | re.VERBOSE,
)


def is_soft_404(title: str, blocks: Sequence[Block]) -> bool:
    """Whether a short page says that there is no page: in its title or first heading, or in a text of few words."""
    text = " ".join(block.text for block in blocks if block.kind != "heading")
    if len(text) > _LONGEST:
        return False
    heading = next((block.text for block in blocks if block.kind == "heading"), "")
    # What defines the status code ("404 Not Found: ...") has the number too, in more words than an error page.
    return any(_SAYS_SO.search(said) for said in ((title, heading, text) if len(text) < _SHORT else (title, heading)))
