"""The watch names what is wrong, and only while it is."""

from control.belt import BeltNews, BeltTrouble
from control.types import Interlocks, MachineDown, MachineSample
from station.types import Inputs
from station.watch import Watch
from vision.types import FrameStamp

MS = 1_000_000
SAFE = Interlocks(estop_ok=True, guard_closed=True, air_ok=True)


def sample(at_ms: int, locks: Interlocks = SAFE, *, running: bool = True) -> MachineSample:
    return MachineSample(7, at_ms * MS, locks, running, False, ())


def inputs(at_ms: int, dropped: int = 0) -> Inputs:
    return Inputs(at_ms * MS, FrameStamp(1, at_ms * MS, None), dropped, (), (), ())


def heard(at_ms: int, tick: int, locks: Interlocks = SAFE, trouble: BeltTrouble | None = None) -> Watch:
    watch = Watch()
    watch.hear_sample(sample(at_ms, locks), BeltNews(tick, trouble, epoch=False))
    return watch


def test_each_open_interlock_is_a_fault_of_its_own() -> None:
    assert heard(0, 1).conditions(inputs(1)) == {}
    assert set(heard(0, 1, SAFE._replace(estop_ok=False)).conditions(inputs(1))) == {"estop"}
    assert set(heard(0, 1, SAFE._replace(guard_closed=False)).conditions(inputs(1))) == {"guard-open"}
    assert set(heard(0, 1, SAFE._replace(air_ok=False)).conditions(inputs(1))) == {"air-low"}


def test_a_silent_machine_is_lost_after_a_moment() -> None:
    watch = heard(0, 1)
    assert watch.conditions(inputs(300)) == {}
    assert set(watch.conditions(inputs(301))) == {"machine-lost"}


def test_a_running_belt_whose_count_stays_has_a_stuck_encoder_and_a_resting_belt_has_not() -> None:
    watch = heard(0, 5)
    watch.hear_sample(sample(301), BeltNews(5, None, epoch=False))
    assert set(watch.conditions(inputs(302))) == {"encoder-stuck"}
    watch.hear_sample(sample(400, running=False), BeltNews(5, None, epoch=False))
    assert watch.conditions(inputs(401)) == {}


def test_trouble_of_the_belt_and_a_machine_that_is_down_are_told() -> None:
    assert set(heard(0, 1, trouble=BeltTrouble.reversed).conditions(inputs(1))) == {"encoder-reversed"}
    watch = heard(0, 1)
    watch.hear_down(MachineDown("machine-lost", "cable"), lost=True)
    assert watch.conditions(inputs(1)) == {"machine-lost": "cable"}
    assert watch.sample is None


def test_more_than_one_dropped_frame_in_a_hundred_is_a_fault_of_the_next_window() -> None:
    watch = Watch()
    for n in range(1, 1001):
        watch.count_frames(inputs(n * 20, dropped=1 if n % 50 == 0 else 0))
    assert set(watch.conditions(inputs(20_000))) == {"frames-dropped"}
    for n in range(1001, 2002):
        watch.count_frames(inputs(n * 20))
    assert watch.conditions(inputs(40_020)) == {}
    assert watch.counts.dropped == 20


def test_an_unplaced_frame_is_a_fault_for_two_seconds() -> None:
    watch = Watch()
    watch.count_unplaced(1000 * MS)
    assert watch.conditions(inputs(1001)) == {"frames-unplaced": "1 since the start"}
    assert watch.conditions(inputs(3000)) == {}
