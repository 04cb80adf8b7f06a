"""`/docs`: Swagger UI over the API's own description. Its files come from a public host; all else works without."""

import re
from base64 import b64encode
from hashlib import sha256

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse

_HOST = "https://cdn.jsdelivr.net"


def docs_route(app: FastAPI) -> APIRouter:
    """The page. Its one inline script is allowed by digest, so that no other would run."""
    router = APIRouter()
    page = bytes(get_swagger_ui_html(openapi_url="openapi.json", title=app.title, swagger_favicon_url="data:,").body)
    digests = " ".join(f"'sha256-{_digest(script)}'" for script in re.findall(rb"<script>(.*?)</script>", page, re.S))
    policy = (
        f"default-src 'self'; script-src {_HOST} {digests}; style-src {_HOST} 'unsafe-inline'; img-src 'self' data:; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    )

    @router.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})

    return router


def _digest(script: bytes) -> str:
    return b64encode(sha256(script).digest()).decode()
