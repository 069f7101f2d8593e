"""The technician's page for setting up: one step after the other, each proved by a measurement."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import Field, StrictBool, StringConstraints

from station.access.words import Role
from station.language import translations
from station.marked import marked
from station.web.access import Access, Answer, Asking, Body, Door, Refused, needs
from station.web.pages import Group, Pages, Tab, language_of
from station.wizard.board_pdf import BAR_MM, PAPERS, board_pdf
from station.wizard.desk import NOT_ON, WizardDesk
from station.wizard.figures import FIGURES
from station.wizard.hands import HandGiven, HandWord
from station.wizard.words import Step
from station.wizard.work import Given

Millimetres = Annotated[float, Field(ge=-20_000, le=20_000, allow_inf_nan=False)]
Word = Annotated[str, StringConstraints(pattern="^[a-z_]{1,20}$")]
Label = Annotated[str, StringConstraints(min_length=1, max_length=40)]

STEP_TITLES = {
    Step.camera: marked("Camera"),
    Step.board: marked("Board"),
    Step.encoder: marked("Encoder"),
    Step.speed: marked("Belt speed"),
    Step.ejectors: marked("Ejectors"),
    Step.timing: marked("Distance and delay"),
    Step.heartbeat: marked("Heartbeat"),
    Step.model: marked("Model"),
    Step.report: marked("Report"),
}
_BOARD_WORDS = (
    marked("Print at 100 %, without fitting to the page, and lay it flat on the belt."),
    marked("This bar measures {mm} mm."),
    marked("The belt runs this way"),
)


class OnBody(Body):
    on: StrictBool


class MeasureBody(Body):
    """``what`` is the press at the step; the other fields are what that press asks for."""

    step: Step
    what: Word
    length_mm: Millimetres | None = None
    left_mm: Millimetres | None = None
    square_mm: Annotated[float | None, Field(ge=5, le=200, allow_inf_nan=False)] = None
    output: Annotated[int | None, Field(ge=0, le=63, strict=True)] = None
    yes: StrictBool | None = None
    label: Label | None = None
    number: Annotated[int | None, Field(ge=0, le=1000, strict=True)] = None
    hits: Annotated[tuple[StrictBool, ...], Field(max_length=64)] = ()


class StepBody(Body):
    step: Step


class HandBody(Body):
    """A deed at a simulated line; ``label``, ``number`` and ``output`` are for test pieces."""

    hand: HandWord
    mm: Millimetres = 0.0
    square_mm: Annotated[float, Field(ge=5, le=200, allow_inf_nan=False)] = 45.0
    label: Label = ""
    number: Annotated[int, Field(ge=1, le=30, strict=True)] = 10
    output: Annotated[int | None, Field(ge=0, le=63, strict=True)] = None


def add_setup(app: FastAPI, pages: Pages, desk: WizardDesk) -> None:
    """The page, the board to print, and the verbs of its steps."""
    pages.add_tab(Tab("/setup", marked("Set-up"), Role.technician, Group.tools))
    _add_pages(app, pages, desk)
    _add_verbs(app, desk)


def _add_pages(app: FastAPI, pages: Pages, desk: WizardDesk) -> None:
    @app.get("/setup", openapi_extra=needs(Role.technician), include_in_schema=False)
    async def show_setup(request: Request) -> HTMLResponse:
        return pages.show(request, "setup.html", **desk.page(), titles=STEP_TITLES, figures=FIGURES)

    @app.get("/setup/summary", openapi_extra=needs(Role.technician), include_in_schema=False)
    async def summary(request: Request) -> HTMLResponse:
        standing = await asyncio.to_thread(desk.standing)
        return pages.show(
            request, "setup-summary.html", standing=standing, titles=STEP_TITLES, figures=FIGURES, **desk.page()
        )

    @app.get("/api/setup/board.pdf", openapi_extra=needs(Role.technician), response_class=Response)
    async def board(request: Request, paper: Literal["a3", "a4"] = "a3") -> Response:
        said = translations(language_of(request))
        how, bar, way = (said.gettext(sentence) for sentence in _BOARD_WORDS)
        words = (how, bar.format(mm=f"{BAR_MM:g}"), way)
        pdf = await asyncio.to_thread(lambda: board_pdf(PAPERS[paper], words))
        headers = {"content-disposition": f'attachment; filename="board-{paper}.pdf"'}
        return Response(pdf, 200, headers, "application/pdf")

    @app.get("/api/setup/still.jpg", openapi_extra=needs(Role.technician), response_class=Response)
    async def still() -> Response:
        jpeg = desk.still()
        if not jpeg:
            raise Refused(404, "No picture has been taken yet.")
        return Response(jpeg, 200, {"cache-control": "no-store"}, "image/jpeg")


def _add_verbs(app: FastAPI, desk: WizardDesk) -> None:
    """Whoever moves something holds control."""

    @app.get("/api/setup", openapi_extra=needs(Role.technician))
    async def state() -> dict[str, object]:
        return await asyncio.to_thread(desk.state)

    @app.post("/api/setup", openapi_extra=needs(Role.technician))
    async def session(body: OnBody, person: Asking, access: Door) -> Answer:
        access.take_helm(person)
        refusal = await desk.begin(person.name) if body.on else await desk.end()
        if refusal is None:
            access.note(person, "set-up", after="begun" if body.on else "left")
        return _answer(refusal)

    @app.post("/api/setup/measure", openapi_extra=needs(Role.technician))
    async def measure(body: MeasureBody, person: Asking, access: Door) -> Answer:
        access.take_helm(person)
        said = body.model_dump(exclude={"step", "what"})
        return _answer(await desk.measure(body.step, body.what, Given(**said)))

    @app.post("/api/setup/hold", openapi_extra=needs(Role.technician))
    async def hold(body: OnBody, person: Asking, access: Door) -> Answer:
        access.take_helm(person)
        return _answer(desk.hold(on=body.on))

    @app.post("/api/setup/stop", openapi_extra=needs(Role.technician))
    async def stop(person: Asking) -> Answer:
        return _answer(await desk.stop(person.name) if desk.is_on else NOT_ON)

    @app.post("/api/setup/accept", openapi_extra=needs(Role.technician))
    async def accept(body: StepBody, person: Asking, access: Door) -> Answer:
        access.take_helm(person)
        refusal = await desk.accept(body.step, person.name)
        await _note(access, person, desk, body.step, refusal)
        return _answer(refusal)

    @app.post("/api/setup/undo", openapi_extra=needs(Role.technician))
    async def undo(body: StepBody, person: Asking, access: Door) -> Answer:
        access.take_helm(person)
        refusal = await desk.undo(body.step, person.name)
        await _note(access, person, desk, body.step, refusal)
        return _answer(refusal)

    @app.post("/api/setup/hand", openapi_extra=needs(Role.technician))
    async def hand(body: HandBody, person: Asking, access: Door) -> Answer:
        access.take_helm(person)
        if body.hand is HandWord.lay_pieces:
            return _answer(desk.lay_pieces(body.label, body.number, body.output))
        return _answer(desk.hand(HandGiven(body.hand, body.mm, body.square_mm)))

    @app.get("/api/setup/fallen", openapi_extra=needs(Role.technician))
    async def fallen(pieces: Annotated[int, Query(ge=0, le=64)] = 0) -> list[str]:
        return list(desk.fallen(pieces))


async def _note(access: Access, person: Asking, desk: WizardDesk, step: Step, refusal: str | None) -> None:
    """Into the trail: which values were replaced by which."""
    if refusal is None:
        entry = (await asyncio.to_thread(desk.history))[-1]
        access.note(person, f"set-up {step}", str(entry.before or ""), str(entry.after or ""), entry.deed)


def _answer(refusal: str | None) -> Answer:
    return Answer(taken=refusal is None, refusal=refusal)
