"""Reading the controller's status block: whole where bytes are cheap, in parts where they cost time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from control import job_ring
from control.job_ring import StatusBlock
from control.modbus_answers import Trip, Wire
from control.types import ShotReport

_SHAPES = 4
_NAME = "the status block"


class Reading(NamedTuple):
    """A status, and the round trip in which its count was read."""

    status: StatusBlock
    trip: Trip


class StatusReader(Protocol):
    """How the status block is read."""

    def read(self) -> Reading:
        """The newest status; shot reports older than the reader's first reading may be missing in it."""


class WholeStatus:
    """Everything in one request."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def read(self) -> Reading:
        registers = self._wire.read(job_ring.STATUS_AT, job_ring.STATUS_REGISTERS, _NAME)
        return Reading(job_ring.unpack_status(registers), self._wire.trip)


class ThriftyStatus:
    """The head alone, and of the shot reports only those that are new.

    The controller shows at most RESULTS new reports in 100 ms, so none is overwritten between the two requests.
    The head is read in lengths that take turns: an answer to an earlier request has the wrong one.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._results: list[ShotReport | None] = [None] * job_ring.RESULTS
        self._result_index: int | None = None
        self._turn = 0

    def read(self) -> Reading:
        self._turn = (self._turn + 1) % _SHAPES
        registers = self._wire.read(job_ring.STATUS_AT, job_ring.STATUS_HEAD_REGISTERS + self._turn, _NAME)
        head = registers[: job_ring.STATUS_HEAD_REGISTERS]
        trip = self._wire.trip
        status = job_ring.unpack_status(head + [0] * (job_ring.STATUS_REGISTERS - len(head)))
        if self._result_index is not None:
            self._fetch(self._result_index, status.result_index)
        self._result_index = status.result_index
        return Reading(status._replace(results=tuple(self._results)), trip)

    def _fetch(self, since: int, until: int) -> None:
        fresh = min((until - since) % job_ring.INDEX_MODULUS, job_ring.RESULTS)
        for first, count in _pieces(since % job_ring.RESULTS, fresh):
            registers = self._wire.read(job_ring.result_at(first), count * job_ring.RESULT_REGISTERS, "shot reports")
            self._results[first : first + count] = job_ring.unpack_results(registers)


def _pieces(first: int, count: int) -> Iterator[tuple[int, int]]:
    """Runs of neighbouring places in the ring of reports: (first, how many)."""
    straight = min(count, job_ring.RESULTS - first)
    if straight:
        yield first, straight
    if count > straight:
        yield 0, count - straight
