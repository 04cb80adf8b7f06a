"""The HTTP shell: routes over the live searcher. Run it with any ASGI server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, FastAPI
from starlette.middleware import Middleware
from starlette.responses import Response

from authority_search.models import (
    CoverageReply,
    ErrorReply,
    Health,
    OpenReply,
    OpenRequest,
    Readiness,
    SearchReply,
    SearchRequest,
    SourcesReply,
)
from service.gateway import Gateway
from service.http_errors import HANDLERS, RequestIds
from service.limits import BodyLimit
from service.patience import Patience

if TYPE_CHECKING:
    # Annotations only: these bring the engines, and importing an app should not.
    from service.live import LiveSearcher
    from service.settings import ServerSettings

_VERSION = version("authority-search-server")
_BUSY: dict[int | str, dict[str, Any]] = {
    429: {
        "model": ErrorReply,
        "description": "More waits than can be answered in time; Retry-After says when to come back",
    },
    500: {"model": ErrorReply, "description": "A defect; the log has it under the reply's X-Request-Id"},
    503: {"model": ErrorReply, "description": "No snapshot is open yet; Retry-After says when to come back"},
    504: {"model": ErrorReply, "description": "Not answered in time: by the service's deadline or X-Deadline-Ms"},
}
_ERRORS: dict[int | str, dict[str, Any]] = {
    413: {"model": ErrorReply, "description": "The body is too large"},
    422: {"model": ErrorReply, "description": "The request is wrong; the message names the field and what to do"},
    **_BUSY,
}
_SEARCH_EXAMPLES: Any = {
    "plain": {"summary": "Two queries", "value": {"queries": ["early antibiotics in sepsis", "脓毒症 抗生素 时机"]}},
    "filtered": {
        "summary": "Sources and dates",
        "value": {
            "queries": ["inflation outlook"],
            "top_k": 5,
            "sources": {"include": ["ecb.europa.eu"]},
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


def create_app(live: "LiveSearcher", limits: "ServerSettings") -> FastAPI:
    """The ASGI application over `live`, which it starts and closes with its own lifespan."""
    gateway = Gateway(live, limits)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        gateway.start()
        try:
            yield
        finally:
            gateway.close()

    app = FastAPI(
        title="authority-search",
        summary="Paragraph search over a curated web of authoritative sources",
        version=_VERSION,
        lifespan=lifespan,
        redirect_slashes=False,
        exception_handlers=dict(HANDLERS),
        middleware=[
            Middleware(RequestIds),
            Middleware(Patience, limits.deadline_seconds),
            Middleware(BodyLimit, limits.max_body_bytes),
        ],
    )
    app.include_router(_search_routes(gateway))
    app.include_router(_state_routes(gateway))
    return app


def _search_routes(gateway: Gateway) -> APIRouter:
    router = APIRouter(tags=["search"])

    @router.post("/batch_search", summary="Search many queries at once", response_model=SearchReply, responses=_ERRORS)
    async def batch_search(request: Annotated[SearchRequest, Body(openapi_examples=_SEARCH_EXAMPLES)]) -> Response:
        """One result per query, in the order of the queries, best passage first. The options hold for all queries."""
        return _json(await gateway.search_json(request))

    @router.post("/batch_open", summary="Read pages and passages", response_model=OpenReply, responses=_ERRORS)
    async def batch_open(request: Annotated[OpenRequest, Body(openapi_examples=_OPEN_EXAMPLES)]) -> Response:
        """The text of indexed pages by URL, or of passages by id with their neighbours. Nothing else can be opened."""
        return _json((await gateway.open(request)).model_dump_json())

    @router.get("/sources", summary="List sources and profiles", response_model=SourcesReply, responses=_BUSY)
    async def sources() -> Response:
        """All sources with their standing, and how many pages and passages the live snapshot holds of each."""
        return _json((await gateway.sources()).model_dump_json())

    @router.get("/coverage", summary="How well the sources are kept", response_model=CoverageReply, responses=_BUSY)
    async def coverage() -> Response:
        """Pages, passages, age, errors and refusals by source, sector and tier, as of the last refresh."""
        return _json((await gateway.coverage()).model_dump_json())

    return router


def _state_routes(gateway: Gateway) -> APIRouter:
    router = APIRouter(tags=["state"])

    @router.get("/health", summary="Is the process alive", response_model=Health)
    async def health() -> Response:
        """Always 200 while the process answers at all."""
        return _json(Health(status="ok", version=_VERSION).model_dump_json())

    starting: dict[int | str, dict[str, Any]] = {503: {"model": Readiness, "description": "Not yet; says why"}}

    @router.get("/ready", summary="Can it answer searches", response_model=Readiness, responses=starting)
    async def ready() -> Response:
        """200 once a snapshot is open and its encoder loaded, 503 before."""
        readiness = gateway.readiness()
        return _json(readiness.model_dump_json(), 200 if readiness.status == "ready" else 503)

    return router


def _json(body: str, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")
