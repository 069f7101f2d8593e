"""What a serial line can carry: times of bytes and gaps, hence the shortest poll period and look-ahead. Pure."""

from __future__ import annotations

from typing import NamedTuple

from control import job_ring

_GAP_CHARACTERS = 3.5
_SHORTEST_GAP_MS = 1.75  # above 19200 baud (Modbus over serial line 1.02, 2.5.1.1)
_READ_BYTES = 8 + 5
_WRITE_BYTES = 9 + 8
_SPARE_REGISTERS = 3


class Pace(NamedTuple):
    """A line's speed; ``parity`` is N, E or O."""

    baud: int
    parity: str
    stop_bits: int

    def bytes_ms(self, count: int) -> float:
        """How long ``count`` bytes take."""
        bits = 1 + 8 + (self.parity != "N") + self.stop_bits
        return 1000.0 * count * bits / self.baud

    @property
    def gap_ms(self) -> float:
        """Silence between two frames."""
        return max(_GAP_CHARACTERS * self.bytes_ms(1), _SHORTEST_GAP_MS)

    @property
    def jobs_at_once(self) -> int:
        """Jobs that take about 25 ms to write."""
        jobs = int(25.0 / self.bytes_ms(2 * job_ring.SLOT_REGISTERS))
        return min(max(jobs, 1), job_ring.SLOTS_PER_WRITE)

    @property
    def poll_ms(self) -> float:
        """One poll with its heartbeat: the head of the status, and the command block."""
        read = self.bytes_ms(_READ_BYTES + 2 * (job_ring.WATCHED_HEAD_REGISTERS + _SPARE_REGISTERS))
        return read + self._write_ms(job_ring.COMMAND_REGISTERS) + 2 * self.gap_ms

    @property
    def job_ms(self) -> float:
        """One job more: its slot and the index behind it, and its report later."""
        report = self.bytes_ms(_READ_BYTES + 2 * job_ring.RESULT_REGISTERS) + self.gap_ms
        index = self._write_ms(job_ring.COMMAND_REGISTERS) + self.gap_ms
        return self._write_ms(job_ring.SLOT_REGISTERS) + self.gap_ms + index + report

    def look_ahead_ms(self, poll_ms: float) -> float:
        """How long before its shot a job must be decided: it may wait a poll, another is under way, then it is sent."""
        return 2 * poll_ms + self.job_ms

    def jobs_per_s(self, poll_ms: float) -> float:
        """Jobs that fit beside polls of this period."""
        return 1000.0 * max(0.0, 1 - self.poll_ms / poll_ms) / self.job_ms

    def _write_ms(self, registers: int) -> float:
        return self.bytes_ms(_WRITE_BYTES + 2 * registers)


USUAL_PACE = Pace(115_200, "N", 1)
