"""The wire of the serial board: both sides mean the same, damage is seen, clocks are brought together."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from control import board_wire
from control.board_clock import BoardClock
from control.board_wire import Deframer, Frame, Head
from control.types import Job
from hil.firmware import board

bodies = st.binary(max_size=200)
frames = st.builds(Frame, st.integers(0, 255), st.integers(0, 255), bodies)
MS = 1_000_000


@given(frames)
def test_what_the_station_seals_the_board_opens_and_the_other_way_round(frame: Frame) -> None:
    sealed = board_wire.seal(frame)

    assert sealed == board.seal(*frame)
    assert board.unseal(sealed[:-1]) == bytes((frame.kind, frame.number)) + frame.body
    assert board_wire.unseal(sealed[:-1]) == frame


@given(st.lists(frames, min_size=1, max_size=5), st.data())
def test_bytes_in_any_portions_give_the_same_frames(sent: list[Frame], data: st.DataObject) -> None:
    stream = b"".join(map(board_wire.seal, sent))
    deframer, got = Deframer(), list[Frame]()
    while stream:
        portion = data.draw(st.integers(1, len(stream)))
        got += deframer.feed(stream[:portion])
        stream = stream[portion:]

    assert got == sent
    assert deframer.damaged == 0


@given(frames, frames, st.data())
def test_a_damaged_byte_costs_at_most_the_frames_it_touches_and_none_is_believed(
    first: Frame, second: Frame, data: st.DataObject
) -> None:
    assume(first != second)
    sealed = bytearray(board_wire.seal(first))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    third = Frame(3, 3, b"third")

    got = Deframer().feed(bytes(sealed) + board_wire.seal(second) + board_wire.seal(third))

    assert first not in got
    assert set(got) <= {second, third}
    assert third in got


@given(st.binary(max_size=300))
def test_rubbish_is_no_frame_on_either_side(rubbish: bytes) -> None:
    assert Deframer().feed(rubbish + b"\0") == []
    assert all(board.unseal(block) == b"" for block in rubbish.split(b"\0"))


def test_the_words_of_the_protocol_are_the_same_on_both_sides() -> None:
    for name in ("MAGIC", "VERSION", "HELLO", "POLL", "JOBS", "IDENTITY", "STATUS", "STRANGER", "DAMAGED"):
        assert getattr(board, name) == getattr(board_wire, name), name
    assert 1 << board_wire.CLOCK_BITS == board.CLOCK
    assert board_wire.HEARTBEAT_LIMIT_MS * 1000 == board.SILENCE_US
    jobs = board_wire.pack_jobs(0, [Job(1, 2, 3, 4, 5, 6)] * board_wire.JOBS_PER_FRAME)
    longest = board_wire.seal(Frame(3, 1, board_wire.pack_head(Head(1, 0, False, False, 0)) + jobs))
    assert len(longest) <= board.LARGEST_FRAME


def test_a_single_exchange_is_placed_in_its_middle() -> None:
    assert BoardClock().place(500, 10 * MS, 14 * MS) == 12 * MS


@given(
    st.lists(st.tuples(st.floats(0.1, 9.5), st.floats(0, 1)), min_size=30, max_size=60),
    st.integers(0, 2**30 - 1),
    st.floats(-100e-6, 100e-6),
)
def test_a_slow_answer_is_placed_as_well_as_the_quick_ones_before_it(
    trips: list[tuple[float, float]], start_us: int, drift: float
) -> None:
    """The board's clock runs a little fast or slow and wraps; one exchange in the middle was quick."""
    clock = BoardClock()
    trips[len(trips) // 2] = (0.1, 0.5)
    for n, (trip_ms, share) in enumerate(trips):
        asked_ns = (1_000 + 10 * n) * MS
        read_ns = asked_ns + round(trip_ms * share * MS)
        board_us = (start_us + round(read_ns * (1 + drift) / 1000)) % 2**30
        placed = clock.place(board_us, asked_ns, asked_ns + round(trip_ms * MS))
        if n >= len(trips) // 2:
            since_ms = 10 * (n - len(trips) // 2)
            assert abs(placed - read_ns) <= (0.052 + 0.0004 * (since_ms + 30)) * MS


def test_a_board_clock_that_starts_anew_is_placed_at_once() -> None:
    clock = BoardClock()
    for n in range(10):
        clock.place(50_000 + 10_000 * n, (1000 + 10 * n) * MS, (1001 + 10 * n) * MS)

    assert clock.place(7, 2000 * MS, 2001 * MS) == 2000 * MS + MS // 2
