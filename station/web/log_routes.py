"""The page of the log, and everything for whoever helps from afar in one file."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse

from station.access.words import Role
from station.marked import marked
from station.tools.bundle import BundleDesk
from station.tools.log_file import newest
from station.web.access import Asking, Door, needs
from station.web.pages import Group, Pages, Tab
from station.web.view import StationView

_MOST = 1000


class Level(StrEnum):
    """How grave a line is at least."""

    info = "info"
    warning = "warning"
    error = "error"


def add_logs(app: FastAPI, pages: Pages, folder: Path, bundle: BundleDesk, view: StationView) -> None:
    """Page, lines, and the bundle."""
    pages.add_tab(Tab("/logs", marked("Log"), Role.technician, Group.tools))

    @app.get("/logs", openapi_extra=needs(Role.technician), include_in_schema=False)
    async def show(request: Request) -> HTMLResponse:
        return pages.show(request, "logs.html", station=bundle.config.file.station.id)

    @app.get("/api/logs", openapi_extra=needs(Role.technician))
    async def lines(level: Level = Level.info, limit: Annotated[int, Query(ge=1, le=_MOST)] = 200) -> dict[str, object]:
        found = await asyncio.to_thread(newest, folder, level.value, limit)
        return {"entries": [entry._asdict() for entry in found]}

    @app.get("/api/diagnostics", openapi_extra=needs(Role.technician), response_class=Response)
    async def diagnostics(person: Asking, access: Door) -> Response:
        """A ZIP file without secrets and without names of people."""
        now = datetime.now(UTC)  # noqa: TID251 - the moment it is made
        made = await asyncio.to_thread(bundle.make, view, access.book.has_admin, now)
        await asyncio.to_thread(access.note, person, "diagnostics", after=f"{len(made)} bytes")
        name = f"{bundle.config.file.station.id}-{now:%Y%m%dT%H%M%SZ}.zip"
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
        return Response(made, 200, headers, "application/zip")
