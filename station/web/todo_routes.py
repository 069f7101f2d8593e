"""The machine's to-do list."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from station.access.words import Role
from station.marked import marked
from station.tools.todo_facts import TodoDesk
from station.web.access import Door, needs
from station.web.pages import Group, Pages, Tab
from station.web.view import StationView


def add_todo(app: FastAPI, pages: Pages, desk: TodoDesk, view: StationView) -> None:
    """Page and list."""
    pages.add_tab(Tab("/todo", marked("To do"), Role.technician, Group.tools))

    @app.get("/todo", openapi_extra=needs(Role.technician), include_in_schema=False)
    async def show(request: Request) -> HTMLResponse:
        return pages.show(request, "todo.html")

    @app.get("/api/todo", openapi_extra=needs(Role.technician))
    async def items(access: Door) -> dict[str, object]:
        found = await asyncio.to_thread(desk.items, view, access.book.has_admin)
        return {"items": [item._asdict() for item in found]}
