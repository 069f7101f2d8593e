"""The pages people see: one frame, in the language and the look of whoever asks."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

from fastapi import FastAPI, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, JSONResponse

from station.access.words import Role
from station.language import SOURCE, html_tag, languages, names, pages, sentences
from station.marked import marked
from station.web.access import Refused, needs
from station.web.view import StationFacts

LANGUAGE_COOKIE = "station_language"
LOOK_COOKIE = "station_look"
_TEMPLATES = Path(__file__).parent / "templates"


class Look(StrEnum):
    """How a page looks; ``auto`` is as the browser likes it."""

    auto = "auto"
    light = "light"
    dark = "dark"
    contrast = "contrast"


LOOKS = {
    Look.auto: marked("Look: automatic"),
    Look.light: marked("Look: light"),
    Look.dark: marked("Look: dark"),
    Look.contrast: marked("Look: high contrast"),
}


class Group(StrEnum):
    """Where a tab stands: ``line`` always in sight, the others behind a press."""

    line = "line"
    tools = "tools"
    people = "people"


class Tab(NamedTuple):
    """A page in the navigation, shown to ``role`` and higher; ``title`` is a marked sentence."""

    path: str
    title: str
    role: Role = Role.viewer
    group: Group = Group.line


class Pages:
    """All templates of the station, once for each language. A page adds its tab and is shown by its template's name."""

    def __init__(self, facts: StationFacts) -> None:
        self._tabs: list[Tab] = []
        self._tongues = {language: pages(_TEMPLATES, language) for language in languages()}
        for language, words in self._tongues.items():
            words.globals.update(
                facts=facts,
                language=language,
                html_tag=html_tag(language),
                languages=names(),
                looks=LOOKS,
                tabs=self._tabs,
                groups=tuple(Group),
            )

    def add_tab(self, tab: Tab) -> None:
        """In the order they are added, within their group."""
        self._tabs.append(tab)

    def show(self, request: Request, template: str, **values: object) -> HTMLResponse:
        """The page for whoever asks. ``values`` are what the template names."""
        words = self._tongues[language_of(request)].get_template(template)
        text = words.render(look=look_of(request), path=request.url.path, **values)
        return HTMLResponse(text, headers={"cache-control": "no-store", "vary": "cookie, accept-language"})


def language_of(request: Request) -> str:
    """What the person chose, else the first language of the browser that there is, else that of the sources."""
    known = languages()
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in known:
        return chosen
    for wanted in request.headers.get("accept-language", "").lower().split(","):
        tongue = wanted.partition(";")[0].strip().partition("-")[0]
        if tongue in known:
            return tongue
    return SOURCE


def look_of(request: Request) -> Look:
    """What the person chose."""
    chosen = request.cookies.get(LOOK_COOKIE, "")
    return Look(chosen) if chosen in set(Look) else Look.auto


def add_words(app: FastAPI) -> None:
    """The catalogue of a language, for what the page's own programs say."""

    @app.get("/words/{language}.json", openapi_extra=needs(None))
    async def words(language: Annotated[str, InPath(max_length=10)]) -> JSONResponse:
        if language not in languages():
            raise Refused(
                404, marked("There is no such language; choose one of {names}.").format(names=", ".join(languages()))
            )
        return JSONResponse(sentences(language), headers={"cache-control": "max-age=600"})
