"""What a page asks of those who index it: robots meta elements and X-Robots-Tag headers.

Rules for all and rules for this crawler by its name count together, so that the stricter wins. Three of them keep a
page out:

- `noindex` (also `none`, and `unavailable_after` a day that was past when the page was fetched).
- `noarchive` (also `nocache`): show no copy. What this product answers with is its copy of the text, so there is no
  way to index such a page and honour the rule.
- `nosnippet` (also `max-snippet:0`): show none of the text.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from lxml.html import HtmlElement

from crawler.robots import PRODUCT

_MEANING = {
    "noindex": "noindex", "none": "noindex", "noarchive": "noarchive", "nocache": "noarchive",
    "nosnippet": "nosnippet", "max-snippet:0": "nosnippet",
}  # fmt: skip
_VALUED = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
_AGENT = re.compile(r"\s*([\w.*-]+)\s*:\s*(.*)", re.DOTALL)
_DATE = re.compile(r"unavailable_after\s*:\s*(.+)", re.IGNORECASE | re.DOTALL)


def kept_out_by(metas: Sequence[tuple[str, str]], headers: Sequence[str], fetched_at: str) -> str:
    """The rule that keeps the page out: noindex, noarchive or nosnippet; "" where none does.

    `metas` are names and contents of meta elements, `headers` the values of all X-Robots-Tag headers, `fetched_at`
    is ISO 8601.
    """
    texts = [content for name, content in metas if name.strip().lower() in ("robots", PRODUCT)]
    texts += [rules for header in headers for rules in _for_us(header)]
    if any(_is_past(text, fetched_at) for text in texts):
        return "noindex"
    words = {re.sub(r"\s*:\s*", ":", word.strip().lower()) for text in texts for word in re.split(r"[,;]", text)}
    found = {_MEANING[word] for word in words if word in _MEANING}
    return next((rule for rule in ("noindex", "noarchive", "nosnippet") if rule in found), "")


def named_metas(tree: HtmlElement) -> list[tuple[str, str]]:
    """Name and content of each meta element that has both."""
    found = ((meta.get("name"), meta.get("content")) for meta in tree.iter("meta"))
    return [(name, content) for name, content in found if name and content]


def _for_us(header: str) -> Iterator[str]:
    """The rules of a header for everyone or for this crawler. A name holds up to the next one."""
    agent, rules = "", list[str]()
    for part in header.split(","):
        named = _AGENT.fullmatch(part)
        if named and named[1].lower() not in _VALUED:
            yield ",".join(rules)
            agent, rules, part = named[1].lower(), [], named[2]
        if agent in ("", "*", PRODUCT):
            rules.append(part)
    yield ",".join(rules)


def _is_past(text: str, fetched_at: str) -> bool:
    found = _DATE.search(text)
    parts = found[1].split(",") if found else []
    # Dates may hold a comma themselves, so the longest beginning that is one counts.
    moments = (_moment(",".join(parts[:end]).strip()) for end in range(len(parts), 0, -1))
    moment = next((moment for moment in moments if moment), None)
    return moment is not None and moment < datetime.fromisoformat(fetched_at)


def _moment(text: str) -> datetime | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
        except (ValueError, TypeError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
