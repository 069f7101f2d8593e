"""The page of models: what each can do, how it does on this plant's pieces, and which one is used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse
from pydantic import Field, StringConstraints

from station.access.words import Role
from station.marked import marked
from station.tools.errands import ErrandDesk
from station.tools.models import ModelDesk, ModelUnknown
from station.tools.niced import WorkRefused
from station.web.access import Answer, Asking, Body, Door, Refused, needs
from station.web.pages import Group, Pages, Tab
from vision.types import ModelRefused

_T = TypeVar("_T")
ModelName = Annotated[str, InPath(max_length=100)]
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class WithReason(Body):
    why: Why


class WatchBody(WithReason):
    """``model`` None: none is watched any more."""

    model: Annotated[str | None, Field(max_length=100)]


class Done(Answer):
    """``told`` says what was found."""

    told: str = ""


def add_models(app: FastAPI, pages: Pages, desk: ModelDesk, errands: ErrandDesk) -> None:
    """Page, cards, measuring, and the change of model."""
    pages.add_tab(Tab("/models", marked("Models"), Role.technician, Group.tools))
    _add_cards(app, pages, desk)
    _add_measuring(app, desk, errands)
    _add_changes(app, desk)


def _add_cards(app: FastAPI, pages: Pages, desk: ModelDesk) -> None:
    @app.get("/models", openapi_extra=needs(Role.technician), include_in_schema=False)
    async def show(request: Request) -> HTMLResponse:
        return pages.show(request, "models.html")

    @app.get("/api/models", openapi_extra=needs(Role.technician))
    async def library() -> dict[str, object]:
        models = await _ask(lambda: list(desk.library()))
        changes, broken = await _ask(desk.changes)
        use, comparisons = await _ask(desk.use), await _ask(desk.comparisons)
        told = {"models": models, "use": use._asdict(), "comparisons": comparisons}
        return {**told, "changes": changes, "changes_broken": broken}

    @app.get("/api/models/{name}", openapi_extra=needs(Role.technician))
    async def card(name: ModelName) -> dict[str, object]:
        return await _ask(lambda: desk.card(name))

    @app.get("/api/models/{name}/golden/{number}", openapi_extra=needs(Role.technician), response_class=Response)
    async def golden(name: ModelName, number: Annotated[int, InPath(ge=0, le=10_000)]) -> Response:
        return Response(await _ask(lambda: desk.golden(name, number)), 200, None, "image/png")


def _add_measuring(app: FastAPI, desk: ModelDesk, errands: ErrandDesk) -> None:
    @app.post("/api/models/{name}/check", openapi_extra=needs(Role.technician))
    async def check(name: ModelName) -> Done:
        return Done(taken=True, refusal=None, told=await _ask(lambda: desk.prove(name)))

    @app.post("/api/models/{name}/evaluate", openapi_extra=needs(Role.technician))
    async def evaluate(name: ModelName, person: Asking) -> Answer:
        told = await _ask(lambda: desk.evaluation(name))
        refusal = await _ask(lambda: errands.start("evaluate", name, told, person.name))
        return Answer(taken=refusal is None, refusal=refusal)

    @app.get("/api/models/{name}/evaluation", openapi_extra=needs(Role.technician))
    async def evaluation(name: ModelName) -> dict[str, object]:
        await _ask(lambda: desk.folder(name))
        return {"evaluation": await _ask(lambda: errands.result("evaluate", name))}


def _add_changes(app: FastAPI, desk: ModelDesk) -> None:
    @app.post("/api/models/watch", openapi_extra=needs(Role.technician))
    async def watch(body: WatchBody, person: Asking, access: Door) -> Answer:
        before = (await _ask(desk.use)).next_shadow or ""
        await _ask(lambda: desk.watch(body.model, person.name))
        await asyncio.to_thread(access.note, person, "shadow model", before, body.model or "", body.why)
        return Answer(taken=True, refusal=None)

    @app.post("/api/models/return", openapi_extra=needs(Role.technician))
    async def take_back(body: WithReason, person: Asking, access: Door) -> Answer:
        before = (await _ask(desk.use)).next or ""
        await _ask(lambda: desk.take_back(person.name, body.why))
        after = (await _ask(desk.use)).next or ""
        await asyncio.to_thread(access.note, person, "model", before, after, body.why)
        return Answer(taken=True, refusal=None)

    @app.post("/api/models/{name}/promote", openapi_extra=needs(Role.technician))
    async def promote(name: ModelName, body: WithReason, person: Asking, access: Door) -> Answer:
        before = (await _ask(desk.use)).next or ""
        await _ask(lambda: desk.promote(name, person.name, body.why))
        await asyncio.to_thread(access.note, person, "model", before, name, body.why)
        return Answer(taken=True, refusal=None)


async def _ask(work: Callable[[], _T]) -> _T:
    try:
        return await asyncio.to_thread(work)
    except ModelUnknown as unknown:
        raise Refused(404, marked("There is no model of that name beside the one that runs.")) from unknown
    except (ModelRefused, WorkRefused) as refused:
        raise Refused(422, str(refused)) from refused
    except OSError as error:
        raise Refused(503, marked("The file cannot be read or written: {error}.").format(error=error)) from error
