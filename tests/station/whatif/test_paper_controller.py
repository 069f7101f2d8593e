"""The controller of a what-if answers each new shot once, and old ones as they were answered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from control.types import Interlocks, Job, MachineDown, MachineSample, ShotReport, ShotResult
from station.whatif.paper_controller import PaperController

SAFE = Interlocks(estop_ok=True, guard_closed=True, air_ok=True)


def sample(count: int, *reports: ShotReport, armed: bool = True, safe: bool = True) -> MachineSample:
    return MachineSample(count, count, SAFE._replace(estop_ok=safe), running=True, armed=armed, reports=reports)


def job(number: int, count: int, outputs: int = 1) -> Job:
    return Job(number, count, 50, outputs, 1, 0)


def reports(controller: PaperController, *items: MachineSample | MachineDown) -> list[ShotReport]:
    heard = controller.hear(items)
    return [report for item in heard if isinstance(item, MachineSample) for report in item.reports]


def test_a_shot_that_is_the_same_gets_the_answer_it_got_then() -> None:
    controller = PaperController(32)
    controller.take([job(1, 500)], [job(1, 500)])
    faulted = ShotReport(1, ShotResult.faulted, 510)
    assert reports(controller, sample(490), sample(520, faulted), sample(600)) == [faulted]


def test_a_shot_under_way_when_the_recording_began_keeps_its_answer() -> None:
    fired = ShotReport(7, ShotResult.fired, 480)
    assert reports(PaperController(32), sample(490, fired)) == [fired]


def test_another_shot_fires_at_its_own_count_and_the_old_answer_is_not_its_own() -> None:
    controller = PaperController(32)
    controller.take([job(1, 500)], [job(1, 700)])
    old = ShotReport(1, ShotResult.fired, 500)
    assert reports(controller, sample(520, old), sample(690)) == []
    assert reports(controller, sample(710)) == [ShotReport(1, ShotResult.fired, 700)]
    assert reports(controller, sample(720)) == []


def test_a_shot_that_is_the_same_but_was_decided_earlier_is_answered_once() -> None:
    controller = PaperController(32)
    controller.take([], [job(1, 500)])
    controller.take([job(1, 500)], [])
    assert [report.job_id for report in reports(controller, sample(520, ShotReport(1, ShotResult.fired, 500)))] == [1]


def test_a_shot_that_is_no_longer_sent_has_no_answer() -> None:
    controller = PaperController(32)
    controller.take([job(1, 500)], [])
    assert reports(controller, sample(520, ShotReport(1, ShotResult.fired, 500))) == []


def test_a_shot_that_comes_after_its_count_is_late() -> None:
    controller = PaperController(32)
    assert reports(controller, sample(900)) == []
    controller.take([], [job(1, 500)])
    assert [report.result for report in reports(controller, sample(910))] == [ShotResult.late]


def test_an_unarmed_or_unsafe_machine_ignores_and_a_lost_one_forgets() -> None:
    for state in (sample(600, armed=False), sample(600, safe=False)):
        controller = PaperController(32)
        controller.take([], [job(1, 500)])
        assert [report.result for report in reports(controller, state)] == [ShotResult.ignored]
    controller = PaperController(32)
    controller.take([], [job(1, 500)])
    assert reports(controller, MachineDown("controller-lost", "gone"), sample(600)) == []


@given(
    start=st.integers(0, 2**16 - 1),
    ahead=st.lists(st.integers(1, 4000), min_size=1, max_size=8),
    steps=st.lists(st.integers(1, 900), min_size=8, max_size=40),
)
def test_every_shot_is_answered_exactly_once_wherever_the_counter_stands(
    start: int, ahead: list[int], steps: list[int]
) -> None:
    controller = PaperController(16)
    controller.hear([sample(start)])
    controller.take([], [job(n, (start + far) % 2**16) for n, far in enumerate(ahead)])
    count, answered = start, []
    for step in steps:
        count += step
        answered += [report.job_id for report in reports(controller, sample(count % 2**16))]
    travelled = sum(steps)
    assert sorted(answered) == [n for n, far in enumerate(ahead) if far <= travelled]
