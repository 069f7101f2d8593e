"""Bins and outlets: how full, how pure by hand samples, and the press that says a bin was emptied."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI
from pydantic import Field

from station.access.words import Role
from station.config import Config, ConfigError
from station.keeping.places import data_folder
from station.marked import marked
from station.reporting.batch_reader import newest_batch
from station.reporting.batches import Intake, read_batches
from station.reporting.estimates import purity
from station.reporting.recipe_outlets import accepted_labels
from station.reporting.yard_book import BOOK, YardBook
from station.reporting.yard_words import BookRefused
from station.web.access import Answer, Asking, Body, Door, Refused, needs
from station.web.messages import bins_message
from station.web.view import StationView
from station.weighing import RECORDS


class EmptiedBody(Body):
    outlet: Annotated[str, Field(min_length=1, max_length=60)]


class OutletPurity:
    """What hand samples of the batch say of each outlet; touches files and is asked away from the event loop."""

    def __init__(self, config: Config) -> None:
        self._data: Path = data_folder(config)
        self._yard = YardBook(self._data / BOOK)
        self._accepted: Mapping[str, frozenset[str]] = accepted_labels(config)

    def read(self) -> dict[str, object]:
        """``batch`` is the one the samples are of: the open one, else the last; None: there was none yet, and the
        samples are those without a batch. Raises BookRefused, ConfigError or sqlite3.Error."""
        records = self._data / RECORDS
        batch = newest_batch(records)
        samples = [sample for sample in self._yard.samples(batch) if sample.batch == batch]
        found: dict[str, object] = {}
        for outlet, accepted in self._accepted.items():
            share = purity([sample.pieces for sample in samples if sample.outlet == outlet], accepted)
            found[outlet] = None if share is None else {**share._asdict(), "value": share.value}
        return {"batch": batch, "open": _open_intake(records, batch), "purity": found}


def _open_intake(records: Path, batch: str | None) -> dict[str, object] | None:
    """What was written down about the batch that is open; its supplier stays where it was written."""
    opened = next((each for each in read_batches(records) if each.id == batch and each.closed_utc is None), None)
    if opened is None:
        return None
    intake: Intake = opened.intake
    return {key: value for key, value in asdict(intake).items() if key in ("material", "origin", "weight_kg")}


def add_bins(app: FastAPI, view: StationView, outlets: OutletPurity | None) -> None:
    """``outlets`` None: nothing is sampled here."""

    @app.get("/api/bins", openapi_extra=needs(Role.viewer))
    async def bins() -> dict[str, object]:
        return {"bins": bins_message(view)}

    @app.post("/api/bins/emptied", openapi_extra=needs(Role.operator))
    async def emptied(body: EmptiedBody, person: Asking, access: Door) -> Answer:
        before = next((level for level in view.bins().levels() if level.outlet == body.outlet), None)
        refusal = view.bins().empty(body.outlet, person.name)
        if refusal is not None or before is None:
            raise Refused(422, refusal or "")
        await asyncio.to_thread(access.note, person, f"bin {body.outlet}", f"{before.kg:.1f} kg, estimated", "emptied")
        return Answer(taken=True, refusal=None)

    @app.get("/api/outlets", openapi_extra=needs(Role.viewer))
    async def purities() -> dict[str, object]:
        if outlets is None:
            return {"batch": None, "open": None, "purity": {}}
        try:
            return await asyncio.to_thread(outlets.read)
        except (BookRefused, ConfigError, sqlite3.Error) as error:
            raise Refused(503, marked("The records cannot be read now. Try again.")) from error
