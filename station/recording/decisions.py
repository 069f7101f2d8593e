"""Decisions as text: one line per change of state, fault, answer, shot and piece, so that two runs can be compared."""

from __future__ import annotations

from collections.abc import Iterator

from control.types import Job
from station.types import ActiveFault, Outputs, PieceRecord, State


class DecisionWriter:
    """Turns what a sorter says into lines; times are seconds since the first step."""

    def __init__(self) -> None:
        self._begun_ns: int | None = None
        self._state: State | None = None
        self._faults: dict[str, ActiveFault] = {}

    def tell(self, outputs: Outputs) -> Iterator[str]:
        """The lines of one step; none when nothing happened."""
        status = outputs.status
        if self._begun_ns is None:
            self._begun_ns = status.now_ns
        lines = [f"order {answer.number}: {answer.refusal or 'taken'}" for answer in outputs.answers]
        lines += self._fault_lines(outputs)
        if status.state is not self._state:
            lines.append(f"state {status.state}: {status.sentence}")
        self._state = status.state
        lines += [_shot(job) for job in outputs.command.jobs]
        lines += map(_piece, outputs.records)
        at = f"{(status.now_ns - self._begun_ns) / 1e9:8.3f}"
        yield from (f"{at}  {line}" for line in lines)

    def tell_end(self, records: tuple[PieceRecord, ...]) -> Iterator[str]:
        """The pieces that the end of the run closed."""
        yield from (f"     end  {_piece(record)}" for record in records)

    def _fault_lines(self, outputs: Outputs) -> list[str]:
        now = {fault.code: fault for fault in outputs.status.faults}
        lines = [
            f"fault {code}: {fault.detail or 'present'}" for code, fault in now.items() if code not in self._faults
        ]
        lines += [f"fault {code} gone" for code in self._faults if code not in now]
        self._faults = now
        return lines


def _shot(job: Job) -> str:
    outputs = ",".join(str(n) for n in range(64) if job.outputs >> n & 1)
    return f"piece {job.id} shot: outputs {outputs} at count {job.open_count} for {job.length_counts}"


def _piece(record: PieceRecord) -> str:
    piece, decision = record.piece, record.decision
    slack = "" if record.slack_ms is None else f", slack {record.slack_ms:.1f} ms"
    return (
        f"piece {piece.id} {record.outcome} ({record.reason}): {decision.label} {decision.confidence:.4f} "
        f"-> {decision.outlet or 'rest'}{slack}; at {piece.at}, across {piece.across_mm:.1f} mm, "
        f"{piece.sightings} sightings, {piece.evidence.looks} looks{', degraded' if record.degraded else ''}"
    )
