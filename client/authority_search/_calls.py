"""Requests built and replies read: all that the sync and the async client share."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypedDict, TypeVar

import httpx
from pydantic import ValidationError

from authority_search._errors import (
    BY_TYPE,
    AccessDenied,
    AuthoritySearchError,
    ConnectionFailed,
    InvalidRequest,
    ServerError,
    Timeout,
)
from authority_search._retries import Outcome
from authority_search.models import (
    Authority,
    CoverageReply,
    DateFilter,
    ErrorReply,
    Health,
    OpenReply,
    OpenRequest,
    Readiness,
    Reply,
    Request,
    SearchReply,
    SearchRequest,
    SourceFilter,
    SourcesReply,
)
from authority_search.validation import explain

ReplyT = TypeVar("ReplyT", bound=Reply)
RequestT = TypeVar("RequestT", bound=Request)


class SearchOptions(TypedDict, total=False):
    """The options of a search: the fields of `SearchRequest` but `queries`, with its defaults."""

    top_k: int
    profile: str | None
    sources: SourceFilter | Mapping[str, Sequence[str]]
    dates: DateFilter | Mapping[str, str | date] | None
    languages: Sequence[str]
    authority: Authority
    max_tokens: int | None
    max_per_page: int | None
    max_per_source: int | None
    explain: bool


class OpenOptions(TypedDict, total=False):
    """The options of opening: the fields of `OpenRequest` but `targets`, with its defaults."""

    offset: int
    max_tokens: int
    neighbours: int


@dataclass(frozen=True, slots=True)
class Call(Generic[ReplyT]):
    """One request and the reply it expects. `accepted` are the statuses that carry that reply."""

    method: str
    path: str
    reply: type[ReplyT]
    body: bytes | None = None
    accepted: frozenset[int] = frozenset({200})

    def takes(self, outcome: Outcome) -> bool:
        """Whether `outcome` is the reply expected."""
        return isinstance(outcome, httpx.Response) and outcome.status_code in self.accepted


def search_call(queries: str | Sequence[str], options: Mapping[str, Any]) -> Call[SearchReply]:
    """The call of `POST /batch_search`. Raises InvalidRequest."""
    request = _checked(SearchRequest, {"queries": _as_list(queries), **options})
    return Call("POST", "/batch_search", SearchReply, _body(request))


def open_call(targets: str | Sequence[str], options: Mapping[str, Any]) -> Call[OpenReply]:
    """The call of `POST /batch_open`. Raises InvalidRequest."""
    request = _checked(OpenRequest, {"targets": _as_list(targets), **options})
    return Call("POST", "/batch_open", OpenReply, _body(request))


SOURCES = Call("GET", "/sources", SourcesReply)
COVERAGE = Call("GET", "/coverage", CoverageReply)
HEALTH = Call("GET", "/health", Health)
# A service that is starting answers 503 with a reply of its own.
READY = Call("GET", "/ready", Readiness, accepted=frozenset({200, 503}))


KEY_VARIABLE = "AUTHORITY_SEARCH_API_KEY"
_USABLE_KEY = re.compile(r"[!-~]+")


def http_options(base_url: str, timeout: float, api_key: str | None) -> dict[str, Any]:
    """Arguments of the httpx client. `timeout` is in seconds; without `api_key` that of the environment is sent.

    Raises InvalidRequest for an address or a key that cannot be one.
    """
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise InvalidRequest(f"base_url cannot be read: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidRequest("base_url is not an address; write it like http://127.0.0.1:8080")
    return {
        "base_url": url,
        "timeout": httpx.Timeout(timeout, connect=min(timeout, 5.0)),
        "headers": {"Content-Type": "application/json", "Accept": "application/json", **_key_header(api_key)},
    }


def _key_header(api_key: str | None) -> dict[str, str]:
    key = os.environ.get(KEY_VARIABLE, "") if api_key is None else api_key
    if key and not _USABLE_KEY.fullmatch(key):
        raise InvalidRequest(f"api_key (or {KEY_VARIABLE}) is no key: it has spaces or letters beyond ASCII")
    return {"Authorization": f"Bearer {key}"} if key else {}


def read_reply(call: Call[ReplyT], outcome: Outcome) -> ReplyT:
    """The reply to `call`, or the exception that `outcome` stands for."""
    if isinstance(outcome, httpx.RequestError):
        raise _lost(outcome) from outcome
    if not call.takes(outcome):
        raise _refused(outcome)
    try:
        return call.reply.model_validate_json(outcome.content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]["msg"]
        message = f"{outcome.request.url} answered in a form that is not this service's ({first}); check base_url"
        raise ServerError(message, status=outcome.status_code, request_id=_request_id(outcome)) from None


def _checked(model: type[RequestT], fields: Mapping[str, Any]) -> RequestT:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise InvalidRequest(explain(error.errors())) from None


def _body(request: Request) -> bytes:
    # Only what was set: the defaults are the service's own.
    return request.model_dump_json(by_alias=True, exclude_unset=True).encode()


def _as_list(texts: str | Sequence[str]) -> Any:
    return [texts] if isinstance(texts, str) else texts


def _lost(error: httpx.RequestError) -> AuthoritySearchError:
    where = f"{error.request.method} {error.request.url}"
    if isinstance(error, httpx.TimeoutException):
        return Timeout(f"{where}: no reply in time; send a smaller batch or raise the client's timeout")
    return ConnectionFailed(f"{where}: no reply ({error or type(error).__name__}); is the service running there?")


def _refused(response: httpx.Response) -> AuthoritySearchError:
    status, request_id = response.status_code, _request_id(response)
    try:
        reply = ErrorReply.model_validate_json(response.content)
    except ValidationError:
        kind, check = (AccessDenied, "api_key") if status in (401, 403) else (ServerError, "base_url")
        message = f"{response.request.url} answered {status} in a form that is not this service's; check {check}"
        return kind(message, status=status, request_id=request_id)
    return BY_TYPE.get(reply.error_type, ServerError)(reply.error, status=status, request_id=request_id)


def _request_id(response: httpx.Response) -> str | None:
    value: str | None = response.headers.get("x-request-id")
    return value
