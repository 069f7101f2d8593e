"""The serial board: whatever the wire does to the bytes, each job fires at most once and has exactly one report."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control import board_wire
from control.types import MachineLost, MachineMismatch, ShotResult
from tests.control.memory_board import COUNTS_PER_MS, IDENTITY, LONGEST_MS, MS, MemoryBoard, Station, on_times_ms
from tests.control.yard import make_job


def soon(board: MemoryBoard, ms: float) -> int:
    return (board.count + round(ms * COUNTS_PER_MS)) % 2**32


def test_jobs_fire_at_their_counts_and_close_after_their_lengths_across_the_wrap() -> None:
    station = Station(MemoryBoard(start_count=2**32 - 2000)).started()
    station.machine.arm([make_job(1, open_count=soon(station.board, 60), length=75, outputs=0b11)])
    station.poll(20)

    assert [(report.job_id, report.result) for report in station.reports] == [(1, ShotResult.fired)]
    assert on_times_ms(station.board.switched, 0) == on_times_ms(station.board.switched, 1)
    assert on_times_ms(station.board.switched, 0) == pytest.approx([5.0], abs=0.2)


def test_an_output_is_closed_after_its_longest_time_whatever_the_job_says() -> None:
    station = Station(MemoryBoard()).started()
    station.machine.arm([make_job(1, open_count=soon(station.board, 30), length=60_000)])
    station.poll(30)

    assert on_times_ms(station.board.switched, 0) == pytest.approx([LONGEST_MS], abs=0.6)


def test_overlapping_shots_on_one_output_are_one_opening_within_the_limit() -> None:
    station = Station(MemoryBoard()).started()
    at = soon(station.board, 40)
    station.machine.arm([make_job(n, open_count=at + 45 * n, length=90) for n in range(10)])
    station.poll(30)

    assert len(station.reports) == 10
    assert on_times_ms(station.board.switched, 0)[0] == pytest.approx(LONGEST_MS, abs=0.6)
    assert all(ms <= LONGEST_MS + 0.6 for ms in on_times_ms(station.board.switched, 0))


def test_a_flood_beyond_the_queue_waits_and_is_reported_in_full() -> None:
    station = Station(MemoryBoard()).started()
    at = soon(station.board, 200)
    station.machine.arm([make_job(n, open_count=at + 60 * n, length=15) for n in range(150)])
    station.poll(120)

    assert Counter(report.job_id for report in station.reports) == Counter(range(150))
    assert {report.result for report in station.reports} == {ShotResult.fired}


def test_a_job_that_is_sent_again_is_taken_once() -> None:
    station = Station(MemoryBoard()).started()
    at = soon(station.board, 80)
    for n in range(3):
        station.machine.arm([make_job(n, open_count=at + 300 * n, length=75)])  # sends the ones before again
    station.poll(30)

    assert [(r.job_id, r.result) for r in station.reports] == [(n, ShotResult.fired) for n in range(3)]
    assert len(on_times_ms(station.board.switched, 0)) == 3


def test_a_lost_answer_does_no_harm() -> None:
    station = Station(MemoryBoard()).started()
    station.machine.arm([make_job(1, open_count=soon(station.board, 60))])
    lost: list[bytes] = []

    def lose_every_third(data: bytes) -> bytes:
        lost.append(data)
        return b"" if len(lost) % 3 == 0 else data

    station.board.harm = lose_every_third
    station.poll(30)

    assert [report.result for report in station.reports] == [ShotResult.fired]
    assert len(on_times_ms(station.board.switched, 0)) == 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 0.004), st.floats(0, 0.004))
def test_noise_never_fires_a_job_twice_and_every_job_has_one_report(seed: int, flipped: float, lost: float) -> None:
    chance = random.Random(seed)
    station = Station(MemoryBoard(start_count=seed % 2**32)).started()

    def harm(data: bytes) -> bytes:
        kept = [byte for byte in data if chance.random() >= lost]
        return bytes(byte ^ 1 << chance.randrange(8) if chance.random() < flipped else byte for byte in kept)

    station.board.harm = harm
    armed: list[int] = []
    try:
        for n in range(30):
            at = soon(station.board, chance.uniform(80, 300))
            station.machine.arm([make_job(n, open_count=at, length=30, outputs=1 << n % 8)])
            armed.append(n)
            station.poll()
        station.board.harm = lambda data: data
        station.poll(60)
    except MachineLost:
        # The process answers for what is missing then; nothing may have been answered twice.
        assert max(Counter(report.job_id for report in station.reports).values(), default=1) == 1
        return
    assert Counter(report.job_id for report in station.reports) == Counter(armed)
    fired = sum(report.result is ShotResult.fired for report in station.reports)
    opened = sum(len(on_times_ms(station.board.switched, output)) for output in range(8))
    assert opened <= fired, "an opening without its report"


def test_a_silent_station_is_dropped_by_the_board_within_200_ms() -> None:
    station = Station(MemoryBoard()).started()
    station.machine.arm([make_job(1, open_count=soon(station.board, 5000))])
    station.poll()
    begun_ns = station.board.now_ns
    while station.board.board.armed:
        station.board.pass_ns(MS)

    assert 100 * MS < station.board.now_ns - begun_ns <= 201 * MS
    assert not station.board.board.run
    assert station.board.board.reports[0][:2] == (1, 4)


def test_polling_alone_is_no_heartbeat() -> None:
    station = Station(MemoryBoard()).started()
    for _ in range(30):
        sample = station.machine.sample()
        station.board.pass_ns(10 * MS)

    assert (sample.running, sample.armed) == (False, False)


def test_after_an_interlock_nothing_moves_without_a_fresh_request() -> None:
    station = Station(MemoryBoard()).started()
    station.board.inputs = 6
    station.poll(5)
    station.board.inputs = 7
    station.poll(20)
    assert not station.board.board.run

    station.poll(2, run=False, armed=False)
    station.poll(2)
    assert station.board.board.run


def test_a_board_that_started_anew_is_lost_and_then_found_at_rest() -> None:
    station = Station(MemoryBoard()).started()
    station.board.board.session = -1
    station.board.board.forget()

    with pytest.raises(MachineLost, match="started anew"):
        station.poll()
    station.machine.open()
    sample = station.machine.sample()

    assert (sample.running, sample.armed, sample.reports) == (False, False, ())


def test_another_board_is_a_mismatch_with_both_identities() -> None:
    station = Station(MemoryBoard(), expected=IDENTITY._replace(outputs=49))

    with pytest.raises(MachineMismatch, match=r"expected protocol version 2, 49 outputs.*found protocol version 2, 8"):
        station.machine.open()


@pytest.mark.parametrize(
    ("says", "complaint"),
    [
        (b"", "silent for 800 ms"),
        (b"\r\nMicroPython v1.29\r\n>>> ", "its firmware is not running"),
        (b"\xf3\x9c\x00\x81\x99", "another speed than 115200 baud"),
    ],
)
def test_what_does_not_answer_is_diagnosed(says: bytes, complaint: str) -> None:
    station = Station(MemoryBoard())
    station.board.says = says

    with pytest.raises(MachineLost, match=complaint):
        station.machine.open()


def test_noise_that_begins_later_is_called_noise() -> None:
    station = Station(MemoryBoard()).started()
    station.board.says = b"\x55\xaa\x00"

    with pytest.raises(MachineLost, match=r"damaged frames so far. Check the cable"):
        station.poll()
    assert station.machine.health().share > 0


def test_an_answer_to_an_earlier_question_is_not_believed() -> None:
    station = Station(MemoryBoard()).started()
    held: list[bytes] = []

    def one_behind(data: bytes) -> bytes:
        if data[1:2] != b"\x82":  # the board's status
            return data
        held.append(data)
        return held[-2] if len(held) > 1 else b""

    first = station.machine.sample().encoder_count
    station.board.harm = one_behind
    for _ in range(20):
        station.board.pass_ns(10 * MS)
        with suppress(MachineLost):
            assert station.machine.sample().encoder_count > first + 100


def test_a_job_with_an_output_the_board_does_not_have_is_faulted() -> None:
    station = Station(MemoryBoard()).started()
    jobs = [
        make_job(1, open_count=soon(station.board, 50), outputs=1 << 8),
        make_job(2, open_count=soon(station.board, 50), length=0),
    ]
    station.machine.arm(jobs)
    station.poll(10)

    assert {report.job_id: report.result for report in station.reports} == {
        1: ShotResult.faulted,
        2: ShotResult.faulted,
    }


def test_safe_answers_for_jobs_the_board_never_took() -> None:
    station = Station(MemoryBoard()).started()
    at = soon(station.board, 500)
    station.machine.arm([make_job(n, open_count=at + n, length=15) for n in range(100)])
    station.machine.safe()
    station.poll(40, run=False, armed=False)

    assert Counter(report.job_id for report in station.reports) == Counter(range(100))
    assert {report.result for report in station.reports} == {ShotResult.ignored}
    assert board_wire.JOBS_PER_FRAME < 100
