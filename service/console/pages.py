"""The routes of the console: search, comparison, reading, coverage and sources, as pages for people."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from authority_search.models import SearchReply, SearchRequest
from authority_search.validation import clip
from domain_lists.errors import UnknownSource
from service.console.forms import LABELS, SECOND, read_comparison, read_form, words
from service.console.reading import read_open_form, read_target
from service.console.render import STATIC, Renderer
from service.console.tables import SORTS, coverage_tables, freshness_shares, source_table
from service.coverage_page import HEADINGS
from service.errors import Internal, NotFound, NotReady, Overloaded, ServiceError, UnknownName
from service.gateway import Gateway
from service.http_errors import retry_header

_log = logging.getLogger(__name__)

_WRONG_INPUT = 422
_TITLES: Mapping[type[ServiceError], tuple[str, str]] = {
    NotReady: ("Not ready yet", "The service is up and will answer as soon as it is ready. Try again in a moment."),
    Overloaded: ("Too busy right now", "Nothing was searched. Wait a second or two, then try again."),
    NotFound: ("There is no such page", "The links at the top lead to the pages there are."),
    Internal: ("Something failed here", "The log of the service has the details."),
}
_REFUSED = ("This was refused", "Change the request, then try again.")


class Problem(NamedTuple):
    """Why a page has no answer, in words for people."""

    status: int
    title: str
    message: str
    hint: str
    headers: Mapping[str, str]


class Answer(NamedTuple):
    """A request, its reply, and the time between them in milliseconds, waiting included."""

    request: SearchRequest
    reply: SearchReply
    milliseconds: float


def add_console(app: FastAPI, gateway: Gateway) -> None:
    """Add the pages and what they load to `app`."""
    console = _Console(gateway)
    app.mount(STATIC, StaticFiles(packages=[(__package__, "static")]))
    pages = {
        "/": console.search,
        "/console/compare": console.compare,
        "/console/open": console.open,
        "/console/coverage": console.coverage,
        "/console/sources": console.sources,
        "/console": console.missing,
        "/console/{path:path}": console.missing,
    }
    for path, page in pages.items():
        app.add_route(path, console.guarded(page), include_in_schema=False)


Page = Callable[[Request], Awaitable[Response]]


class _Console:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._renderer = Renderer(gateway.readiness)

    def guarded(self, page: Page) -> Page:
        """`page`, but with a page for whatever it raises."""

        async def endpoint(request: Request) -> Response:
            try:
                return await page(request)
            except ServiceError as error:
                return await self._failed(request, error)
            except Exception as error:
                defect = Internal("the page could not be made")
                defect.__cause__ = error
                return await self._failed(request, defect)

        return endpoint

    async def search(self, request: Request) -> Response:
        """The form, and the hits where something was asked."""
        form = read_form(request.query_params)
        errors, problem, answer = form.errors, None, None
        try:
            if form.request:
                answer = await self._ask(form.request)
        except UnknownName as error:
            errors = _named(error, form.typed)
        except ServiceError as error:
            problem = _problem(request, error)
        return await self._form_page(request, "search.html.jinja", errors, problem, form=form, answer=answer)

    async def compare(self, request: Request) -> Response:
        """The form with a second side, and the hits of both."""
        both = read_comparison(request.query_params)
        errors, problem, answers = both.errors, None, None
        try:
            if both.first.request and both.second.request:
                answers = await self._ask(both.first.request), await self._ask(both.second.request)
        except UnknownName as error:
            errors = _named(error, {**both.first.typed, **both.second_typed})
        except ServiceError as error:
            problem = _problem(request, error)
        return await self._form_page(
            request, "compare.html.jinja", errors, problem, form=both.first, both=both, answers=answers
        )

    async def open(self, request: Request) -> Response:
        """A passage among its neighbours, or a part of a page."""
        form, query = read_open_form(request.query_params), request.query_params.get("q", "")
        reading = await read_target(self._gateway, form.request, query) if form.request else None
        status = _WRONG_INPUT if form.errors else 200
        if reading and reading.result.status == "not_found":
            status = NotFound.status
        return await self._renderer.page(
            request, "open.html.jinja", status, form=form, errors=form.errors, reading=reading
        )

    async def coverage(self, request: Request) -> Response:
        """How much of each source there is, and how fresh."""
        report, sort = await self._gateway.coverage(), request.query_params.get("sort", "")
        return await self._renderer.page(
            request,
            "coverage.html.jinja",
            report=report,
            headings=HEADINGS,
            sorts=SORTS,
            sort=sort if sort in SORTS else SORTS[0],
            tables=coverage_tables(report, sort),
            freshness=freshness_shares(report),
        )

    async def sources(self, request: Request) -> Response:
        """All sources and profiles, with links that search in them."""
        listing = await self._gateway.sources()
        table = source_table(listing, request.query_params)
        return await self._renderer.page(request, "sources.html.jinja", listing=listing, table=table)

    async def missing(self, request: Request) -> Response:
        """What every other address below /console gets."""
        raise NotFound(f"there is no {clip(request.url.path)}")

    async def _ask(self, asked: SearchRequest) -> Answer:
        started = time.perf_counter()
        reply = await self._gateway.search(asked)
        return Answer(asked, reply, 1000 * (time.perf_counter() - started))

    async def _form_page(
        self, request: Request, template: str, errors: Mapping[str, str], problem: Problem | None, **values: Any
    ) -> Response:
        """A page with the search form, which is shown whatever the state of the service."""
        try:
            profiles = [(name, name) for name in (await self._gateway.sources()).profiles]
        except ServiceError as error:
            profiles, problem = [], problem or _problem(request, error)
        status = _WRONG_INPUT if errors else problem.status if problem else 200
        values |= {"errors": errors, "problem": problem, "profiles": profiles}
        return await self._renderer.page(request, template, status, problem.headers if problem else {}, **values)

    async def _failed(self, request: Request, error: ServiceError) -> Response:
        problem = _problem(request, error)
        return await self._renderer.page(
            request, "problem.html.jinja", problem.status, problem.headers, problem=problem
        )


def _problem(request: Request, error: ServiceError) -> Problem:
    """What to tell of an error; a defect goes into the log under the request's id and is not shown."""
    title, hint = _TITLES.get(type(error), _REFUSED)
    message = str(error)
    if isinstance(error, Internal):
        request_id = request.state.request_id
        _log.error("page %r failed; request %s", request.url.path, request_id, exc_info=error)
        message = f"request {request_id}"
    return Problem(error.status, title, message, hint, retry_header(error))


def _named(error: UnknownName, typed: Mapping[str, str]) -> dict[str, str]:
    """The error at the fields that have the unknown name."""
    cause = error.__cause__
    if isinstance(cause, UnknownSource):
        name, fields = cause.source_id, ("include", "exclude")
    else:
        name, fields = getattr(cause, "profile", ""), ("profile", f"{SECOND}profile")
    with_it = [field for field in fields if name in (typed.get(field), *words(typed.get(field, "")))]
    return {field: f"{LABELS[field.removeprefix(SECOND)]}: {error}" for field in with_it or fields[:1]}
