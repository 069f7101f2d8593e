"""One shot by hand at a standing belt: armed, opened and closed again by this program, through the guard."""

from __future__ import annotations

from collections.abc import Callable

from control.guard import Admission, Guard, GuardLimits
from control.types import Command, Interlocks, Job, Machine, MachineSample, ShotReport, ShotResult

_POLL_S = 0.01
_BEAT_S = 0.025
_REST_POLLS = 30
_ARM_POLLS = 60
_REPORT_POLLS = 60
_TRIES = 3
_AT_REST = Command(run=False, armed=False, jobs=())
_ARMED = Command(run=False, armed=True, jobs=())


class ShotRefused(Exception):  # noqa: N818 - refused things are named as facts
    """The shot was not fired; the text says why and what to do."""


class Gunner:
    """Holds an opened machine for one shot; ``now_ns`` and ``sleep`` are the driver's clock."""

    def __init__(
        self, machine: Machine, limits: GuardLimits, now_ns: Callable[[], int], sleep: Callable[[float], None]
    ) -> None:
        self._machine = machine
        self._guard = Guard(limits)
        self._length_counts = min(limits.max_length_counts, limits.max_open_counts)
        self._now_ns = now_ns
        self._sleep = sleep

    def fire(self, output: int, ms: float) -> ShotReport:
        """Open ``output`` for about ``ms``; the machine is left disarmed. Raises ShotRefused, MachineLost."""
        try:
            self._rest()
            self._arm()
            for number in range(1, _TRIES + 1):
                report = self._shoot(number, output, ms)
                if report.result is not ShotResult.late:
                    return report
            raise ShotRefused("The encoder does not stand still: the shot came too late three times. Stop the belt.")
        finally:
            self._machine.safe()

    def _rest(self) -> None:
        """Everything off for a while, and proof that nothing moves."""
        first = self._poll(_AT_REST)[0]
        for _ in range(_REST_POLLS):
            sample, _ = self._poll(_AT_REST)
        _refuse_unsafe(sample.interlocks)
        if abs(sample.encoder_count - first.encoder_count) > 1:
            raise ShotRefused("The belt moves. Stop it first: a shot by hand is fired at a standing belt only.")

    def _arm(self) -> None:
        for _ in range(_ARM_POLLS):
            sample, admission = self._poll(_ARMED)
            if admission.held is not None:
                raise ShotRefused(f"The guard holds the machine ({admission.held}). Look at the interlocks.")
            if sample.armed:
                return
        raise ShotRefused("The controller does not let jobs fire. Put it into automatic and look at its own display.")

    def _shoot(self, number: int, output: int, ms: float) -> ShotReport:
        count = self._machine.sample().encoder_count
        job = Job(number, count, self._length_counts, 1 << output, class_code=0, flags=0)
        _, admission = self._poll(_ARMED._replace(jobs=(job,)))
        if admission.refused:
            raise ShotRefused(f"The guard refuses this shot: {admission.refused[0][1]}. Check output and length.")
        self._hold(ms, admission)
        self._machine.safe()
        return self._report(number)

    def _hold(self, ms: float, admission: Admission) -> None:
        """Wait while the heart goes on beating."""
        until_ns = self._now_ns() + round(ms * 1e6)
        while (left_ns := until_ns - self._now_ns()) > 0:
            self._sleep(min(left_ns / 1e9, _BEAT_S))
            self._machine.beat(run=admission.run, armed=admission.armed)

    def _report(self, number: int) -> ShotReport:
        for _ in range(_REPORT_POLLS):
            for report in self._machine.sample().reports:
                if report.job_id == number:
                    return report
            self._sleep(_POLL_S)
        raise ShotRefused("The controller has not said what became of the shot. Look at its own display.")

    def _poll(self, command: Command) -> tuple[MachineSample, Admission]:
        """One poll of the machine with what the guard lets through of the command; a person is the eye here."""
        sample = self._machine.sample()
        now_ns = self._now_ns()
        admission = self._guard.admit(command._replace(seen_ns=now_ns), sample, now_ns, now_ns)
        self._machine.beat(run=admission.run, armed=admission.armed)
        if admission.jobs:
            self._machine.arm(admission.jobs)
        else:
            self._sleep(_POLL_S)
        return sample, admission


def _refuse_unsafe(interlocks: Interlocks) -> None:
    for is_ok, sentence in (
        (interlocks.estop_ok, "The emergency stop is pressed. Release it first."),
        (interlocks.guard_closed, "A guard is open. Close the guard first."),
        (interlocks.air_ok, "There is no air pressure. Switch the air on first."),
    ):
        if not is_ok:
            raise ShotRefused(sentence)
