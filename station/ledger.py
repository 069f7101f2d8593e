"""The ledger: what was decided for every piece still on the belt, and how each of them ends.

It keeps the conservation law: a piece that is entered is closed exactly once, with one outcome and one record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from control.types import Decision, Ejection, Outcome, Reason, ShotReport, ShotResult
from station.mass import MassPrior, estimate
from station.types import PieceRecord
from vision.types import Piece

_BY_RESULT = {
    ShotResult.fired: Outcome.ejected,
    ShotResult.late: Outcome.late,
    ShotResult.faulted: Outcome.cancelled,
    ShotResult.ignored: Outcome.cancelled,
    ShotResult.unanswered: Outcome.lost,
}
_BY_REASON = {
    Reason.unsure: Outcome.unsure,
    Reason.touching: Outcome.unsure,
    Reason.unseen: Outcome.unsure,
    Reason.unfinished: Outcome.lost,
}


class Provenance(NamedTuple):
    """What every record of a run carries: run id, recipe version, model hash."""

    run: str
    recipe: str
    model: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A decided piece. ``recipe`` is the version that decided; ``is_open``: its shot is not cut yet."""

    piece: Piece
    scores: tuple[float, ...]
    decision: Decision
    ejection: Ejection | None
    slack_ms: float | None
    degraded: bool
    recipe: str
    is_open: bool = False
    report: ShotReport | None = None


class Ledger:
    """Decided pieces that have not left the machine yet. ``close_line_ticks`` is the belt between the datum line and
    the place where a piece has certainly fallen into its outlet; ``priors`` say how heavy pieces of each label are."""

    def __init__(
        self, provenance: Provenance, close_line_ticks: int, priors: tuple[MassPrior | None, ...] = ()
    ) -> None:
        self._provenance = provenance
        self._priors = priors
        self._close_line_ticks = close_line_ticks
        self._entries: dict[int, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> Mapping[int, Entry]:
        """Open entries by piece id."""
        return self._entries

    def enter(self, entry: Entry) -> None:
        """A decision was made; a piece is entered once (ValueError otherwise)."""
        if entry.piece.id in self._entries:
            raise ValueError(f"piece {entry.piece.id} was decided twice")
        self._entries[entry.piece.id] = entry

    def settle(self, entry: Entry) -> None:
        """The shot of an open entry was cut, or given up (KeyError when there is none)."""
        if not self._entries[entry.piece.id].is_open:
            raise ValueError(f"piece {entry.piece.id} was settled twice")
        self._entries[entry.piece.id] = entry

    def report(self, reports: Iterable[ShotReport]) -> None:
        """Shot reports belong to the piece that carries the job's number; strangers are ignored."""
        for report in reports:
            entry = self._entries.get(report.job_id)
            if entry is not None and entry.report is None:
                self._entries[report.job_id] = replace(entry, report=report)

    def close(self, tick: int, now_ns: int) -> tuple[PieceRecord, ...]:
        """Records of all pieces that have passed the close line."""
        return self._close(lambda entry: tick - entry.piece.at >= self._close_line_ticks, now_ns, Outcome.lost)

    def cancel(self, now_ns: int) -> tuple[PieceRecord, ...]:
        """Records of everything still open: the machine was stopped or disarmed and will not fire any more."""
        return self._close(lambda _entry: True, now_ns, Outcome.cancelled)

    def lose(self, now_ns: int) -> tuple[PieceRecord, ...]:
        """The same when the machine is lost: until its watchdog acts it may still fire what it was told."""
        return self._close(lambda _entry: True, now_ns, Outcome.lost)

    def _close(self, done: Callable[[Entry], bool], now_ns: int, unreported: Outcome) -> tuple[PieceRecord, ...]:
        closing = [entry for entry in self._entries.values() if done(entry)]
        for entry in closing:
            del self._entries[entry.piece.id]
        return tuple(self._record(entry, now_ns, unreported) for entry in closing)

    def _record(self, entry: Entry, now_ns: int, unreported: Outcome) -> PieceRecord:
        outcome, reason = _end(entry, unreported)
        where = self._provenance
        mass = estimate(self._priors, entry.scores, entry.piece.area_mm2) if self._priors else None
        return PieceRecord(
            run=where.run,
            piece=entry.piece,
            scores=entry.scores,
            decision=entry.decision,
            ejection=entry.ejection,
            slack_ms=entry.slack_ms,
            report=entry.report,
            outcome=outcome,
            reason=reason,
            degraded=entry.degraded,
            recipe=entry.recipe,
            model=where.model,
            closed_ns=now_ns,
            mass_g=None if mass is None else mass.mass_g,
            mass_sd_g=None if mass is None else mass.sd_g,
        )


def _end(entry: Entry, unreported: Outcome) -> tuple[Outcome, str]:
    """How a piece ended, and the word that says why."""
    decision = entry.decision
    if decision.outlet is None:
        return _BY_REASON.get(decision.reason, Outcome.passed), decision.reason.value
    if entry.is_open:
        return Outcome.cancelled, "stopped"
    if entry.ejection is None:
        return Outcome.late, "no-slack"
    if entry.report is None:
        return unreported, "no-report" if unreported is Outcome.lost else "stopped"
    outcome = _BY_RESULT[entry.report.result]
    return outcome, decision.reason.value if outcome is Outcome.ejected else entry.report.result.value
