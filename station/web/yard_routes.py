"""What people enter and take away by hand: samples of bins, hazards they dealt with, papers of a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import Field, StringConstraints

from station.access.words import Role
from station.codebook import load_codebook, plain_name
from station.config import Config, ConfigError
from station.keeping.places import data_folder
from station.language import LanguageUnknown
from station.marked import marked
from station.reporting.batch_paper import issue
from station.reporting.batch_reader import newest_batch, records_are_simulated
from station.reporting.estimates import Share, share
from station.reporting.factors import read_full_codebook
from station.reporting.hazards import gather
from station.reporting.recipe_outlets import accepted_labels, outlets_of
from station.reporting.signature import SignatureRefused
from station.reporting.yard_book import BOOK, YardBook
from station.reporting.yard_words import METHODS, BookRefused, Finding, HandSample, Method, deed_in_words
from station.web.access import Answer, Asking, Body, Door, Refused, needs
from station.web.pages import Pages, Tab
from station.weighing import RECORDS

_T = TypeVar("_T")
_PAPERS = "papers"
_MOST = 2**31
_MOST_PIECES = 100_000
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Number = Annotated[int, Field(ge=0, le=_MOST, strict=True)]


class SampleBody(Body):
    """``pieces`` are the pieces of each class that were in the bin's sample; ``batch`` None: the newest."""

    outlet: Line
    method: Method
    pieces: Annotated[dict[Line, Annotated[int, Field(ge=0, le=_MOST_PIECES, strict=True)]], Field(max_length=100)]
    batch: Annotated[str | None, Field(max_length=100)] = None


class ClosedBody(Body):
    numbers: Annotated[list[Number], Field(min_length=1, max_length=1000)]
    how: Line


