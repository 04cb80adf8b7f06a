"""What each request passes on its way to a route, in order."""

from typing import TYPE_CHECKING

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from service.access.guard import Guard
from service.access.keys import KeyFile, KeyRing
from service.access.settings import AccessSettings
from service.access_log import AccessLog
from service.http_errors import REQUEST_ID, RequestIds
from service.limits import BodyLimit, HeadLimit
from service.metrics import Metrics
from service.page_headers import PageHeaders
from service.patience import Patience
from service.tracing import Traces
from service.watch import Watch

if TYPE_CHECKING:
    # Annotations only: it brings the engines' settings, and importing an app should not.
    from service.settings import ServerSettings


def middleware(
    limits: "ServerSettings", access: AccessSettings, keys: KeyFile | None, metrics: Metrics, traces: Traces
) -> list[Middleware]:
    """Outermost first: what watches, what names, what refuses, and last what reads the body."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=access.cors_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-API-Key", REQUEST_ID],
        expose_headers=[REQUEST_ID, "Retry-After"],
    )
    return [
        Middleware(Watch, metrics, AccessLog(limits.access_log), traces),
        Middleware(RequestIds),
        Middleware(HeadLimit, limits.max_header_bytes),
        Middleware(PageHeaders),
        # Before the guard, since a browser asks for permission without a key.
        *([cors] if access.cors_origins else []),
        Middleware(Guard, KeyRing(keys), access, limits.host),
        Middleware(Patience, limits.deadline_seconds),
        Middleware(BodyLimit, limits.max_body_bytes),
    ]
