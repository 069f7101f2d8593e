"""The controller in memory: a Machine like the real one, in lock step with a clock of our own."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from control.job_ring import COMMAND_AT, IDENTITY_AT, MAP_VERSION, REGISTERS
from control.types import Identity, Job, Machine, MachineLost, ShotReport, ShotResult
from hil.camera import RingCamera
from hil.controller import Controller, ControllerSettings
from hil.drive import Belt, DrivenBelt, DriveSettings, EncoderSettings, TableBelt
from hil.sim import SimMachine
from hil.types import Mishap, MishapName, ValveEvent
from vision.types import Camera

SETTINGS = ControllerSettings((100.0,) * 4)


@dataclass
class Bench:
    """A machine, its clock in milliseconds, and what its valves did."""

    belt: Belt
    ms: int = 0
    felt: list[ValveEvent] = field(default_factory=list)
    reports: list[ShotReport] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sim = SimMachine(SETTINGS, self.belt, lambda: self.ms * 1_000_000, self.felt.append)
        self.machine: Machine = self.sim
        self.identity = self.machine.open()
        self.go(20, run=False, armed=False)

    def go(self, milliseconds: int, *, run: bool = True, armed: bool = True) -> int:
        """Poll every 10 ms; the last count."""
        for _ in range(milliseconds // 10):
            self.ms += 10
            sample = self.machine.sample()
            self.reports += sample.reports
            self.machine.beat(run=run, armed=armed)
        return self.machine.sample().encoder_count


def driven() -> Bench:
    return Bench(DrivenBelt(DriveSettings(wow=0.0), EncoderSettings(), 0))


def test_it_says_who_it_is() -> None:
    assert driven().identity == Identity(MAP_VERSION, 4, 32, 10.0)


def test_a_shot_fires_to_the_tick_although_it_is_polled_every_10_ms() -> None:
    bench = driven()
    count = bench.go(2000)
    bench.machine.arm([Job(1, count + 1234, 400, 0b10, 0, 0)])
    bench.go(200)
    ((opened, closed), (report,)) = bench.felt, bench.reports
    assert (opened.output, opened.on, closed.on) == (1, True, False)
    assert opened.pos_mm == pytest.approx((count + 1234) / 10, abs=0.2)
    assert closed.pos_mm - opened.pos_mm == pytest.approx(40, abs=0.3)
    assert report == ShotReport(1, ShotResult.fired, count + 1234)


def test_more_jobs_than_slots_all_get_a_report() -> None:
    bench = driven()
    count = bench.go(2000)
    bench.machine.arm([Job(n, count + 2000 + n, 10, 1, 0, 0) for n in range(100)])
    bench.go(2000)
    assert sorted(report.job_id for report in bench.reports) == list(range(100))


def test_safe_closes_everything_and_ignores_what_waits() -> None:
    bench = driven()
    count = bench.go(2000)
    bench.machine.arm([Job(1, count + 150, 1000, 1, 0, 0), Job(2, count + 9000, 100, 1, 0, 0)])
    bench.go(20)
    bench.machine.safe()
    assert [event.on for event in bench.felt] == [True, False]
    bench.go(20, run=False, armed=False)
    assert {report.job_id: report.result for report in bench.reports} == {1: ShotResult.fired, 2: ShotResult.ignored}


def test_a_station_that_does_not_beat_is_stopped() -> None:
    bench = driven()
    bench.go(2000)
    bench.ms += 300
    assert not bench.machine.sample().running


def test_mishaps_reach_the_program() -> None:
    bench = driven()
    bench.go(500)
    bench.sim.suffer(Mishap(MishapName.guard_open, True))
    bench.go(20)
    assert not bench.machine.sample().interlocks.guard_closed
    assert not bench.machine.sample().running


def test_a_recorded_belt_fires_the_same_shots() -> None:
    table = [(10_000_000 * n, 65_000 + 150 * n & 0xFFFF) for n in range(400)]
    bench = Bench(TableBelt(table, 0, EncoderSettings(10, 16)))
    count = bench.go(200)
    bench.machine.arm([Job(1, (count + 1500) & 0xFFFF, 300, 1, 0, 0)])
    bench.go(300)
    assert bench.reports == [ShotReport(1, ShotResult.fired, (count + 1500) & 0xFFFF)]


def test_a_closed_machine_is_lost() -> None:
    bench = driven()
    bench.machine.close()
    with pytest.raises(MachineLost):
        bench.machine.sample()


@pytest.mark.parametrize("address", [IDENTITY_AT, COMMAND_AT - 1, REGISTERS - 1])
def test_the_station_may_not_write_what_is_the_controllers(address: int) -> None:
    controller = Controller(SETTINGS, DrivenBelt(DriveSettings(), EncoderSettings(), 0), lambda _motion: None)
    assert not controller.write(address, [1, 2])


def test_the_ring_camera_is_a_camera() -> None:
    camera: Camera = RingCamera("ring", (4, 4, 3), 2)
    assert not camera.finished
