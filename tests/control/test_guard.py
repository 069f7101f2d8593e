"""Nothing reaches an output that the guard has not let through."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.guard import Admission, Guard, GuardLimits, Refusal
from control.types import Command, Interlocks, Job
from tests.control.yard import ALL_SAFE, MS, make_job, make_sample

LIMITS = GuardLimits(
    outputs=0b1111, max_length_counts=500, window_ms=100.0, max_shots=3, max_open_counts=1000, remembered_ids=4
)
REST = Command(run=False, armed=False, jobs=())
GO = Command(run=True, armed=True, jobs=())
ESTOP = ALL_SAFE._replace(estop_ok=False)
OPEN_DOOR = ALL_SAFE._replace(guard_closed=False)
NO_AIR = ALL_SAFE._replace(air_ok=False)


class Shift:
    """A guard at work, one poll every ten milliseconds."""

    def __init__(self, limits: GuardLimits = LIMITS) -> None:
        self.guard = Guard(limits)
        self.now_ns = 0
        self.spoken_ns: int | None = None

    def poll(self, command: Command, interlocks: Interlocks | None = ALL_SAFE, silent: bool = False) -> Admission:
        self.now_ns += 10 * MS
        self.spoken_ns = self.spoken_ns if silent else self.now_ns
        sample = None if interlocks is None else make_sample(0, self.now_ns, interlocks)
        command = command._replace(seen_ns=self.now_ns)
        return self.guard.admit(command, sample, self.now_ns, self.spoken_ns)

    def started(self) -> Shift:
        self.poll(REST)
        return self


def order(*jobs: Job) -> Command:
    return Command(run=True, armed=True, jobs=jobs)


def why(admission: Admission) -> list[Refusal]:
    return [reason for _, reason in admission.refused]


def test_nothing_starts_by_itself() -> None:
    shift = Shift()

    admission = shift.poll(order(make_job(1)))

    assert (admission.run, admission.armed, admission.jobs) == (False, False, ())
    assert why(admission) == [Refusal.fresh_order_needed]


def test_a_fresh_order_lets_jobs_through() -> None:
    admission = Shift().started().poll(order(make_job(1), make_job(2)))

    assert (admission.run, admission.armed, admission.held, admission.refused) == (True, True, None, ())
    assert [job.id for job in admission.jobs] == [1, 2]


@pytest.mark.parametrize(
    ("interlocks", "reason"),
    [(ESTOP, Refusal.estop), (OPEN_DOOR, Refusal.guard_open), (None, Refusal.machine_lost)],
)
def test_a_stop_drops_everything_until_a_fresh_order(interlocks: Interlocks | None, reason: Refusal) -> None:
    shift = Shift().started()
    assert shift.poll(GO).armed

    stopped = shift.poll(order(make_job(1)), interlocks)
    still_asking = shift.poll(order(make_job(2)))
    half_let_go = shift.poll(Command(run=True, armed=False, jobs=()))
    let_go = shift.poll(REST)
    fresh = shift.poll(order(make_job(3)))

    assert (stopped.run, stopped.armed, why(stopped), stopped.held) == (False, False, [reason], reason)
    assert (still_asking.run, still_asking.armed, why(still_asking)) == (False, False, [Refusal.fresh_order_needed])
    assert (half_let_go.run, half_let_go.held) == (False, Refusal.fresh_order_needed)
    assert let_go.held is None
    assert (fresh.run, fresh.armed, len(fresh.jobs)) == (True, True, 1)


@pytest.mark.parametrize("asked", [(True, False), (False, True)])
def test_only_letting_go_of_both_is_a_rest(asked: tuple[bool, bool]) -> None:
    shift = Shift()

    held = shift.poll(Command(*asked, jobs=())).held

    assert held is Refusal.fresh_order_needed


@pytest.mark.parametrize("bits", [16, 32])
def test_half_the_counter_ahead_is_the_past(bits: int) -> None:
    guard, sample = Guard(GuardLimits(0b1111, 500, max_ahead_counts=3000, counter_bits=bits)), make_sample(7, 0)
    guard.admit(REST, sample, 0, 0)
    half = 2 ** (bits - 1)
    jobs = (make_job(1, open_count=7 + half - 1), make_job(2, open_count=7 + half))

    admission = guard.admit(order(*jobs)._replace(seen_ns=0), sample, 0, 0)

    assert admission.refused == ((jobs[0], Refusal.too_far),)


def test_letting_go_during_a_stop_does_not_count() -> None:
    shift = Shift().started()

    shift.poll(REST, ESTOP)

    assert shift.poll(GO).held is Refusal.fresh_order_needed


def test_a_vision_that_is_late_fires_nothing_until_it_has_disarmed_while_the_belt_runs_on() -> None:
    shift = Shift().started()
    shift.poll(GO)
    assert [shift.poll(GO, silent=True).armed for _ in range(20)] == [True] * 20

    late = shift.poll(order(make_job(1)), silent=True)
    back = shift.poll(order(make_job(2)))
    disarmed = shift.poll(Command(run=True, armed=False, jobs=()))
    again = shift.poll(order(make_job(3)))

    assert (late.run, late.armed, late.held, why(late)) == (True, False, Refusal.vision_late, [Refusal.vision_late])
    assert (back.run, back.armed, back.held, why(back)) == (True, False, Refusal.vision_late, [Refusal.vision_late])
    assert (disarmed.run, disarmed.held) == (True, None)
    assert (again.armed, len(again.jobs)) == (True, 1)


def test_a_vision_that_is_late_and_asks_for_nothing_is_not_held() -> None:
    shift = Shift().started()
    shift.poll(Command(run=True, armed=False, jobs=()))

    assert [shift.poll(Command(run=True, armed=False, jobs=()), silent=True).held for _ in range(99)] == [None] * 99


def test_a_second_of_silence_is_a_stop() -> None:
    shift = Shift().started()
    shift.poll(GO)
    assert [shift.poll(GO, silent=True).run for _ in range(100)] == [True] * 100

    silent = shift.poll(GO, silent=True)

    assert (silent.run, silent.armed, silent.held) == (False, False, Refusal.vision_silent)
    assert shift.poll(GO).held is Refusal.fresh_order_needed


def test_vision_that_never_spoke_is_silent() -> None:
    assert Shift().poll(REST, silent=True).held is Refusal.vision_silent


def test_without_air_the_belt_may_run_but_nothing_fires_and_it_returns_by_itself() -> None:
    shift = Shift().started()

    without = shift.poll(order(make_job(1)), NO_AIR)
    with_air = shift.poll(order(make_job(2)))

    assert (without.run, without.armed, why(without), without.held) == (True, False, [Refusal.air_low], Refusal.air_low)
    assert (with_air.armed, len(with_air.jobs)) == (True, 1)


@pytest.mark.parametrize(("running", "armed"), [(False, False), (True, False), (False, True)])
def test_a_controller_that_stops_by_itself_is_not_started_again_without_a_fresh_order(
    running: bool, armed: bool
) -> None:
    guard, sample = Guard(LIMITS), make_sample(0, 0)
    resting = sample._replace(running=False, armed=False)
    polls = [(REST, resting), *[(GO, resting)] * 4, (GO, sample), (GO, sample)]
    assert [guard.admit(command, shown, 0, 0).armed for command, shown in polls] == [False, *[True] * 6]

    stopped = guard.admit(GO, sample._replace(running=running, armed=armed), 0, 0)

    assert (stopped.run, stopped.armed, stopped.held) == (False, False, Refusal.machine_stopped)
    assert guard.admit(GO, resting, 0, 0).held is Refusal.fresh_order_needed


@pytest.mark.parametrize(("wanted", "shown"), [((True, False), (True, False)), ((False, True), (False, True))])
def test_each_power_is_missed_by_itself(wanted: tuple[bool, bool], shown: tuple[bool, bool]) -> None:
    guard, sample = Guard(LIMITS), make_sample(0, 0)
    command = Command(*wanted, jobs=())
    obeying = sample._replace(running=shown[0], armed=shown[1])
    polls = [(REST, obeying), (command, obeying), (command, obeying)]
    assert [guard.admit(asked, seen, 0, 0).held for asked, seen in polls] == [None] * 3

    stopped = guard.admit(command, sample._replace(running=False, armed=False), 0, 0)

    assert stopped.held is Refusal.machine_stopped


def test_a_controller_that_is_slow_to_follow_a_pause_has_not_stopped_by_itself() -> None:
    guard, sample = Guard(LIMITS), make_sample(0, 0)
    resting = sample._replace(running=False, armed=False)
    polls = [(REST, resting), (GO, resting), (GO, sample), (REST, sample), (GO, sample), (GO, resting), (GO, sample)]

    assert [guard.admit(command, shown, 0, 0).held for command, shown in polls] == [None] * 7


def test_a_controller_that_disarms_for_want_of_air_has_not_stopped_by_itself() -> None:
    guard, sample = Guard(LIMITS), make_sample(0, 0)
    without_air = make_sample(0, 0, NO_AIR)._replace(armed=False)
    polls = [(REST, sample), (GO, sample), (GO, sample), (GO, without_air), (GO, sample)]

    assert [guard.admit(command, shown, 0, 0).armed for command, shown in polls] == [False, True, True, False, True]


def test_a_disarmed_command_carries_no_jobs() -> None:
    admission = Shift().started().poll(Command(run=True, armed=False, jobs=(make_job(1),)))

    assert (admission.run, admission.armed, why(admission), admission.held) == (True, False, [Refusal.not_armed], None)


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        (make_job(1, length=501), Refusal.pulse_length),
        (make_job(1, length=0), Refusal.pulse_length),
        (make_job(1, outputs=0), Refusal.unknown_output),
        (make_job(1, outputs=0b10001), Refusal.unknown_output),
    ],
)
def test_an_impossible_job_is_refused_and_its_neighbour_is_not(job: Job, reason: Refusal) -> None:
    admission = Shift().started().poll(order(job, make_job(2, length=500, outputs=0b1111)))

    assert admission.refused == ((job, reason),)
    assert [j.id for j in admission.jobs] == [2]


def test_a_job_is_never_admitted_twice() -> None:
    shift = Shift().started()
    shift.poll(order(make_job(1)))

    assert why(shift.poll(order(make_job(1, outputs=2), make_job(2, outputs=4), make_job(2, outputs=8)))) == [
        Refusal.duplicate,
        Refusal.duplicate,
    ]


def test_only_the_newest_ids_are_remembered() -> None:
    shift = Shift(GuardLimits(outputs=1, max_length_counts=500, max_open_counts=100_000, remembered_ids=4)).started()
    for n in range(6):
        shift.poll(order(make_job(n)))

    assert why(shift.poll(order(make_job(0)))) == []
    assert why(shift.poll(order(make_job(3)))) == [Refusal.duplicate]


def test_a_vision_that_starts_anew_may_count_its_jobs_anew() -> None:
    shift = Shift().started()
    shift.poll(order(make_job(1)))
    for _ in range(101):
        shift.poll(GO, ESTOP, silent=True)
    shift.poll(REST)

    assert why(shift.poll(order(make_job(1)))) == []


def test_an_output_that_fires_too_often_is_refused_and_its_neighbour_is_not() -> None:
    shift = Shift().started()
    three = shift.poll(order(*(make_job(n, length=10) for n in range(3))))
    assert len(three.jobs) == 3

    admission = shift.poll(order(make_job(3, length=10, outputs=0b11), make_job(4, length=10, outputs=0b10)))

    assert why(admission) == [Refusal.rate]
    assert [job.id for job in admission.jobs] == [4]


@pytest.mark.parametrize("output", [0, 1, 3])
def test_the_rate_of_every_output_is_minded(output: int) -> None:
    shift = Shift().started()

    admission = shift.poll(order(*(make_job(n, length=10, outputs=1 << output) for n in range(4))))

    assert why(admission) == [Refusal.rate]


@pytest.mark.parametrize(("age_ns", "is_spent"), [(100 * MS, True), (100 * MS + 1, False)])
def test_a_shot_counts_until_the_window_is_over_to_the_nanosecond(age_ns: int, is_spent: bool) -> None:
    guard, sample, now_ns = Guard(LIMITS), make_sample(0, 0), 1_000_000 * MS
    guard.admit(REST, sample, now_ns, now_ns)
    first = order(*(make_job(n, length=10) for n in range(3)))._replace(seen_ns=now_ns)
    assert len(guard.admit(first, sample, now_ns, now_ns).jobs) == 3

    later_ns = now_ns + age_ns
    again = guard.admit(order(make_job(3, length=10))._replace(seen_ns=later_ns), sample, later_ns, later_ns)

    assert why(again) == ([Refusal.rate] if is_spent else [])


@pytest.mark.parametrize(
    ("limit_ms", "held"), [(LIMITS.late_ms, Refusal.vision_late), (LIMITS.silence_ms, Refusal.vision_silent)]
)
def test_silence_is_measured_to_the_nanosecond(limit_ms: float, held: Refusal) -> None:
    def held_after(silent_ns: int) -> Refusal | None:
        guard, sample, now_ns = Guard(LIMITS), make_sample(0, 0), 1_000_000 * MS
        guard.admit(REST, sample, now_ns, now_ns)
        return guard.admit(GO, sample, now_ns + silent_ns, now_ns).held

    limit_ns = round(limit_ms * MS)
    assert held_after(limit_ns + 1) is held
    assert held_after(limit_ns) is not held


def test_the_shortest_pulse_passes() -> None:
    assert why(Shift().started().poll(order(make_job(1, length=1)))) == []


def test_an_output_that_is_open_too_long_in_all_is_refused_until_the_window_has_passed() -> None:
    shift = Shift().started()
    shift.poll(order(make_job(1, length=500), make_job(2, length=400)))

    assert why(shift.poll(order(make_job(3, length=101)))) == [Refusal.rate]
    assert why(shift.poll(order(make_job(4, length=100)))) == []
    for _ in range(10):
        shift.poll(GO)
    assert why(shift.poll(order(make_job(5, length=500)))) == []


polls = st.lists(
    st.tuples(
        st.builds(
            Command,
            st.booleans(),
            st.booleans(),
            st.lists(
                st.builds(make_job, st.integers(0, 9), length=st.integers(-1, 600), outputs=st.integers(0, 31)),
                max_size=4,
            ).map(tuple),
        ),
        st.one_of(st.none(), st.builds(Interlocks, st.booleans(), st.booleans(), st.booleans()), st.just(ALL_SAFE)),
        st.booleans(),
    ),
    max_size=150,
)


@given(shift=polls)
def test_estop_wins_every_job_has_one_answer_and_a_stop_is_left_only_through_rest(
    shift: list[tuple[Command, Interlocks | None, bool]],
) -> None:
    at_work, rested = Shift(), False
    for command, interlocks, silent in shift:
        admission = at_work.poll(command, interlocks, silent)

        is_safe = interlocks is not None and interlocks.estop_ok and interlocks.guard_closed
        rested = is_safe and at_work.spoken_ns is not None and (rested or not (command.run or command.armed))
        silence_ms = 999.0 if at_work.spoken_ns is None else (at_work.now_ns - at_work.spoken_ns) / MS
        rested = rested and silence_ms <= LIMITS.silence_ms
        assert sorted([*admission.jobs, *(job for job, _ in admission.refused)]) == sorted(command.jobs)
        assert not admission.jobs or admission.armed
        assert not (admission.run or admission.armed) or rested
        assert admission.run <= command.run
        assert admission.armed <= command.armed
        assert admission.run == (command.run and rested)
        assert not admission.armed or silence_ms <= LIMITS.late_ms


PICTURE = GuardLimits(outputs=0b1111, max_length_counts=500, max_picture_ms=100.0)


def with_picture(age_ms: float | None) -> Admission:
    guard, sample, now_ns = Guard(PICTURE), make_sample(0, 0), 1000 * MS
    guard.admit(REST, sample, now_ns, now_ns)
    seen_ns = None if age_ms is None else now_ns - round(age_ms * MS)
    return guard.admit(order(make_job(1))._replace(seen_ns=seen_ns), sample, now_ns, now_ns)


@pytest.mark.parametrize(("age_ms", "fires"), [(0, True), (100, True), (100 + 1 / MS, False), (None, False)])
def test_what_was_seen_too_long_ago_fires_nothing(age_ms: float | None, fires: bool) -> None:
    admission = with_picture(age_ms)

    assert [job.id for job in admission.jobs] == ([1] if fires else [])
    assert why(admission) == ([] if fires else [Refusal.old_picture])
    assert (admission.run, admission.armed, admission.held) == (True, True, None)


def test_a_job_refused_for_an_old_picture_may_come_again_with_a_new_one() -> None:
    guard, sample = Guard(PICTURE), make_sample(0, 0)
    guard.admit(REST, sample, 0, 0)
    guard.admit(order(make_job(1)), sample, 0, 0)

    again = guard.admit(order(make_job(1))._replace(seen_ns=0), sample, 0, 0)

    assert [job.id for job in again.jobs] == [1]


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("count", [0, 5, 40_000, -1000])
@pytest.mark.parametrize(
    ("ahead", "is_near"), [(0, True), (3000, True), (3001, False), (20_000, False), (-1, True), (-3001, True)]
)
def test_a_job_further_ahead_than_the_line_is_long_is_refused(bits: int, count: int, ahead: int, is_near: bool) -> None:
    guard = Guard(GuardLimits(0b1111, 500, max_ahead_counts=3000, counter_bits=bits))
    sample = make_sample(count % 2**bits, 0)
    guard.admit(REST, sample, 0, 0)

    job = make_job(1, open_count=(count + ahead) % 2**bits)
    admission = guard.admit(order(job)._replace(seen_ns=0), sample, 0, 0)

    assert why(admission) == ([] if is_near else [Refusal.too_far])


@pytest.mark.parametrize(
    ("outputs", "length", "passes"),
    [
        (0b0001, 100, True),
        (0b0001, 101, False),
        (0b1000, 400, True),
        (0b1000, 401, False),
        (0b0100, 300, True),
        (0b1100, 300, True),
        (0b1100, 301, False),
        (0b1001, 101, False),
        (0b1001, 100, True),
    ],
)
def test_a_flap_may_be_open_longer_than_a_valve(outputs: int, length: int, passes: bool) -> None:
    guard = Guard(GuardLimits(0b1111, 100, longer=((0b1000, 400), (0b0100, 300))))
    sample = make_sample(0, 0)
    guard.admit(REST, sample, 0, 0)

    admission = guard.admit(order(make_job(1, length=length, outputs=outputs))._replace(seen_ns=0), sample, 0, 0)

    assert why(admission) == ([] if passes else [Refusal.pulse_length])


def test_the_limits_are_what_was_promised_and_nobody_changes_them_at_run_time() -> None:
    limits = GuardLimits(outputs=1, max_length_counts=500)

    promised = (1000.0, 40, 12_000, 200.0, 1000.0, 4096, (), 200.0, 1 << 30, 32)
    assert dataclasses.astuple(limits) == (1, 500, *promised)
    with pytest.raises(dataclasses.FrozenInstanceError):
        limits.late_ms = 1e9  # type: ignore[misc]
    assert not hasattr(limits, "__dict__")
