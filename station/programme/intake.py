"""The verb of the receiver: POST /v1/intervals. Who sends is asked, and the size is known, before anything is read."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from station.programme.door import Visitor
from station.programme.envelope import (
    LARGEST_BODY_BYTES,
    BadBatch,
    Batch,
    ack_schema,
    batch_schema,
    read_batch,
    unpack,
)
from station.programme.limits import Limit
from station.programme.registry import Registry
from station.programme.words import Ack, Channel, Sender
from station.programme.writer import LedgerBusy, LedgerWriter

_BODY_S = 60.0
_ANSWER_S = 20.0
_BUSY_RETRY_S = 10
_CHALLENGE = {"www-authenticate": 'Bearer realm="programme"'}

WhoStandsThere = Callable[[Request], Visitor]


class Turned(Exception):  # noqa: N818 - a fact
    """The request is turned away: status, sentence and headers."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.answer = JSONResponse({"refusal": sentence}, status, dict(headers or {}))


@dataclass(frozen=True, slots=True)
class Intake:
    """What the verb needs. ``by_station`` bounds requests, ``by_failures`` wrong credentials from one address."""

    registry: Registry
    writer: LedgerWriter
    who: WhoStandsThere
    by_station: Limit = field(default_factory=lambda: Limit(per_s=5.0, burst=60.0))
    by_failures: Limit = field(default_factory=lambda: Limit(per_s=0.1, burst=20.0))


def add_intake(app: FastAPI, intake: Intake) -> None:
    """Mount the verb with its schema."""

    @app.post("/v1/intervals", response_model=None, openapi_extra=_described(), responses=_answers())
    async def intervals(request: Request) -> Response:
        """Apply interval rows of one station and epoch, each once, and acknowledge them by sequence number."""
        try:
            return JSONResponse((await _take(intake, request)).message())
        except Turned as turned:
            return turned.answer
        except BadBatch as bad:
            return JSONResponse({"refusal": bad.sentence}, bad.status)


async def _take(intake: Intake, request: Request) -> Ack:
    now_s = time.monotonic()  # noqa: TID251 - limits count real seconds
    sender = await _sender(intake, request, now_s)
    wait_s = intake.by_station.take(sender.station, now_s)
    if wait_s:
        raise Turned(429, "Too many requests of this station.", {"retry-after": str(math.ceil(wait_s))})
    text = await _body(request)
    batch = await asyncio.to_thread(_read, text, request.headers.get("content-encoding", "identity"))
    if batch.station != sender.station:
        raise Turned(403, f"These credentials are {sender.station}'s, the batch says {batch.station[:40]!r}.")
    try:
        async with asyncio.timeout(_ANSWER_S):
            return await asyncio.wrap_future(intake.writer.submit(sender, batch.delivery))
    except (LedgerBusy, TimeoutError) as error:
        sentence = str(error) or "The programme takes too long now; nothing is acknowledged."
        raise Turned(503, sentence, {"retry-after": str(_BUSY_RETRY_S)}) from error


def _read(text: bytes, encoding: str) -> Batch:
    if encoding.strip().lower() not in {"gzip", "identity"}:
        raise BadBatch(415, "Send the body as it is, or as gzip.")
    return read_batch(unpack(text) if encoding.strip().lower() == "gzip" else text, Channel.https)


async def _sender(intake: Intake, request: Request, now_s: float) -> Sender:
    """Who sends, by token or by certificate. Wrong credentials are counted by address; right ones always pass."""
    visitor = intake.who(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    sender: Sender | None = None
    turned = Turned(401, "Send a bearer token, or show a client certificate.", _CHALLENGE)
    if scheme.lower() == "bearer" and token:
        sender = await asyncio.to_thread(intake.registry.by_token, token.strip())
        turned = Turned(401, "The token is not known, or was revoked.", _CHALLENGE)
    elif visitor.name is not None:
        sender = await asyncio.to_thread(intake.registry.by_id, visitor.name)
        turned = Turned(403, f"No station {visitor.name[:40]!r} is registered, or it was revoked.")
    if sender is not None:
        return sender
    wait_s = intake.by_failures.take(visitor.address, now_s)
    if wait_s:
        raise Turned(429, "Too many wrong credentials from there.", {"retry-after": str(math.ceil(wait_s))})
    raise turned


async def _body(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise BadBatch(415, "Send JSON (content-type application/json).")
    length = request.headers.get("content-length")
    if length is not None and (not length.isdecimal() or int(length) > LARGEST_BODY_BYTES):
        raise BadBatch(413, f"The body may have {LARGEST_BODY_BYTES} bytes. Send fewer rows at once.")
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_S):
            async for part in request.stream():
                size += len(part)
                if size > LARGEST_BODY_BYTES:
                    raise BadBatch(413, f"The body may have {LARGEST_BODY_BYTES} bytes. Send fewer rows at once.")
                parts.append(part)
    except TimeoutError as error:
        raise BadBatch(408, "The body took too long. Send fewer rows at once.") from error
    return b"".join(parts)


def _described() -> dict[str, object]:
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": batch_schema()}}},
        "security": [{"token": []}, {"certificate": []}],
    }


def _answers() -> dict[int | str, dict[str, object]]:
    said: dict[str, object] = {
        "content": {
            "application/json": {
                "schema": {"type": "object", "required": ["refusal"], "properties": {"refusal": {"type": "string"}}}
            }
        }
    }
    words = {
        400: "Not JSON, or not gzip", 401: "No credentials, or unknown ones", 403: "Of another station, or revoked",
        408: "The body took too long", 413: "Too large: send fewer rows", 415: "Not JSON", 422: "Not a batch",
        429: "Too often: see Retry-After", 503: "Not now: see Retry-After",
    }  # fmt: skip
    taken: dict[str, object] = {
        "description": "The acknowledgement. Only what it acknowledges was applied.",
        "content": {"application/json": {"schema": ack_schema()}},
    }
    return {200: taken, **{status: {"description": word, **said} for status, word in words.items()}}
