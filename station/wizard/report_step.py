"""The last step: does the programme answer on every channel this station reports by?"""

from __future__ import annotations

from station.marked import marked
from station.reporting.standing import ChannelStanding
from station.wizard.words import Found, Task
from station.wizard.work import Bench, Given, Proof, unknown


class ReportWork:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._found: tuple[ChannelStanding, ...] | None = None

    def ask(self, what: str, given: Given) -> Task | None:
        if what != "test":
            raise unknown(what)
        self._found = self._bench.standings()
        return None

    def take(self, found: Found) -> None:
        """Nothing is measured at the line."""

    def proof(self) -> Proof | None:
        if self._found is None:
            return None
        answering = [channel for channel in self._found if channel.since_ms is not None and channel.trouble is None]
        figures: dict[str, object] = {"channels": len(self._found), "answering": len(answering)}
        if not self._found:
            return Proof(True, _NONE, figures)
        is_good = len(answering) == len(self._found)
        return Proof(is_good, _ANSWER if is_good else _SILENT, figures)

    def told(self) -> dict[str, object]:
        channels = self._found or ()
        return {"channels": [{"name": c.name, "sentence": c.trouble or c.sentence} for c in channels]}


_NONE = marked("This station reports to no programme: its rows stay here until a channel is set in its file.")
_ANSWER = marked("The programme answers on every channel.")
_SILENT = marked("A channel does not answer: look at its sentence, its address and its certificate.")
