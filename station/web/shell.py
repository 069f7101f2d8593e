"""What every page stands in: who may ask, how refusals are told, where static files lie."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fastapi import Depends, FastAPI, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from station.access.words import Role
from station.web.access import Access, Answer, Refused, add_access, authorise, needs
from station.web.guard import Doorkeeper
from station.web.pages import Pages, add_words
from station.web.view import StationFacts

_HERE = Path(__file__).parent
_REFUSALS: dict[int | str, str] = {
    401: "nobody is logged in",
    403: "not for this role, or from a foreign page",
    404: "there is no such thing",
    409: "somebody else holds control",
    413: "too long",
    422: "not understood; the sentence says what and where",
    429: "too many tries",
    503: "not now",
}


def open_shell(facts: StationFacts, access: Access, hosts: Iterable[str]) -> tuple[FastAPI, Pages]:
    """An app with logging in and nothing else, and the templates of its pages."""
    app = FastAPI(
        title=f"Sorting station {facts.name}",
        version=facts.version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(authorise)],
        responses={code: {"model": Answer, "description": words} for code, words in _REFUSALS.items()},
    )
    app.state.access = access
    app.add_middleware(Doorkeeper, hosts=frozenset(hosts))
    app.add_exception_handler(Refused, _answer_refused)
    app.add_exception_handler(RequestValidationError, _answer_misunderstood)
    app.add_exception_handler(HTTPException, _answer_http)
    app.mount("/static", StaticFiles(directory=_HERE / "static"))
    add_access(app)
    add_words(app)

    @app.get("/livez", openapi_extra=needs(None))
    async def live() -> dict[str, bool]:
        return {"live": True}

    @app.get("/api/openapi.json", openapi_extra=needs(Role.viewer))
    async def description() -> dict[str, object]:
        return app.openapi()

    return app, Pages(facts)


async def _answer_refused(request: Request | WebSocket, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    if isinstance(request, WebSocket):
        await request.close(1008, error.sentence)
        return Response()
    if error.status == 401 and request.method == "GET" and not request.url.path.startswith("/api/"):
        return RedirectResponse(f"/login?next={request.url.path}", 303)
    headers = {"retry-after": f"{error.wait_s:.0f}"} if error.wait_s else None
    return JSONResponse({"taken": False, "refusal": error.sentence}, error.status, headers)


async def _answer_misunderstood(_: Request, error: Exception) -> Response:
    """Every mistake in one sentence: where, and what is allowed there."""
    if not isinstance(error, RequestValidationError):
        raise error
    found = [f"{'.'.join(str(part) for part in wrong['loc'])}: {wrong['msg']}" for wrong in error.errors()]
    return JSONResponse({"taken": False, "refusal": "; ".join(found)}, 422)


async def _answer_http(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"taken": False, "refusal": str(error.detail)}, error.status_code, error.headers)
