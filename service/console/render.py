"""Templates to pages, with the headers that pages carry."""

import hashlib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from anyio import CapacityLimiter, to_thread
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse

from authority_search.models import Readiness
from service.console import forms, reading, view
from service.console.compare import compare

STATIC = "/console/static"
# Nothing inline and nothing from elsewhere: markup that a text smuggled in could neither load nor run anything.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}


def environment() -> Environment:
    """The templates of the console. All that is put into them is escaped."""
    made = Environment(
        loader=PackageLoader("service.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        forms=forms,
        reading_form=reading,
        link=link,
        static=_static_links(),
        result_views=view.result_views,
        reply_notes=view.reply_notes,
        moved_words=view.moved_words,
        text_lang=view.text_lang,
        compare=compare,
    )
    return made


def _static_links() -> dict[str, str]:
    """By name, the address of each static file with a mark of its content, so that no browser shows an old one."""
    digests = {file.name: hashlib.sha256(file.read_bytes()) for file in (files(__package__) / "static").iterdir()}
    return {name: f"{STATIC}/{name}?{digest.hexdigest()[:8]}" for name, digest in digests.items()}


def link(path: str, params: Mapping[str, str], **changes: str | int | None) -> str:
    """`path` with `params`; `changes` replace those of their name, and None leaves one out."""
    given = params.multi_items() if isinstance(params, QueryParams) else params.items()
    pairs = [(name, value) for name, value in given if name not in changes]
    pairs += [(name, str(value)) for name, value in changes.items() if value is not None]
    return f"{path}?{urlencode(pairs)}" if pairs else path


class Renderer:
    """Turns a template and its values into a reply."""

    def __init__(self, readiness: Callable[[], Readiness]) -> None:
        self._readiness = readiness
        self._templates = environment()
        # A page of a thousand hits takes a second or two: pages must leave room for searches.
        self._threads = CapacityLimiter(2)

    async def page(
        self,
        request: Request,
        name: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """The page, made in a thread: marking the words of many hits would hold up other requests."""
        values |= {"path": request.url.path, "params": request.query_params, "state": self._readiness()}
        template = self._templates.get_template(name)
        body = await to_thread.run_sync(lambda: template.render(values), limiter=self._threads)
        return HTMLResponse(body, status, {**HEADERS, **(headers or {})})
