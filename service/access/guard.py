"""The door: who comes in, as ASGI middleware before every route.

`/health` and `/ready` are open to anyone. All else wants a key of scope `search`, and what begins with `/metrics` one
of scope `admin`. A key is sent as `Authorization: Bearer KEY`, as `X-API-Key: KEY`, or as the password of HTTP Basic
with any user name, so that a browser asks for it and no cookie is needed.
"""

import binascii
import ipaddress
import logging
from base64 import b64decode
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from authority_search.validation import clip
from service.access.keys import ApiKey, KeyRing, Scope
from service.access.settings import AccessSettings, is_loopback
from service.errors import AccessDenied
from service.http_errors import error_response
from service.request_facts import FACTS

_OPEN_PATHS: Final = frozenset({"/health", "/ready"})
# A prefix, since routers match a path in more ways than by its letters.
_ADMIN_PREFIX: Final = "/metrics"
_HOW: Final = "send it as Authorization: Bearer KEY, as X-API-Key: KEY or as the password of HTTP Basic"
_log = logging.getLogger(__name__)


class _Refused(Exception):
    """Why not, with status and headers."""

    def __init__(self, message: str, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


class Guard:
    """ASGI middleware. `host` is the address that the service listens on."""

    def __init__(self, app: ASGIApp, keys: KeyRing, settings: AccessSettings, host: str) -> None:
        self._app = app
        self._keys = keys
        self._host_names = {name.lower() for name in settings.host_names}
        self._setting = settings.keys
        self._loopback = is_loopback(host)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401, 403 or 421."""
        if scope["type"] == "websocket":
            # No route is one; if one comes, it has to be let in here.
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http" and scope["path"] not in _OPEN_PATHS:
            try:
                self._admit(scope)
            except _Refused as refused:
                _log_refusal(scope, refused)
                reply = error_response(AccessDenied, str(refused), refused.status, refused.headers, path=scope["path"])
                await reply(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _admit(self, scope: AsgiScope) -> None:
        headers = Headers(scope=scope)
        if not self._key_needed():
            self._require_harmless_host(headers.get("host", ""))
            return
        key = self._valid_key(scope, headers)
        needed = Scope.ADMIN if scope["path"].startswith(_ADMIN_PREFIX) else Scope.SEARCH
        if needed not in key.scopes:
            has = " and ".join(key.scopes)
            raise _Refused(f"the key {key.name} has the scope {has}; {clip(scope['path'])} needs {needed}", 403)
        if facts := FACTS.get():
            facts.key = key

    def _key_needed(self) -> bool:
        if self._setting == "auto":
            return not self._loopback or self._keys.in_use()
        return self._setting == "required"

    def _valid_key(self, scope: AsgiScope, headers: Headers) -> ApiKey:
        presented = _presented(headers)
        key = self._keys.find(presented) if presented is not None else None
        if key is None:
            # Nothing here depends on why a key is not valid.
            wrong = "this service asks for an API key" if presented is None else "the API key is not valid"
            raise _Refused(f"{wrong}; {_HOW}", 401, {"WWW-Authenticate": _challenge(scope, headers)})
        return key

    def _require_harmless_host(self, host: str) -> None:
        """Raise _Refused for a name that any web site may point at this machine, to read from here by a browser
        ("DNS rebinding"). An address, or a name without a dot, cannot be so pointed.
        """
        name = host.lower() if host.endswith("]") else host.lower().rpartition(":")[0] or host.lower()
        if "." in name and not _is_address(name) and name not in self._host_names:
            raise _Refused(
                f"without keys there is no service for the name {clip(name)}; add it to access.host_names", 421
            )


def _presented(headers: Headers) -> str | None:
    """The key that a request carries, None where it carries none; an unreadable one is an empty key."""
    if "x-api-key" in headers:
        return headers["x-api-key"].strip()
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return b64decode(value.strip(), validate=True).decode().partition(":")[2].strip()
        except (binascii.Error, ValueError):
            return ""
    return None


def _challenge(scope: AsgiScope, headers: Headers) -> str:
    """Basic for a page, since a browser then asks its user for the key; Bearer for programs."""
    page = scope["method"] in ("GET", "HEAD") and "text/html" in headers.get("accept", "")
    return (
        'Basic realm="authority-search: any user, the API key as password"'
        if page
        else 'Bearer realm="authority-search"'
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _log_refusal(scope: AsgiScope, refused: _Refused) -> None:
    facts, client = FACTS.get(), scope.get("client") or ("unknown",)
    request_id = facts.request_id if facts else ""
    # Without what was sent: neither a key nor a part of it belongs into a log.
    _log.warning(
        "%d for %s to %s %r; request %s", refused.status, client[0], scope["method"], scope["path"], request_id
    )
