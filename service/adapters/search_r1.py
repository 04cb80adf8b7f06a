"""Search-R1's retrieval server, as its trainer, verl's search tool and ASearcher's local client call it.

One call carries the queries of a whole rollout, and a policy in training writes anything: a text that is no query
finds nothing, and never fails the batch.
"""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from authority_search.models import (
    MAX_QUERIES,
    MAX_QUERY_CHARACTERS,
    MAX_TARGETS,
    NUMBER,
    Flag,
    Hit,
    OpenResult,
    Reply,
    SearchReply,
    SearchRequest,
    without_controls,
)
from service.adapters.pages import open_pages
from service.gateway import Gateway
from service.responses import ERRORS, json_response

DEFAULT_TOPK = 3


def _well_formed(text: object) -> object:
    """A text without lone surrogates, which JSON can write and UTF-8 cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(text, str) else text


AnyText = Annotated[str, BeforeValidator(_well_formed)]


class RetrieveRequest(BaseModel):
    """Body of `POST /retrieve`. Null stands for the default; fields of other servers of this kind are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    queries: Annotated[list[AnyText], Field(max_length=MAX_QUERIES, description="An empty one finds nothing")]
    topk: Annotated[int | None, Field(ge=0, le=100, description="Passages per query; null and 0: 3"), NUMBER] = None
    return_scores: Annotated[Flag | None, Field(description="false and null: bare documents")] = None


class AccessRequest(BaseModel):
    """Body of `POST /access`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    urls: Annotated[list[AnyText], Field(max_length=MAX_TARGETS)]


class Document(Reply):
    """A passage. `contents` is its page's title in quotes, a line break, and its text."""

    id: str
    contents: str
    url: str


class ScoredDocument(Reply):
    """A passage and its score."""

    document: Document
    score: float


class RetrieveReply(Reply):
    """One list per query, in their order, best passage first; with `return_scores` each document has its score."""

    result: list[list[ScoredDocument]] | list[list[Document]]


class Page(Reply):
    """A page's text, its first 100,000 tokens."""

    url: str
    title: str
    contents: str


class AccessReply(Reply):
    """One page per URL, in their order; null where the snapshot has none."""

    result: list[Page | None]


def routes(gateway: Gateway) -> APIRouter:
    """`POST /retrieve` and `POST /access`."""
    router = APIRouter(tags=["Search-R1, verl, ASearcher"])

    @router.post("/retrieve", summary="Passages, as Search-R1 asks", response_model=RetrieveReply, responses=ERRORS)
    async def retrieve(request: Annotated[RetrieveRequest, Body()]) -> Response:
        """A list of passages for each query.

        A policy's slips are mended: control characters go, long queries are cut, an empty query has an empty list.
        """
        queries = [_mended(query) for query in request.queries]
        reply = await _search(gateway, queries, request.topk or DEFAULT_TOPK)
        hits_of = {result.query: result.hits for result in reply.results} if reply else {}
        found = [hits_of.get(query, []) for query in queries]
        return json_response(_retrieved(found, bool(request.return_scores)), degraded=reply.degraded if reply else [])

    @router.post("/access", summary="Pages, as ASearcher asks", response_model=AccessReply, responses=ERRORS)
    async def access(request: Annotated[AccessRequest, Body()]) -> Response:
        """The text of indexed pages by URL; nothing is fetched."""
        opened = await open_pages(gateway, request.urls)
        return json_response(AccessReply(result=[_page(opened[url]) for url in request.urls]))

    return router


async def _search(gateway: Gateway, queries: Sequence[str], topk: int) -> SearchReply | None:
    """The reply to all queries that are not empty, None where all are."""
    asked = [query for query in queries if query]
    if not asked:
        return None
    return await gateway.search(SearchRequest(queries=asked, top_k=topk, max_tokens=None, explain=False))


def _retrieved(found: Sequence[Sequence[Hit]], scored: bool) -> RetrieveReply:
    if scored:
        return RetrieveReply(
            result=[[ScoredDocument(document=_document(hit), score=hit.score) for hit in hits] for hits in found]
        )
    return RetrieveReply(result=[[_document(hit) for hit in hits] for hits in found])


def _mended(query: str) -> str:
    return without_controls(query).strip()[:MAX_QUERY_CHARACTERS].rstrip()


def _document(hit: Hit) -> Document:
    return Document(id=hit.passage_id, contents=_contents(hit.title, hit.text), url=hit.url)


def _page(opened: OpenResult) -> Page | None:
    if opened.status != "ok" or opened.url is None:
        return None
    title = opened.title or ""
    return Page(url=opened.url, title=title, contents=_contents(title, opened.text))


def _contents(title: str, text: str) -> str:
    # Its readers take the first line for the title, and the rest for the text.
    return f'"{" ".join(title.split())}"\n{text}'
