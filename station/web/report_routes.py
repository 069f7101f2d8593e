"""Routes of the report: batches, shift, downtime and what waits for the programme."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import FastAPI
from pydantic import Field, StringConstraints

from station.access.words import Role
from station.marked import marked
from station.reporting.batches import Balance, Batch, Intake
from station.reporting.office import Office, Told
from station.reporting.row import DowntimeKind
from station.web.access import Answer, Asking, Body, Refused, needs

Message = dict[str, object]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Kilograms = Annotated[float, Field(ge=0, le=1e7, strict=True)]


class IntakeBody(Body):
    """What is asked at batch intake; ``unu_key`` for electronic scrap, ``id`` empty for a number of the station's."""

    origin: Line = ""
    supplier: Line = ""
    material: Line = ""
    weight_kg: Kilograms | None = None
    weight_sd_kg: Kilograms | None = None
    unu_key: Line | None = None
    id: Line = ""


class WeighedBody(Body):
    outlet: Line
    mass_kg: Kilograms
    sd_kg: Kilograms


class ShiftBody(Body):
    """``shift`` empty: the plan in the station file decides again."""

    shift: Line = ""


class DowntimeBody(Body):
    kind: DowntimeKind
    reason: Line


class Done(Answer):
    """``told`` is what came of it, in words."""

    told: str


def add_report(app: FastAPI, office: Office) -> None:
    """All of them."""
    _add_batches(app, office)
    _add_times(app, office)
    _add_outbox(app, office)


def _add_batches(app: FastAPI, office: Office) -> None:
    @app.get("/api/batches", openapi_extra=needs(Role.viewer))
    async def batches() -> Message:
        return {"batches": [_batch(batch) for batch in await office.batches()]}

    @app.get("/api/batches/{batch}/balance", openapi_extra=needs(Role.viewer))
    async def balance(batch: str) -> Message:
        found = await office.balance(batch)
        if found is None:
            raise Refused(404, marked("There is no such batch."))
        return balance_message(found)

    @app.post("/api/batches/open", openapi_extra=needs(Role.operator))
    async def open_batch(body: IntakeBody, person: Asking) -> Done:
        intake = Intake(**{**body.model_dump(), "unu_key": body.unu_key or None})
        return _answer(await office.open_batch(intake, person.name))

    @app.post("/api/batches/close", openapi_extra=needs(Role.operator))
    async def close_batch(person: Asking) -> Done:
        return _answer(await office.close_batch(person.name))

    @app.post("/api/batches/{batch}/weighed", openapi_extra=needs(Role.operator))
    async def weighed(batch: str, body: WeighedBody, person: Asking) -> Done:
        return _answer(await office.weigh(batch, body.outlet, body.mass_kg, body.sd_kg, person.name))


def _add_times(app: FastAPI, office: Office) -> None:
    @app.post("/api/shift", openapi_extra=needs(Role.operator))
    async def shift(body: ShiftBody) -> Done:
        return _answer(await office.set_shift(body.shift or None))

    @app.post("/api/downtime", openapi_extra=needs(Role.operator))
    async def downtime(body: DowntimeBody) -> Done:
        return _answer(office.give_reason(body.kind, body.reason))


def _add_outbox(app: FastAPI, office: Office) -> None:
    @app.get("/api/outbox", openapi_extra=needs(Role.viewer))
    async def outbox() -> Message:
        forecast, aside = await office.forecast(), await office.quarantined()
        told = [{"epoch": row.epoch, "sequence": row.sequence, "reason": row.reason} for row in aside]
        channels = [standing._asdict() for standing in office.standings()]
        found = {"held": office.outbox.held, "rows_in_quarantine": told, "channels": channels}
        return {**forecast._asdict(), **found}

    @app.post("/api/outbox/retry", openapi_extra=needs(Role.technician))
    async def retry() -> Done:
        return _answer(await office.retry())


def balance_message(found: Balance) -> Message:
    """As the page and commands get it."""
    return {**found._asdict(), "outlets": [share._asdict() for share in found.outlets], "sentence": found.sentence}


def _batch(batch: Batch) -> Message:
    told = {**asdict(batch), **asdict(batch.intake)}
    del told["intake"]
    return told


def _answer(told: Told) -> Done:
    """A refusal is an answer, not an error: the page shows its sentence."""
    return Done(taken=told.refusal is None, refusal=told.refusal, told=told.told)
