"""What truly fell where at a line that knows it, counted from the first piece that could be sorted."""

from __future__ import annotations

from station.config import Config
from station.desk import Desk
from station.lines import Line
from station.types import State


class TruthWatch:
    """Tells the desk; from a change of recipe on only pieces count that the new one decides about."""

    def __init__(self, line: Line, desk: Desk) -> None:
        self._line = line
        self._desk = desk
        self._since_mm: float | None = None

    def sort_by(self, config: Config) -> None:
        """The recipe was changed."""
        self._line.sort_by(config)
        if self._since_mm is not None:
            self._since_mm = self._undecided_mm(config)

    def tick(self, config: Config) -> None:
        """Several times a second."""
        status = self._desk.status()
        if self._since_mm is None and status is not None and status.state is State.running:
            self._since_mm = self._undecided_mm(config)
        truth = self._line.truth(self._since_mm)
        if truth is not None:
            self._desk.take_truth(truth)

    def _undecided_mm(self, config: Config) -> float:
        return self._line.position_mm() - config.file.sorting.decision_mm
