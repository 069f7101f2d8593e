"""The web application: its pages, the live feed, and the JSON API that does everything the pages do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import StrictBool
from starlette.exceptions import HTTPException

from control.types import Outcome
from station.access.words import Role
from station.reporting.office import Office
from station.types import Order
from station.web.access import Access, Answer, Asking, Body, Door, Refused, add_access, authorise, needs
from station.web.guard import Doorkeeper
from station.web.live import LiveFeed
from station.web.messages import counts_message, status_message
from station.web.metrics import add_metrics
from station.web.people import add_people_pages
from station.web.piece_routes import PieceFiles, add_pieces
from station.web.report_routes import add_report
from station.web.review import ReviewDesk, add_review
from station.web.view import Mishap, StationView

_HERE = Path(__file__).parent
_TAKES_CONTROL = frozenset(Order) - {Order.stop, Order.pause}

MISHAP_TITLES = {
    Mishap.estop: "Press the emergency stop",
    Mishap.guard_open: "Open the guard",
    Mishap.camera_frozen: "Freeze the camera",
    Mishap.lens_covered: "Cover the lens",
    Mishap.controller_silent: "Silence the controller",
}

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


class OrderBody(Body):
    order: Order


class RecipeBody(Body):
    recipe: str


class MishapBody(Body):
    mishap: Mishap
    on: StrictBool


def create_app(
    view: StationView,
    access: Access,
    hosts: Iterable[str] = (),
    review: ReviewDesk | None = None,
    office: Office | None = None,
    pieces: PieceFiles | None = None,
) -> FastAPI:
    """The page over ``view``. ``hosts`` are the names people use for this computer; addresses always work.

    What is None is not there: ``review`` when no crops are kept, ``office`` and ``pieces`` when nothing is recorded.
    """
    live = LiveFeed(view)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await live.close()

    facts = view.facts()
    app = FastAPI(
        title=f"Sorting station {facts.name}",
        version=facts.version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        dependencies=[Depends(authorise)],
        responses={code: {"model": Answer, "description": words} for code, words in _REFUSALS.items()},
    )
    app.state.live = live
    app.state.access = access
    app.add_middleware(Doorkeeper, hosts=frozenset(hosts))
    app.add_exception_handler(Refused, _answer_refused)
    app.add_exception_handler(RequestValidationError, _answer_misunderstood)
    app.add_exception_handler(HTTPException, _answer_http)
    app.mount("/static", StaticFiles(directory=_HERE / "static"))
    words = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    words.globals.update(facts=facts, has_review=review is not None, has_pieces=pieces is not None)
    _add_line(app, view, words)
    add_people_pages(app, words)
    add_access(app)
    if review is not None:
        add_review(app, words, review)
    if pieces is not None:
        add_pieces(app, words, pieces, facts.labels)
    if office is not None:
        add_report(app, office)
    _add_reports(app, view)
    add_metrics(app, view)
    _add_orders(app, view)

    @app.websocket("/ws/live")
    async def attend(socket: WebSocket) -> None:
        await live.attend(socket)

    return app


def _add_line(app: FastAPI, view: StationView, words: Environment) -> None:
    page = words.get_template("page.html")

    @app.get("/", openapi_extra=needs(Role.viewer), include_in_schema=False)
    async def show_page() -> HTMLResponse:
        text = page.render(
            status=status_message(view),
            counts=counts_message(view),
            outcomes=tuple(Outcome),
            mishaps=MISHAP_TITLES,
            recipes=view.recipes(),
        )
        return HTMLResponse(text, headers={"cache-control": "no-store"})


def _add_reports(app: FastAPI, view: StationView) -> None:
    @app.get("/livez", openapi_extra=needs(None))
    async def live() -> dict[str, bool]:
        return {"live": True}

    @app.get("/readyz", openapi_extra=needs(None), responses={503: {"description": "not ready yet"}})
    async def ready() -> JSONResponse:
        is_ready = view.status() is not None
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    @app.get("/api/status", openapi_extra=needs(Role.viewer))
    async def status() -> dict[str, object]:
        return status_message(view)

    @app.get("/api/counts", openapi_extra=needs(Role.viewer))
    async def counts() -> dict[str, object]:
        return counts_message(view)

    @app.get("/api/openapi.json", openapi_extra=needs(Role.viewer))
    async def description() -> dict[str, object]:
        return app.openapi()


def _add_orders(app: FastAPI, view: StationView) -> None:
    """Stop and pause are for everybody who may give orders; the rest for who holds control."""

    @app.post("/api/orders", openapi_extra=needs(Role.operator))
    async def order(body: OrderBody, person: Asking, access: Door) -> Answer:
        if body.order in _TAKES_CONTROL:
            access.take_helm(person)
        return _answer(await view.give_order(body.order, person.name))

    @app.post("/api/keep", openapi_extra=needs(Role.operator))
    async def keep(person: Asking) -> Answer:
        return _answer(await view.keep_this(person.name))

    @app.post("/api/recipe", openapi_extra=needs(Role.operator))
    async def recipe(body: RecipeBody, person: Asking, access: Door) -> Answer:
        if body.recipe not in view.recipes():
            raise Refused(422, f'"recipe" has to be one of {", ".join(view.recipes())}.')
        access.take_helm(person)
        status = view.status()
        refusal = await view.set_recipe(body.recipe, person.name)
        if refusal is None:
            access.note(person, "recipe", "" if status is None else status.recipe, body.recipe)
        return _answer(refusal)

    @app.post("/api/mishaps", openapi_extra=needs(Role.operator))
    async def mishap(body: MishapBody) -> Answer:
        if not view.facts().is_simulated:
            raise Refused(403, "Mishaps can be tried on a simulated line only.")
        return _answer(await view.set_mishap(body.mishap, body.on))


def _answer(refusal: str | None) -> Answer:
    """A refusal is an answer, not an error: the page shows its sentence."""
    return Answer(taken=refusal is None, refusal=refusal)


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
