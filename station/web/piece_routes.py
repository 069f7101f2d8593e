"""Why did it go there? A search over the recorded pieces, and a page for each."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import Field

from control.types import Outcome, Reason, ShotResult
from station.access.words import Role
from station.keeping.album import Seen, read_looks
from station.marked import marked
from station.piece_search import FoundPiece, PieceStory, Wanted, find_pieces, read_piece
from station.web.access import Body, Refused, needs
from station.web.pages import Pages, Tab
from station.web.view import LabelFacts

_T = TypeVar("_T")
_PAGE = 50
_MOST = 2**63 - 1

WHY = {
    Reason.rule: marked("A rule of the recipe sends this class to its outlet."),
    Reason.rest: marked("No rule of the recipe wants this class, so it passed."),
    Reason.unsure: marked("The looks were not sure enough for any rule, so it passed."),
    Reason.touching: marked("It touched another piece; what cannot be told apart is not ejected."),
    Reason.unseen: marked("No look at it was finished before the decision line."),
    Reason.hazard: marked("It may be dangerous; hazards follow the codebook, not the recipe."),
    Reason.bypass: marked("Nothing was ejected at that time."),
    Reason.neighbour: marked("The jet would have hit a neighbour, and that would have cost more."),
    Reason.lane_busy: marked("Its lanes had another shot at that moment."),
    Reason.lane_dead: marked("A valve of its lanes does not answer."),
    Reason.unfinished: marked("The run ended before it was decided."),
}
ENDED = {
    Outcome.ejected: marked("It was ejected."),
    Outcome.passed: marked("It passed to the end of the belt."),
    Outcome.unsure: marked("It passed, because nobody was sure what it is."),
    Outcome.late: marked(
        "It should have been ejected, but the shot would have come too late; late shots are not fired."
    ),
    Outcome.cancelled: marked("Its shot was cancelled."),
    Outcome.lost: marked("It was lost from sight before it was decided."),
}
OUTCOME_TITLES = {
    Outcome.ejected: marked("Ejected"),
    Outcome.passed: marked("Passed"),
    Outcome.unsure: marked("Unsure"),
    Outcome.late: marked("Late"),
    Outcome.cancelled: marked("Cancelled"),
    Outcome.lost: marked("Lost"),
}
SHOT = {
    ShotResult.fired: marked("The controller fired exactly then."),
    ShotResult.late: marked("The controller got the shot too late and did not fire."),
    ShotResult.faulted: marked("The controller reports a fault of the lane."),
    ShotResult.ignored: marked("The controller did not take the shot."),
    ShotResult.unanswered: marked("The controller was lost before it answered; nobody knows whether it fired."),
}


class PieceFiles(NamedTuple):
    """Where the records and the album of a station lie, and how its rest outlet is called."""

    records: Path
    album: Path
    rest_outlet: str


class PieceQuery(Body):
    """What is looked for; times are ISO 8601 in UTC, ``before`` a piece's number for the next page."""

    label: Annotated[str | None, Field(max_length=60)] = None
    outlet: Annotated[str | None, Field(max_length=60)] = None
    outcome: Outcome | None = None
    least_confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    most_confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    from_utc: Annotated[str | None, Field(max_length=30)] = None
    to_utc: Annotated[str | None, Field(max_length=30)] = None
    before: Annotated[int | None, Field(ge=0, le=_MOST)] = None


def add_pieces(app: FastAPI, pages: Pages, files: PieceFiles, labels: Sequence[LabelFacts]) -> None:
    """Two pages, and what they show."""
    titles = {label.label: label.title for label in labels}
    _add_pages(app, pages)

    @app.get("/api/pieces", openapi_extra=needs(Role.viewer))
    async def pieces(query: Annotated[PieceQuery, Query()]) -> dict[str, object]:
        wanted = Wanted(**query.model_dump())
        found = await _read(lambda: find_pieces(files.records, wanted, files.rest_outlet, _PAGE))
        return {"pieces": [_row(piece, titles) for piece in found.pieces], "before": found.before}

    @app.get("/api/pieces/{number}", openapi_extra=needs(Role.viewer))
    async def piece(number: Annotated[int, Field(ge=0, le=_MOST)]) -> dict[str, object]:
        story = await _story(files, number)
        seen = await _seen(files, story)
        return _told(story, seen, titles)

    @app.get("/api/pieces/{number}/looks/{look}", openapi_extra=needs(Role.viewer), response_class=Response)
    async def picture(
        number: Annotated[int, Field(ge=0, le=_MOST)], look: Annotated[int, Field(ge=0, le=999)]
    ) -> Response:
        seen = await _seen(files, await _story(files, number))
        if look >= len(seen):
            raise Refused(404, "That picture is gone: newer ones needed its place.")
        return Response(seen[look].jpeg, 200, {"cache-control": "max-age=600"}, "image/jpeg")


def _add_pages(app: FastAPI, pages: Pages) -> None:
    pages.add_tab(Tab("/pieces", marked("Pieces")))

    @app.get("/pieces", openapi_extra=needs(Role.viewer), include_in_schema=False)
    async def show_search(request: Request) -> HTMLResponse:
        return pages.show(request, "pieces.html", outcomes=OUTCOME_TITLES)

    @app.get("/pieces/{number}", openapi_extra=needs(Role.viewer), include_in_schema=False)
    async def show_story(request: Request, number: int) -> HTMLResponse:
        return pages.show(request, "piece.html", number=number)


async def _story(files: PieceFiles, number: int) -> PieceStory:
    story = await _read(lambda: read_piece(files.records, number))
    if story is None:
        raise Refused(404, "There is no record of such a piece.")
    return story


async def _seen(files: PieceFiles, story: PieceStory) -> tuple[Seen, ...]:
    return await _read(lambda: read_looks(files.album, story.run, story.piece_id))


async def _read(ask: Callable[[], _T]) -> _T:
    try:
        return await asyncio.to_thread(ask)
    except sqlite3.Error as error:
        raise Refused(503, f"The records cannot be read now ({error}). Try again.") from error


def _row(piece: FoundPiece, titles: dict[str, str]) -> dict[str, object]:
    return {**piece._asdict(), "title": titles.get(piece.label, piece.label)}


def _told(story: PieceStory, seen: Sequence[Seen], titles: dict[str, str]) -> dict[str, object]:
    """The record in words and numbers; ``pictures``: the probabilities of each look by label."""
    labels = tuple(story.scores)
    pictures = [dict(zip(labels, look.scores, strict=False)) for look in seen]
    result = story.shot_result
    return {
        **story._asdict(),
        "title": titles.get(story.label, story.label),
        "titles": {label: titles.get(label, label) for label in labels},
        "why": WHY[Reason(story.decision_reason)],
        "ended": ENDED[Outcome(story.outcome)],
        "shot": None if result is None else SHOT[ShotResult(result)],
        "pictures": pictures,
    }
