"""The page of the machine: the controller and every lane."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from station.access.words import Role
from station.map_page import map_html
from station.marked import marked
from station.tools.machine import MachineDesk, ProbeRefused
from station.web.access import Asking, Door, Refused, needs
from station.web.pages import Group, Pages, Tab
from station.web.view import StationView


def add_machine(app: FastAPI, pages: Pages, desk: MachineDesk, view: StationView) -> None:
    """Page, figures, probe and map."""
    pages.add_tab(Tab("/machine", marked("Machine"), Role.technician, Group.tools))

    @app.get("/machine", openapi_extra=needs(Role.technician), include_in_schema=False)
    async def show(request: Request) -> HTMLResponse:
        return pages.show(request, "machine.html")

    @app.get("/api/machine", openapi_extra=needs(Role.technician))
    async def machine() -> dict[str, object]:
        return await asyncio.to_thread(desk.told, view)

    @app.post("/api/machine/probe", openapi_extra=needs(Role.technician))
    async def probe(person: Asking, access: Door) -> dict[str, list[str]]:
        try:
            lines = await asyncio.to_thread(desk.probe, view)
        except ProbeRefused as refused:
            raise Refused(422, str(refused)) from refused
        await asyncio.to_thread(access.note, person, "machine probe")
        return {"lines": lines}

    @app.get("/api/machine/map", openapi_extra=needs(Role.technician), response_class=Response)
    async def register_map() -> Response:
        """A page to print, for whoever programs the controller."""
        headers = {"content-disposition": 'attachment; filename="register-map.html"'}
        return Response(map_html(), 200, headers, "text/html; charset=utf-8")
