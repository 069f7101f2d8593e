"""The pages of logging in, of the first run, of accounts, and of the trail."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from station.access.words import LEAST_PASSWORD, LEAST_PIN, Role
from station.web.access import needs

_PAGES: dict[str, Role | None] = {
    "login": None,
    "first-run": None,
    "people": Role.admin,
    "trail": Role.technician,
}


def add_people_pages(app: FastAPI, words: Environment) -> None:
    """Each page is empty words; what it shows and does goes through the API."""
    for name, role in _PAGES.items():
        _add(app, words, name, role)


def _add(app: FastAPI, words: Environment, name: str, role: Role | None) -> None:
    page = words.get_template(f"{name}.html")

    @app.get(f"/{name}", openapi_extra=needs(role), include_in_schema=False)
    async def show() -> HTMLResponse:
        text = page.render(roles=[r for r in Role if r is not Role.viewer], pin=LEAST_PIN, password=LEAST_PASSWORD)
        return HTMLResponse(text, headers={"cache-control": "no-store"})
