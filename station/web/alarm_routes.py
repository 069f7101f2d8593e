"""Alarms: acknowledge, shelve, and what there was."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from pydantic import Field

from station.access.words import Role
from station.alarm_desk import AlarmDesk
from station.alarms import LONGEST_SHELF_MIN, SHORTEST_SHELF_MIN, Act, AlarmEvent, PastAlarm, past_alarms
from station.faults import FAULTS
from station.marked import marked
from station.web.access import Answer, Asking, Body, Door, Refused, needs
from station.web.messages import alarms_message
from station.web.pages import Pages, Tab

Code = Annotated[str, Field(min_length=1, max_length=60)]
History = Callable[[str | None], tuple[AlarmEvent, ...]]


class AcknowledgeBody(Body):
    """``code`` null: all that are there."""

    code: Code | None = None


class ShelveBody(Body):
    code: Code
    minutes: Annotated[int, Field(ge=SHORTEST_SHELF_MIN, le=LONGEST_SHELF_MIN, strict=True)]


class UnshelveBody(Body):
    code: Code


def add_alarms(app: FastAPI, pages: Pages, desk: AlarmDesk, history: History) -> None:
    """``history`` reads the event log, of one fault or of all, away from the event loop."""
    pages.add_tab(Tab("/alarms", marked("Alarms")))

    @app.get("/alarms", openapi_extra=needs(Role.viewer), include_in_schema=False)
    async def show_history(request: Request) -> HTMLResponse:
        return pages.show(request, "alarms.html", faults=FAULTS)

    @app.get("/api/alarms", openapi_extra=needs(Role.viewer))
    async def alarms() -> dict[str, object]:
        return alarms_message(desk)

    @app.get("/api/alarms/history", openapi_extra=needs(Role.viewer))
    async def past(code: Code | None = None) -> dict[str, object]:
        try:
            events = await asyncio.to_thread(history, code)
        except sqlite3.Error as error:
            raise Refused(503, marked("The records cannot be read now. Try again.")) from error
        return {"alarms": [_told(alarm) for alarm in past_alarms(events)]}

    _add_acts(app, desk)


def _add_acts(app: FastAPI, desk: AlarmDesk) -> None:
    @app.post("/api/alarms/acknowledge", openapi_extra=needs(Role.operator))
    async def acknowledge(body: AcknowledgeBody, person: Asking) -> Answer:
        return _answer(desk.acknowledge(body.code, person.name))

    @app.post("/api/alarms/shelve", openapi_extra=needs(Role.operator))
    async def shelve(body: ShelveBody, person: Asking, access: Door) -> Answer:
        refusal = desk.shelve(body.code, body.minutes, person.name)
        if refusal is None:
            await asyncio.to_thread(access.note, person, f"alarm {body.code}", "", f"shelved for {body.minutes} min")
        return _answer(refusal)

    @app.post("/api/alarms/unshelve", openapi_extra=needs(Role.operator))
    async def unshelve(body: UnshelveBody, person: Asking, access: Door) -> Answer:
        refusal = desk.unshelve(body.code, person.name)
        if refusal is None:
            await asyncio.to_thread(access.note, person, f"alarm {body.code}", "shelved", "back")
        return _answer(refusal)


def _told(alarm: PastAlarm) -> dict[str, object]:
    fault = FAULTS.get(alarm.code)
    return {
        "code": alarm.code,
        "sentence": alarm.code if fault is None else fault.sentence,
        "severity": None if fault is None else fault.effect,
        "detail": alarm.detail,
        "order": alarm.order,
        "raised_utc": _utc(alarm.raised_ns),
        "cleared_utc": None if alarm.cleared_ns is None else _utc(alarm.cleared_ns),
        "acknowledged": _act(alarm.acknowledged),
        "shelved": _act(alarm.shelved),
    }


def _act(act: Act | None) -> dict[str, str] | None:
    return None if act is None else {"by": act.by, "at_utc": _utc(act.at_ns)}


def _utc(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="milliseconds")


def _answer(refusal: str | None) -> Answer:
    return Answer(taken=refusal is None, refusal=refusal)
