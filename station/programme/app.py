"""The receiver's web application: the verb, its description, signs of life, and the pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from station.programme.door import Visitor
from station.programme.intake import Intake, add_intake
from station.programme.pages import Desk, add_pages
from station.programme.reading import LedgerReader
from station.programme.registry import Registry
from station.programme.writer import LedgerWriter

API_VERSION = "1.0.0"
_ANSWER_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Parts(NamedTuple):
    """``find_visitor`` knows who stands behind a loopback port of the door; None: nobody came through it."""

    registry: Registry
    writer: LedgerWriter
    reader: LedgerReader
    find_visitor: Callable[[int], Visitor | None]
    channels: Callable[[], Sequence[str]]


def create_app(parts: Parts) -> FastAPI:
    """All of it; requests that did not come through the door are not served."""
    app = FastAPI(title="Receiver of the recycling programme", version=API_VERSION, docs_url=None, redoc_url=None,
                  openapi_url="/v1/openapi.json")  # fmt: skip
    _describe(app)

    def who(request: Request) -> Visitor:
        return parts.find_visitor(0 if request.client is None else int(request.client.port)) or Visitor("", None)

    add_intake(app, Intake(parts.registry, parts.writer, who))
    add_pages(app, Desk(parts.reader, parts.registry, who, parts.channels))
    _add_signs(app, parts)
    app.add_middleware(_DoorOnly, find_visitor=parts.find_visitor)
    return app


def _add_signs(app: FastAPI, parts: Parts) -> None:
    @app.get("/livez", response_model=None)
    async def live() -> JSONResponse:
        """The program answers."""
        return JSONResponse({"live": True})

    @app.get("/readyz", response_model=None)
    async def ready() -> JSONResponse:
        """Rows can be applied."""
        return JSONResponse({"ready": parts.writer.trouble is None}, 200 if parts.writer.trouble is None else 503)


def _describe(app: FastAPI) -> None:
    """OpenAPI with the two ways to say who one is."""

    def description() -> dict[str, object]:
        if not app.openapi_schema:
            told = get_openapi(title=app.title, version=app.version, routes=app.routes)
            told.setdefault("components", {})["securitySchemes"] = {
                "token": {"type": "http", "scheme": "bearer"},
                "certificate": {"type": "mutualTLS"},
            }
            app.openapi_schema = told
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]


class _DoorOnly:
    """ASGI layer: whoever found the inner port on the loopback is turned away, and answers carry safe headers."""

    def __init__(self, app: ASGIApp, find_visitor: Callable[[int], Visitor | None]) -> None:
        self._app = app
        self._find_visitor = find_visitor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        if scope["type"] != "http" or client is None or self._find_visitor(int(client[1])) is None:
            await JSONResponse({"refusal": "Come through the door."}, 403)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, text in _ANSWER_HEADERS.items():
                    headers.setdefault(name, text)
            await send(message)

        await self._app(scope, receive, send_with_headers)
