"""Pages, passages and sources for tests, made in a line each, and a small world of about sixty passages."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from domain_lists.records import Profile, Source
from domain_lists.source_list import SourceList
from index.build import BuildReport, build_snapshot
from index.encoders import Encoder, EncoderDescription, Vectors, unit_rows
from index.records import Block, Dated, Page, Passage, passage_id
from index.store import DataFolder, SnapshotStore
from index.tokens import count_tokens

BANK, JOURNAL, FORUM = "bank.example.org", "journal.example.org", "forum.example.org"


def make_source(identity: str, tier: int = 1, authority: float = 0.9, **others: Any) -> Source:
    """A source; every field has a default."""
    fields = {
        "name": identity.title(), "sector": "reference", "country": "INT", "language": "en", "kind": "reference",
        "evidence": "", "notes": "",
    }  # fmt: skip
    return Source(id=identity, tier=tier, authority=authority, **(fields | others))


def make_sources(*sources: Source | str, profiles: Iterable[Profile] = ()) -> SourceList:
    """A real list of sources; a string stands for `make_source(string)`."""
    return SourceList([make_source(s) if isinstance(s, str) else s for s in sources], profiles, {}, ())


def make_page(
    url: str,
    *paragraphs: str,
    source: str | None = None,
    title: str = "",
    language: str = "en",
    crawled: str = "2025-01-01T00:00:00Z",
    published: str | None = None,
    modified: str | None = None,
    changed: str | None = None,
) -> Page:
    """A page; the source is the URL's host. Paragraphs that begin with "#", "##" … and a space are headings."""
    dates = [Dated(value, "test") if value else None for value in (published, modified, changed)]
    host = url.split("/")[2]
    return Page(url, source or host, title, language, tuple(map(_block, paragraphs)), Dated(crawled, "test"), *dates)


def make_passages(page: Page) -> list[Passage]:
    """A passage for each block that is no heading."""
    passages: list[Passage] = []
    path: list[str] = []
    for block, (start, end) in zip(page.blocks, page.spans(), strict=True):
        if block.kind == "heading":
            path = [*path[: block.level - 1], block.text]
            continue
        identity, tokens = passage_id(page.url, block.text), count_tokens(block.text)
        passages.append(
            Passage(identity, page.url, len(passages), tuple(path), block.text, start, end, page.language, tokens)
        )
    return passages


def with_passages(pages: Iterable[Page]) -> list[tuple[Page, list[Passage]]]:
    """What `build_snapshot` takes: pages ordered by URL, each with its passages."""
    return [(page, make_passages(page)) for page in sorted(pages, key=lambda page: page.url)]


def build_and_publish(root: Path, pages: Iterable[Page], sources: SourceList, encoder: Encoder) -> BuildReport:
    """Build a snapshot of `pages` in the data folder `root` and make it the live one."""
    store = SnapshotStore(DataFolder(root))
    content = with_passages(pages)
    report = build_snapshot(lambda: content, sources, encoder, store)
    if report.built:
        store.publish(report.snapshot)
    return report


class LetterEncoder:
    """A real but tiny encoder for tests that are not about meaning: hashed counts of characters, scaled to length 1."""

    def __init__(self, dimensions: int = 64, digest: str = "letters") -> None:
        self.description = EncoderDescription("test/letters", dimensions, 512, "", "", digest)
        self.encoded = 0

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        self.encoded += len(texts)
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.description.dimensions), np.float32)
        dimensions = self.description.dimensions
        for row, text in enumerate(texts):
            codes = np.frombuffer(f"{text} ".encode("utf-32-le"), "<u4").astype(np.int64)
            vectors[row] = np.bincount((codes[:-1] * 31 + codes[1:]) % dimensions, minlength=dimensions)
        return unit_rows(vectors)


def small_sources() -> SourceList:
    """Three sources of tiers 1, 2 and 4 with the profiles `primary` (tier 1) and `all`."""
    return make_sources(
        make_source(BANK, 1, 0.95, name="Example Bank", sector="central-banks-finance", kind="government"),
        make_source(JOURNAL, 2, 0.8, name="Example Journal", sector="science-publishing", kind="publisher"),
        make_source(FORUM, 4, 0.35, name="Example Forum", sector="reference", kind="other"),
        profiles=[
            Profile("primary", "Bodies themselves", max_tier=1),
            Profile("all", "Everything", max_tier=4),
        ],
    )


def small_pages() -> list[Page]:
    """English and Chinese pages of three sources, some without dates; the forum repeats texts of the others."""
    english = [
        make_page(
            f"https://{host}/{slug}", *_paragraphs(slug, texts), title=title, published=published, modified=modified
        )
        for host, slug, title, published, modified, texts in _ENGLISH
    ]
    chinese = [
        make_page(
            f"https://{host}/zh/{slug}", *_paragraphs(slug, texts), title=title, language="zh", published=published
        )
        for host, slug, title, published, texts in _CHINESE
    ]
    return english + chinese


def _block(paragraph: str) -> Block:
    marks, _, rest = paragraph.partition(" ")
    if marks and set(marks) == {"#"}:
        return Block("heading", rest, len(marks))
    return Block("paragraph", paragraph)


def _paragraphs(slug: str, texts: tuple[str, ...]) -> list[str]:
    return [f"# {slug.replace('-', ' ').capitalize()}", texts[0], "## Details", *texts[1:]]


_RATE = "The policy rate is the interest rate at which the central bank lends to commercial banks overnight."
_INFLATION = "Inflation is the rate at which the general level of prices for goods and services rises over a year."
_VACCINE = "Vaccination against measles takes two doses; the second raises protection from 93 to 97 percent."
_RATE_ZH = "政策利率是中央银行向商业银行提供隔夜贷款的利率。"
_QUAKE_ZH = "地震震级表示地震释放能量的大小，震级每增加一级，能量约增加三十二倍。"

