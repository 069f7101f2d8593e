"""Who may talk to the page: requests for this computer's own names, from its own page; and what browsers may do."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from station.marked import marked

_LONGEST_BODY_BYTES = 256 * 1024
_ANSWER_HEADERS = {
    "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Doorkeeper:
    """ASGI layer around the app. ``hosts`` are names, besides IP addresses and localhost, the station answers to.

    A foreign name in the Host header is how a foreign page reaches a local address (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts | {"localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            body = await _whole(scope, receive)
            if body is None:
                answer = {"taken": False, "refusal": marked("That is too long.")}
                await JSONResponse(answer, 413)(scope, receive, _with_headers(send))
                return
            await self._app(scope, body, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal})
        else:
            await JSONResponse({"taken": False, "refusal": refusal}, 403)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(urlsplit(f"//{host}").hostname or ""):
            return marked("This station does not answer to that name.")
        origin = headers.get("origin")
        is_read = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
        if is_read or (origin is None and scope["type"] == "http"):
            return None
        is_ours = origin is not None and urlsplit(origin).netloc == host
        return None if is_ours else marked("Orders come from this page only.")

    def _is_ours(self, name: str) -> bool:
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._hosts
        return True


async def _whole(scope: Scope, receive: Receive) -> Receive | None:
    """What was sent, read to its end before anybody works on it; None when it is longer than anything people send."""
    if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
        return receive
    told = Headers(scope=scope).get("content-length", "0")
    if not told.isdigit() or int(told) > _LONGEST_BODY_BYTES:
        return None
    raw, more = b"", True
    while more:
        message = await receive()
        raw += message.get("body", b"")
        more = bool(message.get("more_body", False))
        if len(raw) > _LONGEST_BODY_BYTES:
            return None
    parts: list[Message] = [{"type": "http.request", "body": raw, "more_body": False}]

    async def again() -> Message:
        return parts.pop() if parts else await receive()

    return again


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, text in _ANSWER_HEADERS.items():
                headers[name] = text
            headers.setdefault("cache-control", "no-cache")
        await send(message)

    return send_with_headers
