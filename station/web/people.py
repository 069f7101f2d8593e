"""The pages of logging in, of the first run, of accounts, and of the trail."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from station.access.words import LEAST_PASSWORD, LEAST_PIN, Role
from station.marked import marked
from station.web.access import needs
from station.web.pages import Group, Pages, Tab

_PAGES: dict[str, Role | None] = {
    "login": None,
    "first-run": None,
    "people": Role.admin,
    "trail": Role.technician,
}


def add_people_pages(app: FastAPI, pages: Pages) -> None:
    """Each page is empty words; what it shows and does goes through the API."""
    pages.add_tab(Tab("/trail", marked("Trail"), Role.technician, Group.people))
    pages.add_tab(Tab("/people", marked("People"), Role.admin, Group.people))
    for name, role in _PAGES.items():
        _add(app, pages, name, role)


def _add(app: FastAPI, pages: Pages, name: str, role: Role | None) -> None:
    @app.get(f"/{name}", openapi_extra=needs(role), include_in_schema=False)
    async def show(request: Request) -> HTMLResponse:
        roles = [role for role in Role if role is not Role.viewer]
        return pages.show(request, f"{name}.html", roles=roles, pin=LEAST_PIN, password=LEAST_PASSWORD)
