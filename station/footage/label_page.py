"""The page on which a person says what each piece is: one picture, big buttons, one key per class."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeGuard

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from station.codebook import Material, plain_name
from station.footage.missed import Belt
from station.footage.proposals import Labelling
from station.web.guard import Doorkeeper
from vision.labels import NOTHING
from vision.types import Box

_HERE = Path(__file__).parent / "page"
_LOOK = Path(__file__).parents[1] / "web" / "static"
_LARGEST_BODY_BYTES = 1024
_KEYS = "1234567890qwertyuiop"


class Classes(NamedTuple):
    """Classes a person chooses from: ``first`` get a button and a key each, ``more`` are in a list."""

    first: tuple[tuple[str, str], ...]
    more: tuple[tuple[str, str], ...]

    @property
    def known(self) -> frozenset[str]:
        return frozenset(id_ for id_, _ in (*self.first, *self.more)) | {NOTHING}


def classes_of(labels: tuple[str, ...], materials: Mapping[str, Material]) -> Classes:
    """The model's labels first, then the rest of the codebook; each with its plain name."""
    named = {id_: plain_name(material.name) for id_, material in materials.items()}
    first = tuple((id_, named.get(id_, id_)) for id_ in labels[: len(_KEYS)])
    return Classes(first, tuple((id_, name) for id_, name in named.items() if id_ not in dict(first)))


class _NothingLive:
    """This page has no live feed; the server asks for one to close."""

    async def close(self) -> None:
        """There is nothing to close."""


def create_label_app(
    work: Labelling, classes: Classes, name: str, who: str, now_utc: Callable[[], str], belt: Belt | None = None
) -> FastAPI:
    """The page over ``work``; ``who`` and ``now_utc`` are written beside every label. On ``belt`` missed pieces are
    drawn."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.live = _NothingLive()
    app.add_middleware(Doorkeeper, hosts=frozenset())
    app.mount("/static", StaticFiles(directory=_LOOK))
    app.mount("/label", StaticFiles(directory=_HERE))
    words = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    page = words.get_template("label.html")

    @app.get("/", response_model=None)
    async def show_page() -> HTMLResponse:
        keyed = [(id_, title, key) for (id_, title), key in zip(classes.first, _KEYS, strict=False)]
        text = page.render(name=name, who=who, keyed=keyed, more=classes.more, table=work.table.name, nothing=NOTHING)
        return HTMLResponse(text, headers={"cache-control": "no-store"})

    _add_work(app, work, classes, who, now_utc)
    _add_belt(app, work, classes, who, now_utc, belt)
    return app


def _add_work(app: FastAPI, work: Labelling, classes: Classes, who: str, now_utc: Callable[[], str]) -> None:
    @app.get("/api/pieces", response_model=None)
    async def pieces() -> JSONResponse:
        return JSONResponse([_plain(work, number) for number in range(len(work.proposals))])

    @app.get("/picture/{number}.png", response_model=None)
    async def picture(number: int) -> Response:
        file = work.proposals[number].picture if 0 <= number < len(work.proposals) else None
        return Response(status_code=404) if file is None else FileResponse(file)

    @app.post("/api/labels", response_model=None)
    async def answer(request: Request) -> JSONResponse:
        body = await _body(request)
        number, label = body.get("number"), body.get("label")
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(work.proposals):
            return _refused("There is no such piece.")
        if label is not None and (not isinstance(label, str) or label not in classes.known):
            return _refused("That is no class of the codebook.")
        try:
            work.answer(number, label, who, now_utc())
        except OSError as error:
            return _refused(f"The labels cannot be written ({error.strerror}): free disk space and try again.", 507)
        return JSONResponse(_plain(work, number))


def _add_belt(
    app: FastAPI, work: Labelling, classes: Classes, who: str, now_utc: Callable[[], str], belt: Belt | None
) -> None:
    @app.get("/api/belt", response_model=None)
    async def views() -> JSONResponse:
        width, height = (0, 0) if belt is None else belt.size_px
        count = 0 if belt is None else len(belt.views)
        return JSONResponse({"views": count, "width_px": width, "height_px": height, "drawn": len(work.drawn)})

    @app.get("/belt/{number}.jpg", response_model=None)
    async def belt_picture(number: int) -> Response:
        if belt is None or not 0 <= number < len(belt.views):
            return Response(status_code=404)
        return Response(belt.picture(number), media_type="image/jpeg")

    @app.post("/api/missed", response_model=None)
    async def missed(request: Request) -> JSONResponse:
        body = await _body(request)
        number, label, box = body.get("view"), body.get("label"), body.get("box")
        if belt is None or not _is_count(number) or not 0 <= number < len(belt.views):
            return _refused("There is no such picture.")
        if not isinstance(label, str) or label not in classes.known - {NOTHING}:
            return _refused("That is no class of the codebook.")
        if not isinstance(box, list) or len(box) != 4 or not all(map(_is_count, box)):
            return _refused("That is no place in the picture.")
        drawn = belt.label(number, Box(*box), (label, who, now_utc()))
        if drawn is None:
            return _refused("Draw the piece inside the picture.")
        return _kept(work, lambda: work.draw(drawn))

    @app.post("/api/missed/take-back", response_model=None)
    async def take_back() -> JSONResponse:
        return _kept(work, work.take_back)


def _kept(work: Labelling, keep: Callable[[], None]) -> JSONResponse:
    try:
        keep()
    except OSError as error:
        return _refused(f"The labels cannot be written ({error.strerror}): free disk space and try again.", 507)
    return JSONResponse({"drawn": len(work.drawn)})


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _plain(work: Labelling, number: int) -> dict[str, object]:
    proposal, answer = work.proposals[number], work.answers.get(number)
    return {
        "number": number,
        "piece": proposal.piece,
        "proposed": proposal.label,
        "confidence": round(proposal.confidence, 4),
        "outlet": proposal.outlet,
        "size_mm": [round(proposal.length_mm), round(proposal.width_mm)],
        "has_picture": proposal.picture is not None,
        "label": None if answer is None else answer.label,
        "who": None if answer is None else answer.who,
    }


async def _body(request: Request) -> dict[str, object]:
    """A small JSON object; an empty one for anything else."""
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _LARGEST_BODY_BYTES:
            return {}
    try:
        found: object = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}


def _refused(sentence: str, status: int = 422) -> JSONResponse:
    return JSONResponse({"refusal": sentence}, status)
