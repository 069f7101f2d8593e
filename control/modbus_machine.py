"""The controller over Modbus, TCP or RTU: the job ring of ``control.job_ring`` on a wire of registers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from control import job_ring
from control.count_clock import CountClock
from control.job_ring import CommandBlock, StatusBlock
from control.modbus_answers import LineHealth, Trip, WireSettings
from control.modbus_status import Reading, StatusReader, ThriftyStatus, WholeStatus
from control.modbus_wire import ModbusSettings
from control.types import (
    Identity,
    Job,
    MachineLost,
    MachineMismatch,
    MachineSample,
    OtherMaster,
    ShotReport,
    ShotResult,
)

__all__ = ["ModbusMachine", "ModbusSettings"]

_ADOPT_TRIES = 5
_CLOCK_READINGS = 8
_READ_BACK_POLLS = 10
_STOPPED = "answers, but its program has stopped: its heartbeat stands still. Put the controller into RUN."


class ModbusMachine:
    """A ``Machine``. Not safe for threads; ``now_ns`` is the monotonic clock that time stamps and heartbeats use."""

    def __init__(self, settings: WireSettings, now_ns: Callable[[], int]) -> None:
        self._settings = settings
        self._now_ns = now_ns
        self._wire = settings.wire(now_ns)
        self._reader = self._new_reader()
        self._waiting: deque[Job] = deque()
        self._dropped: list[ShotReport] = []
        self._command = CommandBlock(0, run=False, armed=False, write_index=0)
        self._toggled_ns = 0
        self._read_index = 0
        self._result_index = 0
        self._encoder_count = 0
        self._polls = 0
        self._watch = _HeartbeatWatch()
        self._clock = CountClock()

    def open(self) -> Identity:
        """Connect, compare the identity before anything is written, then disarm and adopt the controller's indices.

        The first few readings serve to learn its clock.
        """
        self._waiting.clear()
        self._dropped.clear()
        self._watch = _HeartbeatWatch()
        self._clock = CountClock()
        self._reader = self._new_reader()
        self._wire.connect()
        found = job_ring.unpack_identity(
            self._wire.read(job_ring.IDENTITY_AT, job_ring.IDENTITY_REGISTERS, "the identity block")
        )
        if found is None or found != _as_told(self._settings.expected):
            self._wire.close()
            raise MachineMismatch(self._mismatch(found))
        self._adopt()
        for _ in range(_CLOCK_READINGS):
            self._placed(*self._reader.read())
        return found

    def sample(self) -> MachineSample:
        """One poll; ``taken_ns`` is when the controller read its counter by its stamp, or as the round trip tells."""
        status, trip = self._read_fresh()
        self._check(status, trip.instant_ns)
        reports = (*self._dropped, *self._new_reports(status))
        self._dropped.clear()
        self._read_index = status.read_index
        self._result_index = status.result_index
        self._encoder_count = status.encoder_count
        self._send_waiting()
        self._read_back(status)
        taken_ns, doubt_ns = self._placed(status, trip)
        return MachineSample(
            status.encoder_count, taken_ns, status.interlocks, status.running, status.armed, reports,
            doubt_ns, status.outputs, status.belt_moving, status.felt, status.clock_us is not None,
        )  # fmt: skip

    def arm(self, jobs: Sequence[Job]) -> None:
        """Write the jobs into free slots; what does not fit waits for the next sample."""
        self._waiting.extend(jobs)
        self._send_waiting()

    def beat(self, *, run: bool, armed: bool) -> None:
        """Write the command block when a request changes or the heartbeat is due, else nothing."""
        now_ns = self._now_ns()
        is_due = now_ns - self._toggled_ns >= job_ring.HEARTBEAT_MS * 1_000_000
        if is_due or (run, armed) != (self._command.run, self._command.armed):
            self._toggled_ns = now_ns if is_due else self._toggled_ns
            self._request(self._command._replace(heartbeat=self._command.heartbeat ^ is_due, run=run, armed=armed))

    def safe(self) -> None:
        """Disarm; jobs that never reached the controller are reported as ignored with the next sample."""
        self._dropped += [ShotReport(job.id, ShotResult.ignored, self._encoder_count) for job in self._waiting]
        self._waiting.clear()
        self._request(self._command._replace(run=False, armed=False))

    def health(self) -> LineHealth:
        """How well the line to the controller carries, since this machine was made."""
        return self._wire.health()

    def close(self) -> None:
        """Let go of the connection; the controller's own watchdog stops what still runs."""
        self._wire.close()

    def _placed(self, status: StatusBlock, trip: Trip) -> tuple[int, int]:
        """The instant of the count, and the doubt in it."""
        if status.clock_us is not None:
            return self._clock.place(status.clock_us, trip.first_ns, trip.last_ns), self._clock.doubt_ns
        instant_ns = trip.instant_ns
        return instant_ns, max(instant_ns - trip.asked_ns, trip.answered_ns - instant_ns)

    def _read_back(self, status: StatusBlock) -> None:
        """Now and then, and whenever it does not do as told: does the command block hold what was written last?"""
        self._polls = (self._polls + 1) % _READ_BACK_POLLS
        is_obeyed = (status.running, status.armed) == (self._command.run, self._command.armed)
        if self._polls and is_obeyed:
            return
        found = self._wire.read(job_ring.COMMAND_AT, job_ring.COMMAND_REGISTERS, "the command block")
        if found != job_ring.pack_command(self._command):
            if not any(found):
                self._lose("has started anew: its command block is empty. Check its supply.")
            self._wire.close()
            raise OtherMaster(
                f"The controller at {self._wire.where} has another master: its command block holds {found}, written "
                f"was {job_ring.pack_command(self._command)}. Find the other program that writes to it and stop it."
            )

    def _adopt(self) -> None:
        """Begin where the controller reads, so that nothing left in the ring is ever fired."""
        for _ in range(_ADOPT_TRIES):
            read_index = self._reader.read().status.read_index
            self._request(CommandBlock(self._command.heartbeat ^ 1, run=False, armed=False, write_index=read_index))
            status = self._read_after_a_scan()
            if status.read_index == read_index and not (status.running or status.armed):
                self._toggled_ns = self._now_ns()
                self._read_index, self._result_index = read_index, status.result_index
                return
        self._lose("does not come to rest when it is disarmed. Another master may be writing to it.")

    def _read_after_a_scan(self) -> StatusBlock:
        """A status that the controller made after everything written so far: its heartbeat has moved since."""
        begun_ns = self._now_ns()
        status = first = self._reader.read().status
        while status.heartbeat == first.heartbeat:
            if self._now_ns() - begun_ns > job_ring.HEARTBEAT_LIMIT_MS * 1_000_000:
                self._lose(_STOPPED)
            status = self._reader.read().status
        return status

    def _read_fresh(self) -> Reading:
        """A reading whose round trip took no longer than the limit; tries again until the time-out is used up."""
        begun_ns = self._now_ns()
        while True:
            reading = self._reader.read()
            took_ns = reading.trip.answered_ns - reading.trip.asked_ns
            if took_ns <= self._settings.max_round_trip_ms * 1e6:
                return reading
            if reading.trip.answered_ns - begun_ns > self._settings.timeout_ms * 1e6:
                self._lose(
                    f"answers too slowly: {took_ns / 1e6:.0f} ms, at most "
                    f"{self._settings.max_round_trip_ms:.0f} ms are allowed. Check the line for other traffic."
                )

    def _new_reader(self) -> StatusReader:
        return ThriftyStatus(self._wire) if self._wire.is_thrifty else WholeStatus(self._wire)

    def _check(self, status: StatusBlock, taken_ns: int) -> None:
        unread = _steps(status.read_index, self._command.write_index)
        if unread > _steps(self._read_index, self._command.write_index):
            self._lose("has started anew or another master writes to it: its job index went back.")
        if self._watch.silent_ms(status.heartbeat, taken_ns) > job_ring.HEARTBEAT_LIMIT_MS:
            if self._watch.is_sure:
                self._lose(_STOPPED)
            self._read_after_a_scan()

    def _new_reports(self, status: StatusBlock) -> list[ShotReport]:
        fresh = _steps(self._result_index, status.result_index)
        if fresh > job_ring.RESULTS:
            self._lose(
                f"has {fresh} new shot reports and shows only {job_ring.RESULTS}: some are lost, or it restarted."
            )
        newest = range(status.result_index - fresh, status.result_index)
        reports = [status.results[n % job_ring.INDEX_MODULUS % job_ring.RESULTS] for n in newest]
        known = [report for report in reports if report is not None]
        if len(known) != fresh:
            self._lose("sent a shot report with a result code that the map does not know.")
        return known

    def _send_waiting(self) -> None:
        """Slots first, then the index that makes them valid; never a slot that the controller has not read."""
        free = job_ring.SLOTS - _steps(self._read_index, self._command.write_index)
        jobs = [self._waiting[n] for n in range(min(free, len(self._waiting), self._wire.jobs_at_once))]
        if not jobs:
            return
        index = self._command.write_index
        for chunk in _chunks(jobs, index):
            registers = [register for job in chunk for register in job_ring.pack_job(job)]
            self._wire.write(job_ring.slot_at(index), registers, "the job slots")
            index = (index + len(chunk)) % job_ring.INDEX_MODULUS
        self._request(self._command._replace(write_index=index))
        for _ in jobs:
            self._waiting.popleft()

    def _request(self, command: CommandBlock) -> None:
        self._wire.write(job_ring.COMMAND_AT, job_ring.pack_command(command), "the command block")
        self._command = command

    def _lose(self, what: str) -> NoReturn:
        self._wire.close()
        raise MachineLost(f"The controller at {self._wire.where} {what}")

    def _mismatch(self, found: Identity | None) -> str:
        seen = "no identity of ours" if found is None else _say(found)
        return (
            f"Something answers at {self._wire.where} but is not our controller: "
            f"expected {_say(self._settings.expected)}; found {seen}. "
            "Check the address, the configuration and the program in the controller."
        )


