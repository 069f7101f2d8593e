"""The primary host, as its retained STATE message tells it."""

from __future__ import annotations

import json


class HostState:
    """Offline until it says otherwise; words older than the newest heard on this connection are passed over."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.topic = f"spBv1.0/STATE/{name}"
        self.is_online = False
        self._newest_ms = 0

    def hear(self, payload: bytes) -> None:
        """JSON with ``online`` and ``timestamp`` (UTC milliseconds); anything else is passed over."""
        try:
            told = json.loads(payload)
        except (ValueError, RecursionError):
            return
        if not isinstance(told, dict):
            return
        online, at_ms = told.get("online"), told.get("timestamp")
        if not isinstance(online, bool) or not isinstance(at_ms, int) or isinstance(at_ms, bool):
            return
        if at_ms >= self._newest_ms:
            self._newest_ms, self.is_online = at_ms, online

    def forget(self) -> None:
        """A new connection: the retained word of the broker is the newest, whatever clocks were set meanwhile."""
        self.is_online = False
        self._newest_ms = 0
