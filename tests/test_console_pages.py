"""The pages of the console over real sockets, read as a browser without scripts would."""

import random
import re
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlencode

import httpx
import lxml.html
import pytest
from console_site import MARKUP_TEXT, MARKUP_TITLE, console_site
from hatchling.builders.wheel import WheelBuilder
from http_server import CannedLive, CannedSearcher, service
from records import BANK

from authority_search.models import Degraded, SearchReply, SearchRequest
from service.console.forms import LABELS
from service.console.render import POLICY
from service.errors import Overloaded

ROOT = Path(__file__).parents[1]
FOUND = {"q": "inflation\n政策利率"}
PAGES = {
    "start": "/",
    "search": f"/?{urlencode(FOUND)}",
    "compare": f"/console/compare?{urlencode(FOUND)}",
    "open": f"/console/open?target=https://{BANK}/policy-rate&q=rate",
    "coverage": "/console/coverage",
    "sources": "/console/sources",
    "fault": "/?q=a&top_k=ten",
    "missing": "/console/nothing",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with console_site(tmp_path_factory.mktemp("console")) as url, httpx.Client(base_url=url) as client:
        yield client


def page(reply: httpx.Response) -> lxml.html.HtmlElement:
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    return lxml.html.document_fromstring(reply.text)


def words(element: lxml.html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


@pytest.mark.parametrize("name", PAGES)
def test_every_page_keeps_the_content_policy(site: httpx.Client, name: str) -> None:
    reply = site.get(PAGES[name])
    assert reply.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    read = page(reply)
    assert read.xpath("//style | //script[not(@src)] | //@style | //@*[starts-with(name(), 'on')]") == []
    loaded = read.xpath("//link/@href | //script/@src | //img/@src | //form/@action")
    assert loaded
    assert all(address.startswith("/") for address in loaded)
    assert all(site.get(address).status_code == 200 for address in read.xpath("//link/@href | //script/@src"))


@pytest.mark.parametrize("name", PAGES)
def test_every_page_can_be_read_with_a_screen_reader(site: httpx.Client, name: str) -> None:
    read = page(site.get(PAGES[name]))
    assert read.get("lang") == "en"
    assert read.xpath("count(//main)") == read.xpath("count(//h1)") == 1
    levels = [int(heading.tag[1]) for heading in read.xpath("//h1 | //h2 | //h3 | //h4")]
    assert levels[0] == 1
    assert all(deeper <= level + 1 for level, deeper in pairwise(levels))
    ids = read.xpath("//@id")
    assert len(ids) == len(set(ids))
    referred = " ".join(read.xpath("//@aria-labelledby | //@aria-describedby | //label/@for")).split()
    assert set(referred) <= set(ids)
    unlabelled = "[not(@id = //label/@for)][not(ancestor::label)][not(@type = 'hidden')]"
    assert read.xpath(f"//input{unlabelled} | //select{unlabelled} | //textarea{unlabelled}") == []
    assert read.xpath("//table[not(caption)] | //th[not(@scope)] | //svg[not(@aria-hidden)]") == []


def test_the_page_shows_the_hits_of_the_api_in_their_bands(site: httpx.Client) -> None:
    results = site.post("/batch_search", json={"queries": FOUND["q"].split("\n")}).json()["results"]
    sections = page(site.get(PAGES["search"])).xpath("//section[@class='result']")
    assert len(sections) == len(results) == 2
    for section, result in zip(sections, results, strict=True):
        assert words(section.find(".//h2")) == result["query"]
        shown = [
            (
                words(band.find("h3")).split()[1],
                words(hit.xpath(".//code")[0]),
                words(hit.xpath(".//p[@class='authority']")[0]),
            )
            for band in section.xpath("section")
            for hit in band.xpath(".//li[@class='hit']")
        ]
        explained = [(hit["passage_id"], hit["explanation"]) for hit in result["hits"]]
        assert [entry[:2] for entry in shown] == [(str(why["band"]), name) for name, why in explained]
        for (_, _, said), (_, why) in zip(shown, explained, strict=True):
            moved = why["authority_moved"]
            change = f": {'up' if moved > 0 else 'down'} {abs(moved)}" if moved else ", not moved"
            assert said == f"without authority rank {why['rank_without_authority']}{change}"
    assert any(hit["explanation"]["authority_moved"] for hit in results[0]["hits"])


def test_a_hit_shows_scores_standing_dates_with_evidence_and_copies(site: httpx.Client) -> None:
    reply = site.get("/", params={"q": "what is the policy rate", "top_k": 1})
    hit = site.post("/batch_search", json={"queries": ["what is the policy rate"], "top_k": 1}).json()["results"][0][
        "hits"
    ][0]
    read = page(reply).xpath("//li[@class='hit']")[0]
    rows = {words(row.find("th")): words(row) for row in read.xpath(".//tbody/tr")}
    for arm in ("lexical", "dense"):
        scores = hit["explanation"][arm]
        assert rows[arm] == f"{arm} {scores['normalised']:.3f} {scores['raw']:.3f} {scores['rank'] or '–'}"
    assert rows["fused"] == f"fused {hit['explanation']['fused']:.3f}"
    assert "tier 1 bank.example.org Example Bank authority 0.95 central-banks-finance" in words(read)
    assert "published 2024-03-01 test" in words(read)
    assert "modified 2024-06-30 test" in words(read)
    assert hit["also_at"] == read.xpath(".//details//a[@rel]/@href") != []
    assert [words(mark) for mark in read.xpath(".//p[@class='text']/mark")][:2] == ["policy", "rate"]


def test_chinese_hits_and_queries_declare_their_language(site: httpx.Client) -> None:
    section = page(site.get("/", params={"q": "政策利率"})).xpath("//section[@class='result']")[0]
    assert section.find(".//h2").get("lang") == "zh"
    assert "zh" in section.xpath(".//p[@class='text']/@lang")


def test_filters_say_how_many_passages_they_kept_out(site: httpx.Client) -> None:
    asked = {"q": "rate", "include": BANK, "from": "2024-01-01"}
    reply = site.post(
        "/batch_search",
        json={"queries": ["rate"], "sources": {"include": [BANK]}, "dates": {"from": "2024-01-01"}},
    ).json()
    notes = words(page(site.get("/", params=asked)).xpath("//div[@class='answer-head']")[0])
    assert f"{reply['excluded_passages']} passages excluded by the filters" in notes
    assert f"{reply['undated_kept']} passages kept although without the date" in notes


def test_markup_in_queries_titles_and_texts_comes_out_as_text(site: httpx.Client) -> None:
    query = "Escapes <script>alert(document.domain)</script> \"quoted\" onerror='alert(3)'"
    for address in ("/", "/console/compare"):
        reply = site.get(address, params={"q": query, "profile": "<i>x", "b.profile": '"><img src=x onerror=alert(4)>'})
        assert reply.status_code == 422
        assert "<script>alert" not in reply.text
        assert page(reply).xpath("//script[not(@src)] | //img | //i | //@onerror") == []
        assert page(reply).get_element_by_id("q").text.strip() == query
    reply = site.get("/", params={"q": query})
    assert escape(MARKUP_TITLE.split()[0]).replace("&#x27;", "&#39;")[:20] in reply.text
    assert page(reply).xpath("//script[not(@src)] | //img | //i | //b[.='Bold'] | //@onerror") == []
    hit = next(hit for hit in page(reply).xpath("//li[@class='hit']") if "/markup" in words(hit))
    assert words(hit.find(".//h4/a")) == MARKUP_TITLE
    assert words(hit.xpath(".//p[@class='text']")[0]) == MARKUP_TEXT
    opened = page(site.get("/console/open", params={"target": f"https://{BANK}/markup", "q": query}))
    assert words(opened.find(".//h1")) == MARKUP_TITLE
    assert MARKUP_TEXT in words(opened.xpath("//div[@class='text']")[0])


@pytest.mark.parametrize(
    ("address", "field", "said"),
    [
        ("/?q=rate&top_k=ten", "top_k", "Hits per query: write a whole number"),
        ("/?q=rate&profile=primry", "profile", "Profile: unknown profile 'primry'; did you mean primary?"),
        (f"/?q=rate&include={BANK}+x.org", "include", "Only these sources: unknown source 'x.org'"),
        ("/?q=rate&exclude=x.org", "exclude", "Without these sources: unknown source 'x.org'"),
        ("/console/compare?q=rate&b.profile=primry", "b.profile", "Profile: unknown profile 'primry'"),
        (f"/console/open?target={'x' * 2049}", "target", "Address or passage id: string should have at most 2048"),
        ("/console/open?target=x&neighbours=99", "neighbours", "Neighbours: input should be less than"),
    ],
)
def test_bad_input_is_told_at_its_field_and_kept(site: httpx.Client, address: str, field: str, said: str) -> None:
    reply = site.get(address)
    assert reply.status_code == 422
    read = page(reply)
    control = read.get_element_by_id(field)
    assert control.get("aria-invalid") == "true"
    fault = read.get_element_by_id(control.get("aria-describedby").split()[0])
    assert said in words(fault)
    assert read.xpath(f"//div[@role='alert']//a[@href='#{field}']")
    assert dict(httpx.URL(address).params)[field] in (control.value, *control.xpath("option[@selected]/@value"))


def test_a_service_that_is_not_ready_or_busy_says_so_on_a_page_with_the_form() -> None:
    class Busy(CannedSearcher):
        def search(self, _request: SearchRequest) -> SearchReply:
            raise Overloaded("9 requests are under way")

    for live, status, title in ((CannedLive(), 503, "Not ready yet"), (CannedLive(Busy()), 429, "Too busy right now")):
        with service(live) as url:
            for path in ("/", "/console/compare"):
                reply = httpx.get(f"{url}{path}", params={"q": "kept", "top_k": "7"})
                assert (reply.status_code, reply.headers["retry-after"]) == (status, "1")
                assert words(page(reply).xpath("//div[@role='alert']/h2")[0]) == title
                assert page(reply).get_element_by_id("q").text.strip() == "kept"
            if status == 503:
                assert {httpx.get(f"{url}/console/{name}").status_code for name in ("coverage", "sources")} == {503}


def test_a_defect_is_a_page_that_names_the_request_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(CannedSearcher):
        def search(self, _request: SearchRequest) -> SearchReply:
            raise RuntimeError("secret detail")

    with service(CannedLive(Broken())) as url:
        reply = httpx.get(f"{url}/", params={"q": "a"}, headers={"X-Request-Id": "mine"})
    assert reply.status_code == 500
    assert "mine" in words(page(reply))
    assert "secret" not in reply.text
    assert "secret detail" in caplog.text


def test_a_part_that_failed_is_named() -> None:
    class Half(CannedSearcher):
        def search(self, request: SearchRequest) -> SearchReply:
            return super().search(request).model_copy(update={"degraded": [Degraded(arm="dense", reason="no memory")]})

    with service(CannedLive(Half())) as url:
        notice = page(httpx.get(f"{url}/", params={"q": "a"})).xpath("//div[@role='status']")[0]
    assert words(notice) == "Degraded: the dense arm failed. Hits of the other arm stand alone. no memory"


def test_a_passage_opens_among_its_neighbours_and_a_page_part_by_part(site: httpx.Client) -> None:
    read = page(site.get("/", params={"q": "minutes of each meeting", "top_k": 1}))
    opened = page(site.get(read.xpath("//h4/a/@href")[0]))
    passage = words(read.xpath("//p[@class='text']")[0])
    assert words(opened.xpath("//div[@class='asked-for']")[0]) == passage
    text = words(opened.xpath("//div[@class='text']")[0])
    assert len(text) > len(passage)
    parts, address = [], f"/console/open?target=https://{BANK}/policy-rate&max_tokens=30"
    while address:
        part = page(site.get(address))
        parts.append(words(part.xpath("//div[@class='text']")[0]))
        address = next(iter(part.xpath("//a[@rel='next']/@href")), "")
    whole = page(site.get(f"/console/open?target=https://{BANK}/policy-rate")).xpath("//div[@class='text']")[0]
    assert len(parts) > 2
    assert " ".join(parts) == words(whole)
    missing = site.get("/console/open?target=https://elsewhere.org/")
    assert missing.status_code == 404
    assert "holds no page" in words(page(missing))


def test_no_address_makes_the_pages_fail(site: httpx.Client) -> None:
    seed = random.randrange(10**9)
    chance = random.Random(seed)
    names = [*LABELS, "b.authority", "b.max_per_page", "target", "offset", "neighbours", "find", "tier", "sort"]
    values = ["", "a", "-1", "0", "9" * 40, "2024-01-31", "9999-12-31", "麻疹", "\x00", "\ud7ff\u202e", "%", "en zh"]
    values += ["tie", "primary", "<b>", "a\nb", "é" * 500, "٣", "https://[", "0" * 32]
    for _ in range(120):
        path = chance.choice(["/", "/console/compare", "/console/open", "/console/coverage", "/console/sources"])
        given = [(chance.choice(names), chance.choice(values)) for _ in range(chance.randrange(6))]
        reply = site.get(path, params=given)
        assert reply.status_code in (200, 404, 422), f"seed {seed}: {path} {given}"
        page(reply)


def test_the_wheel_ships_templates_and_static_files() -> None:
    shipped = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    there = [path.relative_to(ROOT).as_posix() for path in (ROOT / "service" / "console").glob("[st]*/*")]
    assert len(there) > 10
    assert set(there) <= shipped


def test_the_sheet_loads_nothing() -> None:
    sheet = (ROOT / "service" / "console" / "static" / "console.css").read_text(encoding="utf-8")
    assert re.findall(r"@import|@font-face|url\(|https?:", sheet) == []