class _HeartbeatWatch:
    """How long the controller's heartbeat has stood still, as far as readings without a long pause can tell."""

    def __init__(self) -> None:
        self._heartbeat: int | None = None
        self._changed_ns = 0
        self._seen_ns = 0
        self.is_sure = True

    def silent_ms(self, heartbeat: int, now_ns: int) -> float:
        """``is_sure`` tells whether it was looked at often enough not to have toggled twice between two looks."""
        gap_ns = now_ns - self._seen_ns
        if gap_ns > job_ring.HEARTBEAT_LIMIT_MS * 500_000 or heartbeat != self._heartbeat:
            self._heartbeat, self._changed_ns, self.is_sure = heartbeat, now_ns, True
        elif gap_ns > job_ring.HEARTBEAT_MS * 1_000_000:
            self.is_sure = False
        self._seen_ns = now_ns
        return (now_ns - self._changed_ns) / 1e6


def _steps(earlier: int, later: int) -> int:
    return (later - earlier) % job_ring.INDEX_MODULUS


def _chunks(jobs: Sequence[Job], index: int) -> Iterator[Sequence[Job]]:
    """Runs of jobs whose slots lie side by side and fit into one request."""
    while jobs:
        room = min(job_ring.SLOTS_PER_WRITE, job_ring.SLOTS - index % job_ring.SLOTS)
        yield jobs[:room]
        index, jobs = index + room, jobs[room:]


def _as_told(identity: Identity) -> Identity | None:
    """The identity with the precision that the registers can carry."""
    return job_ring.unpack_identity(job_ring.pack_identity(identity))


def _say(identity: Identity) -> str:
    return (
        f"map version {identity.map_version}, {identity.outputs} outputs, {identity.counter_bits}-bit counter, "
        f"{identity.ticks_per_mm:g} ticks per mm"
    )