_ENGLISH = [
    (BANK, "policy-rate", "Policy rate", "2024-03-01", "2024-06-30", (
        _RATE,
        "The committee sets the policy rate eight times a year and publishes its reasons on the same day.",
        "A higher policy rate makes borrowing dearer, which slows spending and brings inflation down.",
        "Minutes of each meeting appear two weeks later, with the votes of all members.",
    )),
    (BANK, "inflation-target", "Inflation target", "2022-01-15", None, (
        _INFLATION,
        "The target is two percent, measured by the harmonised index of consumer prices.",
        "If inflation leaves the band of one point around the target, the governor writes an open letter.",
        "Core inflation leaves out energy and food, whose prices swing most.",
    )),
    (BANK, "banknotes", "Banknotes", None, None, (
        "A genuine banknote has a watermark, a security thread and raised print on the front.",
        "Damaged banknotes are exchanged at any branch if more than half of the note is left.",
        "Old series remain legal tender for five years after the new one is issued.",
        "Report counterfeit notes to the police; they are never exchanged.",
    )),
    (BANK, "reserves", "Reserve requirements", None, "2023-11-02", (
        "Banks hold one percent of short deposits as minimum reserves with the central bank.",
        "Reserves above the requirement earn the deposit rate.",
        "The maintenance period begins on the Wednesday after each meeting of the committee.",
    )),
    (JOURNAL, "measles-vaccine", "Measles vaccination", "2021-05-20", None, (
        _VACCINE,
        "Herd immunity against measles needs coverage of about 95 percent, since each case infects twelve to eighteen.",
        "Fever and a mild rash are common after the first dose and pass within three days.",
        "Passive immunity from the mother fades by the age of twelve months.",
    )),
    (JOURNAL, "earthquakes", "Earthquake magnitude", "2019-09-09", None, (
        "Moment magnitude measures the energy released by an earthquake; each unit is about thirty-two times more.",
        "The intensity of shaking depends on distance, depth and the ground beneath a building.",
        "Aftershocks decay with time roughly as the inverse of the days since the main shock.",
        "Early warning systems use the faster primary waves to announce the secondary ones.",
    )),
    (JOURNAL, "photosynthesis", "Photosynthesis", None, None, (
        "Photosynthesis turns carbon dioxide and water into sugar and oxygen with the energy of light.",
        "Chlorophyll absorbs red and blue light and reflects green, which is why leaves look green.",
        "The Calvin cycle fixes carbon in the stroma of the chloroplast.",
    )),
    (JOURNAL, "inflation-study", "Expectations and inflation", "2023-04-11", "2023-04-12", (
        "Surveys show that households expect more inflation than professional forecasters do.",
        "Expectations anchored near the target shorten the time that inflation needs to return.",
        "A change of the policy rate reaches prices after four to eight quarters.",
        _INFLATION,
    )),
    (FORUM, "what-is-the-policy-rate", "What is the policy rate?", "2024-08-08", None, (
        _RATE,
        "My bank raised the rate of my loan a week after the central bank did.",
        "Somebody told me that the rate is voted on, but I never saw the minutes.",
    )),
    (FORUM, "measles-shot", "Second measles shot?", None, None, (
        _VACCINE.upper(),
        "Our doctor said that two shots are enough for life.",
        "Has anybody seen a rash after the first shot? Ours was gone in two days.",
    )),
    (FORUM, "fake-notes", "Found a fake note", "2020-02-29", None, (
        "I found a fake banknote in my wallet; the paper felt wrong and there was no watermark.",
        "The police kept it and I got nothing for it.",
    )),
    (FORUM, "leaves", "Why are leaves green?", "2018-06-01", None, (
        "Leaves look green since chlorophyll takes red and blue light and sends the green back.",
        "In autumn the chlorophyll goes and the yellow that was always there shows.",
        "Why do some trees turn red instead of yellow?",
    )),
]  # fmt: skip

_CHINESE = [
    (BANK, "利率", "政策利率", "2024-03-01", (
        _RATE_ZH,
        "委员会每年召开八次会议决定政策利率，并于当日公布理由。",
        "提高政策利率会使借贷成本上升，从而抑制通货膨胀。",
        "会议纪要在两周后公布，并附全体委员的表决结果。",
    )),
    (BANK, "纸币", "纸币防伪", None, (
        "真钞有水印、安全线和凹版印刷。",
        "残损纸币可以在任何网点兑换，但剩余部分须超过一半。",
        "发现假币应当交给公安机关，假币不予兑换。",
    )),
    (JOURNAL, "地震", "地震震级", "2019-09-09", (
        _QUAKE_ZH,
        "地震烈度取决于震源深度、距离和地基条件。",
        "预警系统利用传播较快的纵波提前通知横波的到来。",
    )),
    (JOURNAL, "麻疹", "麻疹疫苗", None, (
        "麻疹疫苗需要接种两剂，第二剂使保护率从百分之九十三提高到百分之九十七。",
        "要形成群体免疫，接种率须达到约百分之九十五。",
        "第一剂之后常见发热和轻微皮疹，三天内消退。",
        "母亲传给婴儿的抗体在十二个月内逐渐消失。",
    )),
    (FORUM, "政策利率是什么", "政策利率是什么？", "2024-09-01", (
        _RATE_ZH,
        "我的房贷利率在央行加息一周后也上调了。",
        _QUAKE_ZH,
    )),
]  # fmt: skip
