"""Reading the controller's status block: whole where bytes are cheap, in parts where they cost time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


class _Reports:
    """The ring of shot reports as far as it has been read; only what is new is unpacked."""

    def __init__(self) -> None:
        self._results: list[ShotReport | None] = [None] * job_ring.RESULTS
        self._result_index: int | None = None

    def complete(self, head: StatusBlock, fetch: Callable[[int, int], list[int]]) -> StatusBlock:
        """The status with the reports made since the last; ``fetch`` gives the registers of (first place, count)."""
        if self._result_index is not None and self._result_index != head.result_index:
            fresh = min((head.result_index - self._result_index) % job_ring.INDEX_MODULUS, job_ring.RESULTS)
            for first, count in _pieces(self._result_index % job_ring.RESULTS, fresh):
                self._results[first : first + count] = job_ring.unpack_results(fetch(first, count))
        self._result_index = head.result_index
        return head._replace(results=tuple(self._results))


class WholeStatus:
    """Everything in one request."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._reports = _Reports()

    def read(self) -> Reading:
        registers = self._wire.read(job_ring.STATUS_AT, job_ring.STATUS_REGISTERS, _NAME)

        def fetch(first: int, count: int) -> list[int]:
            at = job_ring.result_at(first) - job_ring.STATUS_AT
            return registers[at : at + count * job_ring.RESULT_REGISTERS]

        head = job_ring.unpack_head(registers[: job_ring.WATCHED_HEAD_REGISTERS])
        return Reading(self._reports.complete(head, fetch), self._wire.trip)


class ThriftyStatus:
    """The head alone, the feedback only where something is wired, and of the shot reports only those that are new.

    The controller shows at most RESULTS new reports in 100 ms, so none is overwritten between the two requests.
    The head is read in lengths that take turns: an answer to an earlier request has the wrong one.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._reports = _Reports()
        self._turn = 0
        self._length = job_ring.STATUS_HEAD_REGISTERS

    def read(self) -> Reading:
        self._turn = (self._turn + 1) % _SHAPES
        registers = self._wire.read(job_ring.STATUS_AT, self._length + self._turn, _NAME)
        trip = self._wire.trip
        head = job_ring.unpack_head(registers[: self._length])
        if head.is_watched and self._length != job_ring.WATCHED_HEAD_REGISTERS:
            self._length = job_ring.WATCHED_HEAD_REGISTERS
            return self.read()
        return Reading(self._reports.complete(head, self._fetch), trip)

    def _fetch(self, first: int, count: int) -> list[int]:
        return self._wire.read(job_ring.result_at(first), count * job_ring.RESULT_REGISTERS, "shot reports")


def _pieces(first: int, count: int) -> Iterator[tuple[int, int]]:
    """Runs of neighbouring places in the ring of reports: (first, how many)."""
    straight = min(count, job_ring.RESULTS - first)
    if straight:
        yield first, straight
    if count > straight:
        yield 0, count - straight
