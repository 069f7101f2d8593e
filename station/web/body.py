"""Reading what a page sends: small JSON objects, and a sentence for everything else."""

from __future__ import annotations

import json

from fastapi import Request

_LARGEST_BODY_BYTES = 1024


class BadBody(Exception):  # noqa: N818 - a fact
    """The request's body cannot be understood: HTTP status and sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


async def read_body(request: Request) -> dict[str, object]:
    """A small JSON object; never reads more than it would take. Raises BadBody."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadBody(415, "Send JSON.")
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _LARGEST_BODY_BYTES:
            raise BadBody(413, "That is too long for an order.")
    try:
        body: object = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadBody(400, "That is not JSON.") from error
    if not isinstance(body, dict):
        raise BadBody(422, "Send a JSON object.")
    return body
