"""The one long work that may go on beside the line: how it stands, and the press that stops it."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI

from station.access.words import Role
from station.marked import marked
from station.tools.errands import ErrandDesk
from station.web.access import Answer, needs


def add_errands(app: FastAPI, desk: ErrandDesk) -> None:
    """Its state and its end; what begins it stands with what it is about."""

    @app.get("/api/errand", openapi_extra=needs(Role.technician))
    async def errand() -> dict[str, object]:
        state = desk.state
        told = None if state is None else {**state._asdict(), "progress": state.progress._asdict()}
        return {"errand": told}

    @app.delete("/api/errand", openapi_extra=needs(Role.technician))
    async def stop() -> Answer:
        stopped = await asyncio.to_thread(desk.stop)
        return Answer(taken=stopped, refusal=None if stopped else marked("Nothing is being worked out."))