class YardDesk:
    """Everything here touches files and is asked away from the event loop."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._data = data_folder(config)
        self._yard = YardBook(self._data / BOOK)
        self._accepted = accepted_labels(config)
        self.outlets = outlets_of(config)
        self.classes = {material.id: plain_name(material.name) for material in load_codebook().values()}

    def samples(self, batch: str | None) -> list[dict[str, object]]:
        """Those that count, the newest first, each with the purity it shows (None where the outlet has no rule)."""
        return [
            {**sample._asdict(), "n": sample.n, "purity": self._purity(sample)}
            for sample in reversed(self._yard.samples(batch))
        ]

    def add_sample(self, body: SampleBody, by: str) -> int:
        """Its number; raises Refused for a class or an outlet that does not exist."""
        strangers = sorted(set(body.pieces) - set(self.classes))
        if strangers or body.outlet not in self.outlets:
            raise Refused(422, marked("There is no {name} here.").format(name=", ".join(strangers) or body.outlet))
        records = self._data / RECORDS
        batch, now = body.batch or newest_batch(records), _now_utc()
        pieces = {label: n for label, n in body.pieces.items() if n}
        return self._yard.add_sample(
            HandSample(0, batch, body.outlet, now, by, body.method, pieces, records_are_simulated(records))
        )

    def withdraw(self, number: int, by: str) -> None:
        self._yard.withdraw_sample(number, by, _now_utc())

    def hazards(self, *, only_open: bool) -> list[dict[str, object]]:
        """The newest first."""
        gather(self._data / RECORDS, self._yard, read_full_codebook())
        return [self._told(finding) for finding in reversed(self._yard.findings(only_open=only_open))]

    def close(self, body: ClosedBody, by: str) -> int:
        return self._yard.close_findings(body.numbers, by, body.how, _now_utc())

    def paper(self, batch: str, language: str) -> tuple[Path, Path]:
        """The batch report and its signature, made now."""
        folder = self._data / _PAPERS
        folder.mkdir(parents=True, exist_ok=True)
        safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in batch)
        now = datetime.now(UTC)  # noqa: TID251 - the moment the paper is made
        issued = issue(
            self._config, batch, folder / f"batch-{safe}.{language}.html", language, now, with_supplier=False
        )
        return issued.paper, issued.signature

    def _purity(self, sample: HandSample) -> dict[str, object] | None:
        wanted = self._accepted.get(sample.outlet)
        if wanted is None:
            return None
        found: Share = share(sum(n for label, n in sample.pieces.items() if label in wanted), sample.n)
        return {"value": found.value, "low": found.low, "high": found.high}

    def _told(self, finding: Finding) -> dict[str, object]:
        deed = deed_in_words(finding, finding.detail.capitalize())
        title = self.classes.get(finding.class_id, "")
        return {**finding._asdict(), "is_open": finding.is_open, "title": title, "deed": deed}


def add_yard(app: FastAPI, pages: Pages, desk: YardDesk) -> None:
    """Pages and routes."""
    _add_pages(app, pages, desk)
    _add_samples(app, desk)
    _add_hazards(app, desk)

    @app.get("/api/batches/{batch}/report", openapi_extra=needs(Role.operator), response_class=Response)
    async def report(batch: Line, lang: Annotated[str, Field(max_length=10)] = "en") -> Response:
        paper, _ = await _ask(lambda: desk.paper(batch, lang))
        return _file(paper, "text/html")

    @app.get("/api/batches/{batch}/report/signature", openapi_extra=needs(Role.operator), response_class=Response)
    async def signature(batch: Line, lang: Annotated[str, Field(max_length=10)] = "en") -> Response:
        """Of a report made now, which is the one that was just taken away unless something changed in between."""
        _, signed = await _ask(lambda: desk.paper(batch, lang))
        return _file(signed, "text/plain")


def _add_pages(app: FastAPI, pages: Pages, desk: YardDesk) -> None:
    pages.add_tab(Tab("/batches", marked("Batches")))
    pages.add_tab(Tab("/hazards", marked("Hazards")))

    @app.get("/batches", openapi_extra=needs(Role.viewer), include_in_schema=False)
    async def show_batches(request: Request) -> HTMLResponse:
        outlets = [{"name": name, "title": name.capitalize()} for name in desk.outlets]
        return pages.show(request, "batches.html", outlets=outlets, classes=desk.classes, methods=METHODS)

    @app.get("/hazards", openapi_extra=needs(Role.viewer), include_in_schema=False)
    async def show_hazards(request: Request) -> HTMLResponse:
        return pages.show(request, "hazards.html")


def _add_samples(app: FastAPI, desk: YardDesk) -> None:
    @app.get("/api/samples", openapi_extra=needs(Role.viewer))
    async def samples(batch: Annotated[str | None, Field(max_length=100)] = None) -> dict[str, object]:
        return {"samples": await _ask(lambda: desk.samples(batch))}

    @app.post("/api/samples", openapi_extra=needs(Role.operator))
    async def add_sample(body: SampleBody, person: Asking) -> Answer:
        await _ask(lambda: desk.add_sample(body, person.name))
        return Answer(taken=True, refusal=None)

    @app.post("/api/samples/{number}/withdraw", openapi_extra=needs(Role.operator))
    async def withdraw(number: Annotated[int, Field(ge=0, le=_MOST)], person: Asking, access: Door) -> Answer:
        await _ask(lambda: desk.withdraw(number, person.name))
        await asyncio.to_thread(
            lambda: access.note(person, marked("hand sample {number}").format(number=number), after=marked("withdrawn"))
        )
        return Answer(taken=True, refusal=None)


def _add_hazards(app: FastAPI, desk: YardDesk) -> None:
    @app.get("/api/hazards", openapi_extra=needs(Role.viewer))
    async def hazards(only_open: bool = False) -> dict[str, object]:
        return {"hazards": await _ask(lambda: desk.hazards(only_open=only_open))}

    @app.post("/api/hazards/close", openapi_extra=needs(Role.operator))
    async def close(body: ClosedBody, person: Asking) -> Answer:
        await _ask(lambda: desk.close(body, person.name))
        return Answer(taken=True, refusal=None)


async def _ask(work: Callable[[], _T]) -> _T:
    try:
        return await asyncio.to_thread(work)
    except LanguageUnknown as unknown:
        raise Refused(422, str(unknown)) from unknown
    except (BookRefused, SignatureRefused) as refused:
        raise Refused(422, str(refused)) from refused
    except ConfigError as missing:
        raise Refused(404, str(missing)) from missing


def _file(path: Path, kind: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{path.name}"'}
    return Response(path.read_bytes(), 200, headers, f"{kind}; charset=utf-8")


def _now_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")  # noqa: TID251 - the moment a person speaks
