"""The HTTP shell: routes over the live searcher. Run it with any ASGI server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, FastAPI
from starlette.responses import Response

from authority_search.models import (
    CoverageReply,
    Health,
    OpenReply,
    OpenRequest,
    Readiness,
    SearchReply,
    SearchRequest,
    SourcesReply,
)
from service.access.keys import KeyFile
from service.access.settings import AccessSettings
from service.adapters import search_r1, tavily
from service.adapters.mcp_http import McpEndpoint
from service.console.pages import add_console
from service.docs_page import docs_route
from service.gateway import Gateway
from service.http_errors import HANDLERS
from service.ledger import Ledger
from service.metrics import Metrics
from service.middleware import middleware
from service.responses import BUSY, ERRORS, Responses, json_response, written_response
from service.tracing import Traces
from service.watch import metrics_route

if TYPE_CHECKING:
    # Annotations only: these bring the engines, and importing an app should not.
    from service.live import LiveSearcher
    from service.settings import ServerSettings

_VERSION = version("authority-search-server")
_SEARCH_EXAMPLES: Any = {
    "plain": {"summary": "Two queries", "value": {"queries": ["early antibiotics in sepsis", "脓毒症 抗生素 时机"]}},
    "filtered": {
        "summary": "Domains and dates",
        "value": {
            "queries": ["inflation outlook"],
            "top_k": 5,
            "sources": {"include_domains": ["ecb.europa.eu"]},
            "dates": {"field": "published", "from": "2024-01-01", "undated": "drop"},
        },
    },
}
_OPEN_EXAMPLES: Any = {
    "page": {
        "summary": "A page, from its second part on",
        "value": {"targets": ["https://www.who.int/"], "offset": 2048},
    },
    "passage": {
        "summary": "A passage with three neighbours on each side",
        "value": {"targets": ["0f3c9a5be1d24c7788aa01b2c3d4e5f6"], "neighbours": 3},
    },
}


def create_app(
    live: "LiveSearcher",
    limits: "ServerSettings",
    keys: KeyFile | None = None,
    access: AccessSettings = AccessSettings(),  # noqa: B008 - frozen
    metrics: Metrics | None = None,
    traces: Traces | None = None,
) -> FastAPI:
    """The ASGI application over `live`, which it starts and closes with its own lifespan.

    Without `keys` no key is valid. `metrics` are given where parts beneath the gateway count with them too.
    """
    metrics, traces = metrics or Metrics(), traces or Traces()
    metrics.follow(live.readiness)
    gateway = Gateway(live, limits, Ledger(metrics, traces))
    mcp = McpEndpoint(gateway, limits, access, _VERSION)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        gateway.start()
        try:
            async with mcp.running():
                yield
        finally:
            gateway.close()

    app = FastAPI(
        title="authority-search",
        summary="Paragraph search over a curated web of authoritative sources",
        version=_VERSION,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        exception_handlers=dict(HANDLERS),
        middleware=middleware(limits, access, keys, metrics, traces),
    )
    app.include_router(_search_routes(gateway))
    app.include_router(_state_routes(gateway))
    app.include_router(search_r1.routes(gateway))
    app.include_router(tavily.routes(gateway))
    app.router.routes.extend(mcp.routes)
    app.include_router(metrics_route(metrics))
    app.include_router(docs_route(app))
    add_console(app, gateway)
    return app


def _search_routes(gateway: Gateway) -> APIRouter:
    router = APIRouter(tags=["search"])

    @router.post("/batch_search", summary="Search many queries at once", response_model=SearchReply, responses=ERRORS)
    async def batch_search(request: Annotated[SearchRequest, Body(openapi_examples=_SEARCH_EXAMPLES)]) -> Response:
        """One result per query, in the order of the queries, best passage first. The options hold for all queries."""
        return written_response(await gateway.search_json(request))

    @router.post("/batch_open", summary="Read pages and passages", response_model=OpenReply, responses=ERRORS)
    async def batch_open(request: Annotated[OpenRequest, Body(openapi_examples=_OPEN_EXAMPLES)]) -> Response:
        """The text of indexed pages by URL, or of passages by id with their neighbours. Nothing else can be opened."""
        return json_response(await gateway.open(request))

    @router.get("/sources", summary="List sources and profiles", response_model=SourcesReply, responses=BUSY)
    async def sources() -> Response:
        """All sources with their standing, and how many pages and passages the live snapshot holds of each."""
        return json_response(await gateway.sources())

    @router.get("/coverage", summary="How well the sources are kept", response_model=CoverageReply, responses=BUSY)
    async def coverage() -> Response:
        """Pages, passages, age, errors and refusals by source, sector and tier, as of the last refresh."""
        return json_response(await gateway.coverage())

    return router


def _state_routes(gateway: Gateway) -> APIRouter:
    router = APIRouter(tags=["state"])

    @router.get("/health", summary="Is the process alive", response_model=Health)
    async def health() -> Response:
        """Always 200 while the process answers at all."""
        return json_response(Health(status="ok", version=_VERSION))

    starting: Responses = {503: {"model": Readiness, "description": "Not yet; says why"}}

    @router.get("/ready", summary="Can it answer searches", response_model=Readiness, responses=starting)
    async def ready() -> Response:
        """200 once a snapshot is open and its encoder loaded, 503 before."""
        readiness = gateway.readiness()
        return json_response(readiness, 200 if readiness.status == "ready" else 503)

    return router
