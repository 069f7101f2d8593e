"""Routes of the report: batches, shift, downtime and what waits for the programme. The page over them comes later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from station.reporting.batches import Balance, Batch, Intake
from station.reporting.office import Office, Told
from station.reporting.row import DowntimeKind
from station.web.body import BadBody, read_body

Body = dict[str, object]


def add_report(app: FastAPI, office: Office, who: Callable[[Request], str]) -> None:
    """``who`` says who asks."""
    _add_batches(app, office, who)
    _add_times(app, office)
    _add_outbox(app, office)


def _add_batches(app: FastAPI, office: Office, who: Callable[[Request], str]) -> None:
    @app.get("/api/batches", response_model=None)
    async def batches() -> JSONResponse:
        return JSONResponse({"batches": [_batch(batch) for batch in await office.batches()]})

    @app.get("/api/batches/{batch}/balance", response_model=None)
    async def balance(batch: str) -> JSONResponse:
        found = await office.balance(batch)
        if found is None:
            return JSONResponse({"refusal": "There is no such batch."}, 404)
        return JSONResponse(balance_message(found))

    @app.post("/api/batches/open", response_model=None)
    async def open_batch(request: Request) -> JSONResponse:
        return _answer(await office.open_batch(_intake(await read_body(request)), who(request)))

    @app.post("/api/batches/close", response_model=None)
    async def close_batch(request: Request) -> JSONResponse:
        await read_body(request)
        return _answer(await office.close_batch(who(request)))

    @app.post("/api/batches/{batch}/weighed", response_model=None)
    async def weighed(batch: str, request: Request) -> JSONResponse:
        body = await read_body(request)
        outlet, mass_kg, sd_kg = _text(body, "outlet"), _number(body, "mass_kg"), _number(body, "sd_kg")
        if mass_kg is None or sd_kg is None:
            raise BadBody(422, 'Give "mass_kg" and "sd_kg".')
        return _answer(await office.weigh(batch, outlet, mass_kg, sd_kg, who(request)))


def _add_times(app: FastAPI, office: Office) -> None:
    @app.post("/api/shift", response_model=None)
    async def shift(request: Request) -> JSONResponse:
        body = await read_body(request)
        return _answer(await office.set_shift(_text(body, "shift") or None))

    @app.post("/api/downtime", response_model=None)
    async def downtime(request: Request) -> JSONResponse:
        body = await read_body(request)
        kind = body.get("kind")
        if not isinstance(kind, str) or kind not in set(DowntimeKind):
            raise BadBody(422, '"kind" has to be held or suspended.')
        return _answer(office.give_reason(DowntimeKind(kind), _text(body, "reason")))


def _add_outbox(app: FastAPI, office: Office) -> None:
    @app.get("/api/outbox", response_model=None)
    async def outbox() -> JSONResponse:
        forecast, aside = await office.forecast(), await office.quarantined()
        told = [{"epoch": row.epoch, "sequence": row.sequence, "reason": row.reason} for row in aside]
        return JSONResponse({**forecast._asdict(), "held": office.outbox.held, "rows_in_quarantine": told})

    @app.post("/api/outbox/retry", response_model=None)
    async def retry(request: Request) -> JSONResponse:
        await read_body(request)
        return _answer(await office.retry())


def balance_message(found: Balance) -> Body:
    """As the page and commands get it."""
    return {**found._asdict(), "outlets": [share._asdict() for share in found.outlets], "sentence": found.sentence}


def _batch(batch: Batch) -> Body:
    told = {**asdict(batch), **asdict(batch.intake)}
    del told["intake"]
    return told


def _intake(body: Body) -> Intake:
    unu_key = _text(body, "unu_key")
    return Intake(
        origin=_text(body, "origin"),
        supplier=_text(body, "supplier"),
        material=_text(body, "material"),
        weight_kg=_number(body, "weight_kg"),
        weight_sd_kg=_number(body, "weight_sd_kg"),
        unu_key=unu_key or None,
        id=_text(body, "id"),
    )


def _text(body: Body, name: str) -> str:
    """Empty when it was left out."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise BadBody(422, f'"{name}" has to be text.')
    return (value or "").strip()


def _number(body: Body, name: str) -> float | None:
    """None when it was left out."""
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise BadBody(422, f'"{name}" has to be a number.')
    return None if value is None else float(value)


def _answer(told: Told) -> JSONResponse:
    """A refusal is an answer, not an error: the page shows its sentence."""
    return JSONResponse({"taken": told.refusal is None, "refusal": told.refusal, "told": told.told})
