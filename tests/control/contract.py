"""What every machine owes the station; run against each driver and each fake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from control.types import Identity, Job, Machine, MachineSample, ShotReport, ShotResult
from tests.control.yard import make_job


class Plant(Protocol):
    """The plant behind the machine: what a test may do to it, and how its time passes."""

    @property
    def identity(self) -> Identity: ...

    def press_estop(self) -> None: ...

    def release_estop(self) -> None: ...

    def wait(self, ms: float) -> None:
        """Let the plant's time pass."""


Clause = Callable[[Machine, Plant], None]


class Operator:
    """Polls a machine as the control process does, and notes every report."""

    def __init__(self, machine: Machine, plant: Plant) -> None:
        self.machine = machine
        self.plant = plant
        self.reports: list[ShotReport] = []

    def open(self) -> None:
        """Open and rest a little: a controller grants a request only when it rises."""
        self.machine.open()
        self.poll(run=False, armed=False, times=3)

    def poll(self, *, run: bool, armed: bool, times: int = 1) -> MachineSample:
        assert times > 0
        for _ in range(times):
            self.machine.beat(run=run, armed=armed)
            self.plant.wait(5)
            sample = self.machine.sample()
            self.reports += sample.reports
        return sample

    def start(self) -> MachineSample:
        return self.until(lambda sample: sample.running and sample.armed)

    def until(self, done: Callable[[MachineSample], bool], *, run: bool = True, armed: bool = True) -> MachineSample:
        for _ in range(600):
            sample = self.poll(run=run, armed=armed)
            if done(sample):
                return sample
        raise AssertionError("the machine never got there")

    def results(self) -> dict[int, ShotResult]:
        assert len({report.job_id for report in self.reports}) == len(self.reports), "a job was reported twice"
        return {report.job_id: report.result for report in self.reports}


def a_machine_opens_stopped_and_disarmed(machine: Machine, plant: Plant) -> None:
    assert machine.open() == plant.identity

    sample = machine.sample()

    assert (sample.running, sample.armed, sample.reports) == (False, False, ())


def the_belt_runs_only_on_request_and_stops_when_told(machine: Machine, plant: Plant) -> None:
    operator = Operator(machine, plant)
    operator.open()
    before = operator.poll(run=False, armed=False, times=10)
    running = operator.start()
    later = operator.poll(run=True, armed=True, times=10)
    stopped = operator.until(lambda sample: not sample.running, run=False, armed=False)

    assert before.encoder_count == running.encoder_count or before.taken_ns < running.taken_ns
    assert later.encoder_count != running.encoder_count
    assert later.taken_ns > running.taken_ns
    assert not stopped.armed


