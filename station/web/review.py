"""The review page: a person sees a kept crop, what the model said, and says what it really is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment

from station.dataset.book import Book
from station.dataset.bring import UNKNOWN
from station.dataset.words import Crop, DatasetRefused
from station.web.body import BadBody, read_body
from station.web.view import LabelFacts, StationView

_AHEAD = 24
_TOP = 4
_LONGEST_NAME = 60
_KINDS = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}
_Found = TypeVar("_Found")


class ReviewDesk:
    """The crops of one station. Every call opens the data set for itself, away from the event loop."""

    def __init__(self, folder: Path, labels: Sequence[LabelFacts]) -> None:
        self._folder = folder
        self.labels = (*labels, LabelFacts(UNKNOWN, "Something else"))

    async def waiting(self) -> tuple[int, int, tuple[Crop, ...]]:
        """How many are to be labelled, how many are, and the next ones."""

        def look(book: Book) -> tuple[int, int, tuple[Crop, ...]]:
            tally = book.tally()
            return tally.crops - tally.labelled, tally.labelled, book.unlabelled(_AHEAD)

        return await self._ask(look, (0, 0, ()))

    async def picture(self, crop_id: int) -> tuple[bytes, str] | None:
        """The picture and its media type; None when it is gone."""

        def read(book: Book) -> tuple[bytes, str] | None:
            crop = book.crop(crop_id)
            return None if crop is None else (book.picture(crop), _KINDS[crop.kind])

        return await self._ask(read, None)

    async def label(self, crop_id: int, label: str | None, by: str) -> bool:
        """False when the crop is gone."""
        at_utc = datetime.now(UTC).isoformat(timespec="seconds")  # noqa: TID251 - the moment a person speaks
        return await self._ask(lambda book: book.label(crop_id, label, by, at_utc), False)

    async def _ask(self, question: Callable[[Book], _Found], without: _Found) -> _Found:
        """``without``: the answer when nothing was kept yet, or it cannot be read now."""

        def ask() -> _Found:
            try:
                with Book.open(self._folder) as book:
                    return question(book)
            except DatasetRefused:
                return without

        return await asyncio.to_thread(ask)


def add_review(app: FastAPI, view: StationView, words: Environment, desk: ReviewDesk) -> None:
    """Page, pictures, and the one verb."""
    page = words.get_template("review.html")
    known = {label.label for label in desk.labels}

    @app.get("/review", response_model=None)
    async def show_review() -> HTMLResponse:
        text = page.render(facts=view.facts(), labels=desk.labels)
        return HTMLResponse(text, headers={"cache-control": "no-store"})

    @app.get("/api/review", response_model=None)
    async def waiting() -> JSONResponse:
        left, labelled, crops = await desk.waiting()
        return JSONResponse({"left": left, "labelled": labelled, "crops": [_told(crop) for crop in crops]})

    @app.get("/api/review/{crop_id}/picture", response_model=None)
    async def picture(crop_id: int) -> Response:
        found = await desk.picture(crop_id)
        return (
            JSONResponse({"refusal": "That crop is gone."}, 404)
            if found is None
            else Response(found[0], 200, None, found[1])
        )

    @app.post("/api/review", response_model=None)
    async def label(request: Request) -> JSONResponse:
        crop_id, said, by = _said(await read_body(request), known)
        where = request.client.host if request.client else "?"
        if await desk.label(crop_id, said, f"{by} (page {where})"):
            return JSONResponse({"taken": True, "refusal": None})
        return JSONResponse({"taken": False, "refusal": "That crop is gone: newer ones needed its place."})


def _told(crop: Crop) -> dict[str, object]:
    """``scores``: the highest few, highest first."""
    ordered = sorted(crop.scores.items(), key=lambda item: -item[1])[:_TOP]
    return {"id": crop.id, "reason": crop.reason, "taken_utc": crop.taken_utc, "object": crop.object, "scores": ordered}


def _said(body: dict[str, object], known: set[str]) -> tuple[int, str | None, str]:
    """Crop, label (None takes it back) and name; raises BadBody."""
    crop_id, label, by = body.get("id"), body.get("label"), body.get("by")
    if not isinstance(crop_id, int) or isinstance(crop_id, bool):
        raise BadBody(422, '"id" has to be the number of a crop.')
    if label is not None and (not isinstance(label, str) or label not in known):
        raise BadBody(422, f'"label" has to be null or one of {", ".join(sorted(known))}.')
    if not isinstance(by, str) or not by.strip() or len(by) > _LONGEST_NAME:
        raise BadBody(422, "Say who you are: a name of up to 60 letters.")
    return crop_id, label, by.strip()
