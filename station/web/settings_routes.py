"""The page of settings: the station's files as text, what is wrong with them, what a change does, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from pydantic import Field, StringConstraints

from station.access.words import Role
from station.marked import marked
from station.tools.settings import SettingsDesk, SettingsRefused, WrittenMeanwhile, key_help
from station.web.access import Answer, Asking, Body, Door, Refused, needs
from station.web.pages import Group, Pages, Tab

_T = TypeVar("_T")
_LONGEST_TEXT = 200_000
FileName = Annotated[str, Field(min_length=1, max_length=300, description="as GET /api/settings calls it")]
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Draft(Body):
    file: FileName
    text: Annotated[str, Field(max_length=_LONGEST_TEXT)]


class Change(Draft):
    """``sha256`` is that of the text it was made from; ``why`` goes into the trail."""

    sha256: Annotated[str, Field(max_length=64)]
    why: Why


def add_settings(app: FastAPI, pages: Pages, desk: SettingsDesk) -> None:
    """Page, check, change, backups, and starting again."""
    pages.add_tab(Tab("/settings", marked("Settings"), Role.technician, Group.tools))

    @app.get("/settings", openapi_extra=needs(Role.technician), include_in_schema=False)
    async def show(request: Request) -> HTMLResponse:
        return pages.show(request, "settings.html", keys=list(key_help()))

    @app.get("/api/settings", openapi_extra=needs(Role.technician))
    async def files() -> dict[str, object]:
        return {"files": [file._asdict() for file in await _ask(desk.files)]}

    @app.post("/api/settings/check", openapi_extra=needs(Role.technician))
    async def check(body: Draft) -> dict[str, object]:
        found = await _ask(lambda: desk.check(body.file, _text(body)))
        return {"faults": [fault._asdict() for fault in found.faults], "diff": found.diff}

    @app.post("/api/settings/apply", openapi_extra=needs(Role.technician))
    async def apply(body: Change, person: Asking, access: Door) -> Answer:
        now = datetime.now(UTC)  # noqa: TID251 - the moment a person acts
        before, after = await _ask(lambda: desk.apply(body.file, _text(body), body.sha256, now))
        await asyncio.to_thread(access.note, person, f"settings {body.file}", before, after, body.why)
        return Answer(taken=True, refusal=None)

    @app.get("/api/settings/backups", openapi_extra=needs(Role.technician))
    async def backups(file: FileName) -> dict[str, object]:
        return {"backups": [backup._asdict() for backup in await _ask(lambda: desk.backups(file))]}

    @app.get("/api/settings/backup", openapi_extra=needs(Role.technician))
    async def backup(file: FileName, id: FileName) -> dict[str, str]:
        return {"text": await _ask(lambda: desk.backup(file, id))}

    @app.post("/api/restart", openapi_extra=needs(Role.technician))
    async def restart(person: Asking, access: Door) -> Answer:
        refusal = desk.restart()
        if refusal is None:
            await asyncio.to_thread(access.note, person, "restart")
        return Answer(taken=refusal is None, refusal=refusal)


def _text(body: Draft) -> str:
    """What cannot be written into a file is refused."""
    try:
        body.text.encode()
    except UnicodeEncodeError as error:
        raise Refused(422, marked("The text holds half a character. Write it anew.")) from error
    return body.text.replace("\r\n", "\n")


async def _ask(work: Callable[[], _T]) -> _T:
    try:
        return await asyncio.to_thread(work)
    except WrittenMeanwhile as written:
        raise Refused(409, str(written)) from written
    except SettingsRefused as refused:
        raise Refused(422, str(refused)) from refused
    except LookupError as missing:
        raise Refused(404, marked("There is no such backup.")) from missing
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(503, marked("The file cannot be read or written: {error}.").format(error=error)) from error
