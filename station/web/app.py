"""The web application: its pages, the live feed, and the JSON API that does everything the pages do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import Field, StrictBool

from station.access.words import Role
from station.marked import marked
from station.reporting.office import Office
from station.span_counts import Span
from station.types import Order
from station.web.access import Access, Answer, Asking, Body, Door, Refused, needs
from station.web.alarm_routes import History, add_alarms
from station.web.bin_routes import OutletPurity, add_bins
from station.web.live import LiveFeed
from station.web.messages import counts_message, status_message
from station.web.metrics import add_metrics
from station.web.pages import Pages, Tab
from station.web.people import add_people_pages
from station.web.piece_routes import OUTCOME_TITLES, PieceFiles, add_pieces
from station.web.report_routes import add_report
from station.web.review import ReviewDesk, add_review
from station.web.setup_routes import add_setup
from station.web.shell import open_shell
from station.web.tools_routes import ToolsDesk, add_tools
from station.web.trend_routes import add_trends
from station.web.view import Mishap, StationView
from station.web.yard_routes import YardDesk, add_yard
from station.wizard.desk import WizardDesk

_TAKES_CONTROL = frozenset(Order) - {Order.stop, Order.pause}

MISHAP_TITLES = {
    Mishap.estop: marked("Press the emergency stop"),
    Mishap.guard_open: marked("Open the guard"),
    Mishap.camera_frozen: marked("Freeze the camera"),
    Mishap.lens_covered: marked("Cover the lens"),
    Mishap.controller_silent: marked("Silence the controller"),
}
SPAN_TITLES = {
    Span.run: marked("This run"),
    Span.batch: marked("This batch"),
    Span.shift: marked("This shift"),
    Span.day: marked("This day"),
}
HOLD_MS = 1000
_HOLD = marked("After a fault Start has to be held for one second.")


class OrderBody(Body):
    """``held_ms``: how long the person held the button; after a fault Start takes no tap. Set-up is entered on its own
    page."""

    order: Literal[Order.start, Order.pause, Order.stop, Order.reset]
    held_ms: Annotated[int, Field(ge=0, le=600_000, strict=True)] = 0


class RecipeBody(Body):
    recipe: str


class MishapBody(Body):
    mishap: Mishap
    on: StrictBool


class Desks(NamedTuple):
    """Whom the page can ask beside the line itself; what is None is not there: ``review`` when no crops are kept, most
    others when nothing is recorded."""

    review: ReviewDesk | None = None
    office: Office | None = None
    pieces: PieceFiles | None = None
    yard: YardDesk | None = None
    wizard: WizardDesk | None = None
    tools: ToolsDesk | None = None
    past_alarms: History | None = None
    outlets: OutletPurity | None = None


NOTHING_BESIDE = Desks()


def create_app(view: StationView, access: Access, hosts: Iterable[str] = (), desks: Desks = NOTHING_BESIDE) -> FastAPI:
    """The page over ``view``. ``hosts`` are the names people use for this computer; addresses always work."""
    facts, live = view.facts(), LiveFeed(view)
    app, pages = open_shell(facts, access, hosts)
    app.state.live = live
    _add_line(app, view, pages)
    add_alarms(app, pages, view.alarms(), desks.past_alarms or (lambda _code: ()))
    add_bins(app, view, desks.outlets)
    if desks.pieces is not None:
        add_pieces(app, pages, desks.pieces, facts.labels)
        add_trends(app, pages, facts, desks.pieces.records)
    if desks.yard is not None:
        add_yard(app, pages, desks.yard)
    if desks.review is not None:
        add_review(app, pages, desks.review)
    if desks.wizard is not None:
        add_setup(app, pages, desks.wizard)
    if desks.tools is not None:
        add_tools(app, pages, desks.tools, view)
    add_people_pages(app, pages)
    if desks.office is not None:
        add_report(app, desks.office)
    _add_reports(app, view)
    add_metrics(app, view)
    _add_orders(app, view)

    @app.websocket("/ws/live")
    async def attend(socket: WebSocket) -> None:
        await live.attend(socket)

    return app


def _add_line(app: FastAPI, view: StationView, pages: Pages) -> None:
    pages.add_tab(Tab("/", marked("Line")))

    @app.get("/", openapi_extra=needs(Role.viewer), include_in_schema=False)
    async def show_page(request: Request) -> HTMLResponse:
        return pages.show(
            request,
            "page.html",
            status=status_message(view),
            outcomes=OUTCOME_TITLES,
            spans=SPAN_TITLES,
            mishaps=MISHAP_TITLES,
            recipes=view.recipes(),
        )


def _add_reports(app: FastAPI, view: StationView) -> None:
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


def _add_orders(app: FastAPI, view: StationView) -> None:
    """Stop and pause are for everybody who may give orders; the rest for who holds control."""

    @app.post("/api/orders", openapi_extra=needs(Role.operator))
    async def order(body: OrderBody, person: Asking, access: Door) -> Answer:
        if body.order is Order.start and view.must_hold() and body.held_ms < HOLD_MS:
            return _answer(_HOLD)
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
