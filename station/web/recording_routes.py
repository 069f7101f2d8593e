"""The page of recordings: take one away, play it again, try other settings on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import Field

from station.access.words import Role
from station.marked import marked
from station.tools.models import ModelUnknown
from station.tools.recordings import RecordingDesk, RecordingUnknown
from station.web.access import Answer, Asking, Body, Refused, needs
from station.web.pages import Group, Pages, Tab
from station.web.view import StationView

_T = TypeVar("_T")
Name = Annotated[str, InPath(max_length=200)]
Threshold = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


class Trial(Body):
    """``min_confidence`` by outlet, of those that change; ``model`` None: the recorded one."""

    min_confidence: Annotated[dict[str, Threshold], Field(max_length=64)]
    model: Annotated[str | None, Field(max_length=100)] = None


def add_recordings(app: FastAPI, pages: Pages, desk: RecordingDesk, view: StationView) -> None:
    """Page, files, and what may be worked out from them."""
    pages.add_tab(Tab("/recordings", marked("Recordings"), Role.technician, Group.tools))

    @app.get("/recordings", openapi_extra=needs(Role.technician), include_in_schema=False)
    async def show(request: Request) -> HTMLResponse:
        return pages.show(request, "recordings.html")

    @app.get("/api/recordings", openapi_extra=needs(Role.technician))
    async def recordings() -> dict[str, object]:
        news = view.recording()
        found = await _ask(lambda: list(desk.recordings("" if news is None else news.file)))
        models = [model["name"] for model in await _ask(lambda: list(desk.models.library())) if not model["refusal"]]
        told = None if news is None else news._asdict()
        return {"recordings": found, "news": told, "min_confidence": desk.thresholds(), "models": models}

    @app.get("/api/recordings/{name}", openapi_extra=needs(Role.technician))
    async def found(name: Name) -> dict[str, object]:
        return await _ask(lambda: desk.found(name))

    @app.get("/api/recordings/{name}/file", openapi_extra=needs(Role.technician), response_class=Response)
    async def file(name: Name) -> FileResponse:
        path = await _ask(lambda: desk.file(name))
        return FileResponse(path, media_type="application/octet-stream", filename=path.name)

    @app.get("/api/recordings/{name}/sheet", openapi_extra=needs(Role.technician), response_class=Response)
    async def sheet(name: Name) -> Response:
        return Response(await _ask(lambda: desk.sheet(name)), 200, None, "image/png")

    @app.post("/api/recordings/{name}/replay", openapi_extra=needs(Role.technician))
    async def replay(name: Name, person: Asking) -> Answer:
        refusal = await _ask(lambda: desk.replay(name, person.name))
        return Answer(taken=refusal is None, refusal=refusal)

    @app.post("/api/recordings/{name}/what-if", openapi_extra=needs(Role.technician))
    async def what_if(name: Name, body: Trial, person: Asking) -> Answer:
        if not body.min_confidence and body.model is None:
            raise Refused(422, marked("Change at least one thing."))
        refusal = await _ask(lambda: desk.what_if(name, body.min_confidence, body.model, person.name))
        return Answer(taken=refusal is None, refusal=refusal)


async def _ask(work: Callable[[], _T]) -> _T:
    try:
        return await asyncio.to_thread(work)
    except ModelUnknown as unknown:
        raise Refused(404, marked("There is no model of that name beside the one that runs.")) from unknown
    except (RecordingUnknown, ValueError) as unknown:
        raise Refused(404, marked("There is no such recording; perhaps newer ones needed its place.")) from unknown
    except OSError as error:
        raise Refused(503, marked("The file cannot be read or written: {error}.").format(error=error)) from error
