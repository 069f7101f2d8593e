"""The review page: a person sees a kept crop, what the model said, and says what it really is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import Field

from station.access.words import Role
from station.dataset.book import Book
from station.dataset.bring import UNKNOWN
from station.dataset.words import Crop, DatasetRefused
from station.marked import marked
from station.web.access import Answer, Asking, Body, Refused, needs
from station.web.pages import Group, Pages, Tab
from station.web.view import LabelFacts

_AHEAD = 24
_TOP = 4
_MOST_CROPS = 2**63 - 1
_KINDS = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}
_Found = TypeVar("_Found")
CropId = Annotated[int, Field(ge=0, le=_MOST_CROPS)]


class Said(Body):
    """``label`` None takes back what was said of the crop."""

    id: Annotated[int, Field(strict=True, ge=0, le=_MOST_CROPS)]
    label: str | None


class ReviewDesk:
    """The crops of one station. Every call opens the data set for itself, away from the event loop."""

    def __init__(self, folder: Path, labels: Sequence[LabelFacts]) -> None:
        self._folder = folder
        self.labels = (*labels, LabelFacts(UNKNOWN, marked("Something else")))

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


def add_review(app: FastAPI, pages: Pages, desk: ReviewDesk) -> None:
    """Page, pictures, and the one verb."""
    pages.add_tab(Tab("/review", marked("Label crops"), Role.operator, Group.tools))
    known = {label.label for label in desk.labels}

    @app.get("/review", openapi_extra=needs(Role.operator), include_in_schema=False)
    async def show_review(request: Request) -> HTMLResponse:
        return pages.show(request, "review.html", labels=desk.labels)

    @app.get("/api/review", openapi_extra=needs(Role.operator))
    async def waiting() -> dict[str, object]:
        left, labelled, crops = await desk.waiting()
        return {"left": left, "labelled": labelled, "crops": [_told(crop) for crop in crops]}

    @app.get("/api/review/{crop_id}/picture", openapi_extra=needs(Role.operator), response_class=Response)
    async def picture(crop_id: CropId) -> Response:
        found = await desk.picture(crop_id)
        if found is None:
            raise Refused(404, marked("That crop is gone."))
        return Response(found[0], 200, None, found[1])

    @app.post("/api/review", openapi_extra=needs(Role.operator))
    async def label(body: Said, person: Asking) -> Answer:
        if body.label is not None and body.label not in known:
            raise Refused(
                422, marked('"label" has to be null or one of {names}.').format(names=", ".join(sorted(known)))
            )
        if await desk.label(body.id, body.label, person.name):
            return Answer(taken=True, refusal=None)
        return Answer(taken=False, refusal=marked("That crop is gone: newer ones needed its place."))


def _told(crop: Crop) -> dict[str, object]:
    """``scores``: the highest few, highest first."""
    ordered = sorted(crop.scores.items(), key=lambda item: -item[1])[:_TOP]
    return {"id": crop.id, "reason": crop.reason, "taken_utc": crop.taken_utc, "object": crop.object, "scores": ordered}
