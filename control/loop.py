"""One machine between vision's commands and vision's samples: polled, guarded, and answered for when it is lost."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from control.control_words import ControlSettings, ControlStatus, Listener, Prompt
from control.guard import Admission, Guard, Refusal
from control.sample_age import AgeAllowance
from control.types import (
    Command,
    Job,
    Machine,
    MachineDown,
    MachineLost,
    MachineMismatch,
    MachineSample,
    OtherMaster,
    ShotReport,
    ShotResult,
)
from vision.types import Port

_AT_REST = Command(run=False, armed=False, jobs=())
_ROUND_TRIPS_KEPT = 200
_HELD = "run and ejectors stay off until a person starts again"
_LATE = "no orders for a moment, nothing was ejected"
_PASSING = (None, Refusal.fresh_order_needed, Refusal.air_low, Refusal.vision_late)


class Loop:
    """One machine between vision's commands and vision's samples; ``step`` is one poll."""

    def __init__(
        self,
        machine: Machine,
        vision: Port,
        station: Port,
        settings: ControlSettings,
        now_ns: Callable[[], int],
        *,
        fifo: bool,
    ) -> None:
        self._machine = machine
        self._vision = vision
        self._station = station
        self._settings = settings
        self._now_ns = now_ns
        self._fifo = fifo
        self._guard = Guard(settings.limits)
        fires_itself = isinstance(machine, Prompt)  # then it allows for the age of its counts where it fires by them
        self._age = None if fires_itself else AgeAllowance(settings.limits.counter_bits, settings.latency_ms)
        self._requested = _AT_REST
        self._commanded_ns: int | None = None
        self._has_rested = False
        self._connected = False
        self._reopen_ns = now_ns()
        self._sample: MachineSample | None = None
        self._carrier: MachineSample | None = None
        self._pending: dict[int, Job] = {}
        self._reports: list[ShotReport] = []
        self._down: MachineDown | None = None
        self._down_ns = now_ns()
        self._held: Refusal | None = None
        self._cause: Refusal | None = None
        self._round_trips_us: deque[float] = deque(maxlen=_ROUND_TRIPS_KEPT)
        self._polls = self._late_polls = self._samples_unsent = self._jobs_refused = 0
        self._status_ns = now_ns()

    def step(self, late_ns: int) -> None:
        """Poll once, ``late_ns`` after the time it was due. Raises ConnectionError when a neighbour is gone."""
        self._polls += 1
        self._late_polls += late_ns > self._settings.late_ms * 1e6
        self._station.receive()
        command = self._hear()
        if not self._connected and self._now_ns() >= self._reopen_ns:
            self._dare(self._open)
        admission = self._judge(command)
        if self._connected:
            self._dare(lambda: self._request(admission))
        if self._connected:
            self._dare(self._poll)
        self._tell()

    def _dare(self, deed: Callable[[], None]) -> None:
        """What the machine may be lost in."""
        try:
            deed()
        except MachineLost as lost:
            self._lose(_down(lost))
        except MachineMismatch as mismatch:
            self._lose(MachineDown("machine-mismatch", str(mismatch)))

    def serve(self) -> int | None:
        """Between two polls: let the machine do what is due; when to serve again, None when it need not be."""
        if self._connected and isinstance(self._machine, Prompt):
            try:
                return self._machine.serve()
            except MachineLost as lost:
                self._lose(_down(lost))
        return None

    def stop(self) -> None:
        """Outputs off first, then let go."""
        if self._connected:
            with suppress(MachineLost, MachineMismatch):
                self._machine.safe()
        self._machine.close()

    def _hear(self) -> Command:
        """The newest request with the jobs of all commands that came since the last poll, as old as the oldest."""
        commands = [message for message in self._vision.receive() if isinstance(message, Command)]
        if not commands:
            return self._requested
        self._commanded_ns = self._now_ns()
        self._has_rested = any(not (command.run or command.armed) for command in commands)
        self._requested = commands[-1]._replace(jobs=())
        seen = [command.seen_ns for command in commands if command.jobs]
        jobs = tuple(job for command in commands for job in command.jobs)
        oldest = None if None in seen else min((ns for ns in seen if ns is not None), default=commands[-1].seen_ns)
        return self._requested._replace(jobs=jobs, seen_ns=oldest)

    def _open(self) -> None:
        self._reopen_ns = self._now_ns() + round(self._settings.reopen_ms * 1e6)
        self._machine.open()
        self._connected = True
        self._poll()

    def _judge(self, command: Command) -> Admission:
        """From here on every job of the command is either pending or has its report.

        A rest between two polls counts, though a fresh request has followed it before anybody looked.
        """
        if self._has_rested:
            self._guard.admit(_AT_REST, self._sample, self._now_ns(), self._commanded_ns)
            self._has_rested = False
        admission = self._guard.admit(command, self._sample, self._now_ns(), self._commanded_ns)
        self._reports += [_ignored(job, self._carrier) for job, _why in admission.refused]
        self._jobs_refused += len(admission.refused)
        self._pending |= {job.id: job for job in admission.jobs}
        return admission

    def _request(self, admission: Admission) -> None:
        fell_silent = admission.held is Refusal.vision_silent and self._held is not Refusal.vision_silent
        self._held = admission.held
        self._cause = self._cause if admission.held in _PASSING else admission.held
        self._down = self._held_back(admission.held)
        if fell_silent:
            self._machine.safe()
        self._machine.beat(run=admission.run, armed=admission.armed)
        if admission.jobs:
            self._machine.arm(admission.jobs)

    def _held_back(self, held: Refusal | None) -> MachineDown | None:
        """What vision must hear because it goes on asking for what it does not get."""
        if held is Refusal.vision_late:
            return MachineDown("orders-late", _LATE)
        if held is not Refusal.fresh_order_needed:
            return None
        return MachineDown("control-held", ("" if self._cause is None else f"{self._cause.value}; ") + _HELD)

    def _poll(self) -> None:
        asked_ns = self._now_ns()
        sample = self._machine.sample()
        if self._age is not None:
            sample = sample._replace(taken_ns=self._age.place(sample))
        self._round_trips_us.append((self._now_ns() - asked_ns) / 1000.0)
        for report in sample.reports:
            self._pending.pop(report.job_id, None)
        self._reports += sample.reports
        self._sample = sample
        self._carrier = sample

    def _lose(self, down: MachineDown) -> None:
        """Whatever the lost machine still had to do is answered here, so that every job has its one report.

        Until its own watchdog acts it may still fire, so nobody says that it did not.
        """
        self._connected = False
        self._machine.close()
        self._reports += [_unanswered(job, self._carrier) for job in self._pending.values()]
        self._pending.clear()
        self._sample = None
        self._held = Refusal.machine_lost
        if self._down != down:
            self._down_ns = self._now_ns()
        self._down = down

    def _tell(self) -> None:
        self._tell_sample()
        now_ns = self._now_ns()
        if self._down is not None and now_ns >= self._down_ns:
            self._tell_down(self._down, now_ns)
        if now_ns >= self._status_ns:
            self._status_ns = now_ns + round(self._settings.status_ms * 1e6)
            self._station.send(self._status(now_ns))

    def _tell_down(self, down: MachineDown, now_ns: int) -> None:
        """Again and again while it lasts, but after the shot reports that came before it."""
        is_turn = self._carrier is None or not self._reports
        if is_turn and self._vision.send(down):
            self._down_ns = now_ns + round(self._settings.reopen_ms * 1e6)

    def _tell_sample(self) -> None:
        """The sample of this poll; with the machine away, the last one again if reports are still to be told."""
        sample = self._sample
        if sample is None and self._carrier is not None and self._reports:
            sample = self._carrier._replace(running=False, armed=False)
        if sample is None:
            return
        if self._vision.send(sample._replace(reports=tuple(self._reports))):
            self._reports.clear()
        else:
            self._samples_unsent += 1

    def _status(self, now_ns: int) -> ControlStatus:
        trips = sorted(self._round_trips_us) or [0.0]
        return ControlStatus(
            now_ns,
            self._connected,
            self._fifo,
            self._polls,
            self._late_polls,
            trips[len(trips) // 2],
            trips[len(trips) * 99 // 100],
            self._samples_unsent,
            self._jobs_refused,
            None if self._held is None else self._held.value,
            self._down,
            resident_kb(),
            self._machine.errors() if isinstance(self._machine, Prompt) else None,
            self._machine.health() if isinstance(self._machine, Listener) else None,
            None if self._age is None else self._age.allowed_ns / 1000.0,
        )


def resident_kb() -> int:
    """Resident memory of this process (Linux, /proc/self/statm)."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def _down(lost: MachineLost) -> MachineDown:
    return MachineDown("other-master" if isinstance(lost, OtherMaster) else "machine-lost", str(lost))


def _ignored(job: Job, sample: MachineSample | None) -> ShotReport:
    return ShotReport(job.id, ShotResult.ignored, 0 if sample is None else sample.encoder_count)


def _unanswered(job: Job, sample: MachineSample | None) -> ShotReport:
    return _ignored(job, sample)._replace(result=ShotResult.unanswered)