def every_job_of_a_flood_is_fired_near_its_count_or_not_at_all(machine: Machine, plant: Plant) -> None:
    operator = Operator(machine, plant)
    operator.open()
    begun = operator.start().encoder_count
    modulus = 1 << plant.identity.counter_bits
    jobs = [make_job(n + 1, open_count=(begun + 4000 + 40 * n) % modulus, length=30) for n in range(70)]
    machine.arm(jobs[:45])
    machine.arm(jobs[45:])
    operator.until(lambda _sample: len(operator.reports) >= len(jobs))
    operator.poll(run=True, armed=True, times=10)

    results = operator.results()
    opens = {job.id: job.open_count for job in jobs}
    off = [
        abs((report.encoder_count - opens[report.job_id] + modulus // 2) % modulus - modulus // 2)
        for report in operator.reports
        if report.result is ShotResult.fired
    ]
    assert results.keys() == opens.keys()
    assert set(results.values()) <= {ShotResult.fired, ShotResult.late}, "exactly then, or not at all"
    assert len(off) > len(jobs) / 2, "a busy computer may cost some shots, not most of them"
    assert max(off) < 1500


def a_job_whose_count_has_passed_is_late(machine: Machine, plant: Plant) -> None:
    operator = Operator(machine, plant)
    operator.open()
    begun = operator.start().encoder_count
    machine.arm([make_job(5, open_count=(begun - 100) % (1 << plant.identity.counter_bits))])
    operator.until(lambda _sample: bool(operator.reports))

    assert operator.results() == {5: ShotResult.late}


def a_disarmed_machine_ignores_its_jobs(machine: Machine, plant: Plant) -> None:
    operator = Operator(machine, plant)
    operator.open()
    begun = operator.until(lambda sample: sample.running, armed=False).encoder_count
    machine.arm([_soon(plant, begun, 6)])
    operator.until(lambda _sample: bool(operator.reports), armed=False)

    assert operator.results() == {6: ShotResult.ignored}


def the_emergency_stop_stops_the_belt_and_drops_what_is_queued(machine: Machine, plant: Plant) -> None:
    operator = Operator(machine, plant)
    operator.open()
    begun = operator.start().encoder_count
    machine.arm([_soon(plant, begun, 7, ahead=100_000)])
    operator.poll(run=True, armed=True, times=4)
    plant.press_estop()
    stopped = operator.until(lambda sample: not sample.interlocks.estop_ok)
    operator.until(lambda _sample: bool(operator.reports))

    assert (stopped.running, stopped.armed) == (False, False)
    assert operator.results() == {7: ShotResult.ignored}
    plant.release_estop()
    assert operator.until(lambda sample: sample.interlocks.estop_ok, run=False, armed=False).reports == ()


def requests_that_stood_through_a_stop_are_granted_only_when_dropped_and_raised_again(
    machine: Machine, plant: Plant
) -> None:
    operator = Operator(machine, plant)
    operator.open()
    operator.start()
    plant.press_estop()
    operator.until(lambda sample: not sample.interlocks.estop_ok)
    plant.release_estop()
    operator.until(lambda sample: sample.interlocks.estop_ok)
    still = operator.poll(run=True, armed=True, times=20)
    operator.poll(run=False, armed=False, times=5)
    again = operator.start()

    assert (still.running, still.armed) == (False, False)
    assert (again.running, again.armed) == (True, True)


def safe_stops_and_every_job_still_has_its_one_report(machine: Machine, plant: Plant) -> None:
    operator = Operator(machine, plant)
    operator.open()
    begun = operator.start().encoder_count
    jobs = [_soon(plant, begun, n, ahead=100_000) for n in range(50)]
    machine.arm(jobs)
    machine.safe()
    operator.until(lambda _sample: len(operator.reports) >= len(jobs), run=False, armed=False)
    last = operator.poll(run=False, armed=False, times=5)

    assert operator.results() == {job.id: ShotResult.ignored for job in jobs}
    assert (last.running, last.armed) == (False, False)


def a_silent_station_is_disarmed_by_the_controller_itself(machine: Machine, plant: Plant) -> None:
    operator = Operator(machine, plant)
    operator.open()
    begun = operator.start().encoder_count
    machine.arm([_soon(plant, begun, 8, ahead=100_000)])
    reports: list[ShotReport] = []
    for _ in range(60):
        plant.wait(5)
        sample = machine.sample()
        reports += sample.reports

    assert (sample.running, sample.armed) == (False, False)
    assert [(report.job_id, report.result) for report in reports] == [(8, ShotResult.ignored)]


def a_machine_opened_again_starts_from_rest_and_fires_nothing_old(machine: Machine, plant: Plant) -> None:
    operator = Operator(machine, plant)
    operator.open()
    begun = operator.start().encoder_count
    machine.arm([_soon(plant, begun, 9, ahead=3000)])
    machine.close()
    machine.open()
    again = machine.sample()
    operator.poll(run=False, armed=False, times=3)
    restarted = operator.start()
    machine.arm([_soon(plant, restarted.encoder_count, 10, ahead=6000)])
    operator.until(lambda _sample: any(report.job_id == 10 for report in operator.reports))

    assert (again.running, again.armed) == (False, False)
    assert operator.results().get(9) is not ShotResult.fired
    assert operator.results()[10] is ShotResult.fired


def _soon(plant: Plant, count: int, job_id: int, ahead: int = 2000) -> Job:
    return make_job(job_id, open_count=(count + ahead) % (1 << plant.identity.counter_bits))


CLAUSES: tuple[Clause, ...] = (
    a_machine_opens_stopped_and_disarmed,
    the_belt_runs_only_on_request_and_stops_when_told,
    every_job_of_a_flood_is_fired_near_its_count_or_not_at_all,
    a_job_whose_count_has_passed_is_late,
    a_disarmed_machine_ignores_its_jobs,
    the_emergency_stop_stops_the_belt_and_drops_what_is_queued,
    requests_that_stood_through_a_stop_are_granted_only_when_dropped_and_raised_again,
    safe_stops_and_every_job_still_has_its_one_report,
    a_silent_station_is_disarmed_by_the_controller_itself,
    a_machine_opened_again_starts_from_rest_and_fires_nothing_old,
)
