"""The web application: one page, its live feed, and the few verbs an operator has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from control.types import Outcome
from station.reporting.office import Office
from station.types import Order
from station.web.body import BadBody, read_body
from station.web.guard import Doorkeeper
from station.web.live import LiveFeed
from station.web.messages import counts_message, status_message
from station.web.report_routes import add_report
from station.web.review import ReviewDesk, add_review
from station.web.view import Mishap, StationView

_HERE = Path(__file__).parent
_Word = TypeVar("_Word", bound=StrEnum)

MISHAP_TITLES = {
    Mishap.estop: "Press the emergency stop",
    Mishap.guard_open: "Open the guard",
    Mishap.camera_frozen: "Freeze the camera",
    Mishap.lens_covered: "Cover the lens",
    Mishap.controller_silent: "Silence the controller",
}


def create_app(
    view: StationView, hosts: Iterable[str] = (), review: ReviewDesk | None = None, office: Office | None = None
) -> FastAPI:
    """The page over ``view``. ``hosts`` are the names people use for this computer; addresses always work.

    ``review`` None: no crops are kept here, and there is no page to label them. ``office`` None: nothing is reported.
    """
    live = LiveFeed(view)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await live.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.live = live
    app.add_middleware(Doorkeeper, hosts=frozenset(hosts))
    app.add_exception_handler(BadBody, _answer_bad_body)
    app.mount("/static", StaticFiles(directory=_HERE / "static"))
    words = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    _add_page(app, view, words, has_review=review is not None)
    if review is not None:
        add_review(app, view, words, review)
    if office is not None:
        add_report(app, office, _who)
    _add_reports(app, view)
    _add_orders(app, view)

    @app.websocket("/ws/live")
    async def attend(socket: WebSocket) -> None:
        await live.attend(socket)

    return app


def _add_page(app: FastAPI, view: StationView, words: Environment, *, has_review: bool) -> None:
    page = words.get_template("page.html")

    @app.get("/", response_model=None)
    async def show_page() -> HTMLResponse:
        text = page.render(
            facts=view.facts(),
            status=status_message(view),
            counts=counts_message(view),
            outcomes=tuple(Outcome),
            mishaps=MISHAP_TITLES,
            has_review=has_review,
            recipes=view.recipes(),
        )
        return HTMLResponse(text, headers={"cache-control": "no-store"})


def _add_reports(app: FastAPI, view: StationView) -> None:
    @app.get("/livez", response_model=None)
    async def live() -> JSONResponse:
        return JSONResponse({"live": True})

    @app.get("/readyz", response_model=None)
    async def ready() -> JSONResponse:
        is_ready = view.status() is not None
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    @app.get("/api/status", response_model=None)
    async def status() -> JSONResponse:
        return JSONResponse(status_message(view))

    @app.get("/api/counts", response_model=None)
    async def counts() -> JSONResponse:
        return JSONResponse(counts_message(view))


def _add_orders(app: FastAPI, view: StationView) -> None:
    @app.post("/api/orders", response_model=None)
    async def order(request: Request) -> JSONResponse:
        body = await read_body(request)
        wanted = _word(Order, body.get("order"), "order")
        return _answer(await view.give_order(wanted, _who(request)))

    @app.post("/api/keep", response_model=None)
    async def keep(request: Request) -> JSONResponse:
        await read_body(request)
        return _answer(await view.keep_this(_who(request)))

    @app.post("/api/recipe", response_model=None)
    async def recipe(request: Request) -> JSONResponse:
        name = (await read_body(request)).get("recipe")
        if not isinstance(name, str) or name not in view.recipes():
            raise BadBody(422, f'"recipe" has to be one of {", ".join(view.recipes())}.')
        return _answer(await view.set_recipe(name, _who(request)))

    @app.post("/api/mishaps", response_model=None)
    async def mishap(request: Request) -> JSONResponse:
        if not view.facts().is_simulated:
            return JSONResponse({"refusal": "Mishaps can be tried on a simulated line only."}, 403)
        body = await read_body(request)
        wanted, on = _word(Mishap, body.get("mishap"), "mishap"), body.get("on")
        if not isinstance(on, bool):
            raise BadBody(422, '"on" has to be true or false.')
        return _answer(await view.set_mishap(wanted, on))


def _answer(refusal: str | None) -> JSONResponse:
    """A refusal is an answer, not an error: the page shows its sentence."""
    return JSONResponse({"taken": refusal is None, "refusal": refusal})


async def _answer_bad_body(_: Request, error: Exception) -> Response:
    if not isinstance(error, BadBody):
        raise error
    return JSONResponse({"refusal": error.sentence}, error.status)


def _word(words: type[_Word], found: object, what: str) -> _Word:
    known = {word.value: word for word in words}
    if not isinstance(found, str) or found not in known:
        raise BadBody(422, f'"{what}" has to be one of {", ".join(known)}.')
    return known[found]


def _who(request: Request) -> str:
    return f"page {request.client.host}" if request.client else "page"
