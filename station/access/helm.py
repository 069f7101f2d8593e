"""The helm: at most one person holds control, everybody sees who, and another one takes over by asking."""

from __future__ import annotations

from typing import NamedTuple

_ANSWER_S = 20.0
_AWAY_S = 120.0


class HelmNews(NamedTuple):
    """``holder`` and ``asker`` are names, empty for nobody; ``answer_s`` is how long the holder may still answer."""

    holder: str
    asker: str
    answer_s: float


class Helm:
    """Pure: instants arrive as seconds that never run backwards. Whoever has not been heard for two minutes lets go."""

    def __init__(self) -> None:
        self._holder = ""
        self._heard_s = 0.0
        self._asker = ""
        self._asked_s = 0.0

    def news(self, now_s: float) -> HelmNews:
        """Who holds control and who wants it."""
        self._settle(now_s)
        left = max(0.0, self._asked_s + _ANSWER_S - now_s) if self._asker else 0.0
        return HelmNews(self._holder, self._asker, round(left, 1))

    def hear(self, name: str, now_s: float) -> None:
        """That person's page is still there."""
        if name == self._holder:
            self._heard_s = now_s

    def take(self, name: str, now_s: float) -> bool:
        """True when that person holds control now; else the holder is asked, and has it taken if there is no answer."""
        self._settle(now_s)
        if self._holder in {"", name}:
            self._holder, self._heard_s = name, now_s
            return True
        if self._asker in {"", name}:
            self._asker, self._asked_s = name, self._asked_s if self._asker else now_s
        return False

    def answer(self, name: str, now_s: float, *, give: bool) -> None:
        """The holder lets the asker have it, or keeps it; nobody else's answer counts."""
        self._settle(now_s)
        if name != self._holder or not self._asker:
            return
        if give:
            self._holder, self._heard_s = self._asker, now_s
        self._asker = ""

    def leave(self, name: str, now_s: float) -> None:
        """That person lets go, or does not want it any more."""
        self._settle(now_s)
        if name == self._asker:
            self._asker = ""
        if name == self._holder:
            self._holder, self._asker = self._asker, ""
            self._heard_s = now_s

    def _settle(self, now_s: float) -> None:
        if self._holder and now_s - self._heard_s > _AWAY_S:
            self._holder = ""
        if self._asker and (not self._holder or now_s - self._asked_s > _ANSWER_S):
            self._holder, self._asker, self._heard_s = self._asker, "", now_s
