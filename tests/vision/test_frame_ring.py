"""Frames between processes: the newest wins, and nothing half written is ever read."""

from collections.abc import Iterator

import pytest

from vision.frame_ring import FrameRing

SHAPE = (4, 6, 3)


@pytest.fixture
def ring() -> Iterator[FrameRing]:
    ring = FrameRing(SHAPE, 3)
    yield ring
    ring.close()


def put(ring: FrameRing, seq: int) -> None:
    ring.begin()[:] = seq
    ring.commit(seq, 1000 + seq, None)


def test_an_empty_ring_has_no_newest(ring: FrameRing) -> None:
    assert ring.newest(0) is None


def test_the_newest_picture_wins_and_an_old_one_is_not_new(ring: FrameRing) -> None:
    for seq in range(1, 9):
        put(ring, seq)
    found = ring.newest(2)
    assert found is not None
    seq, captured_ns, tick, image = found
    assert (seq, captured_ns, tick) == (8, 1008, None)
    assert (image == 8).all()
    assert ring.newest(8) is None
    del image, found


def test_a_picture_that_is_being_written_is_not_seen(ring: FrameRing) -> None:
    for seq in range(1, 4):
        put(ring, seq)
    ring.begin()[:] = 99
    assert not ring.still(1)
    assert ring.still(2)
    found = ring.newest(0)
    assert found is not None
    assert found[0] == 3
    del found


def test_another_process_s_view_sees_the_same_pictures(ring: FrameRing) -> None:
    put(ring, 1)
    other = FrameRing(SHAPE, 3, ring.name)
    put(ring, 2)
    found = other.newest(1)
    assert found is not None
    assert found[:3] == (2, 1002, None)
    del found
    other.close()


def test_there_is_no_ring_of_an_unknown_name() -> None:
    with pytest.raises(FileNotFoundError):
        FrameRing(SHAPE, 3, "no-such-ring")


def test_the_oldest_picture_makes_room_but_never_one_that_is_spared(ring: FrameRing) -> None:
    for seq in (1, 2, 3):
        put(ring, seq)
    ring.begin((0,))
    assert ring.slot == 1
    ring.commit(4, 1004, None)
    assert ring.of(1, 1001) is not None
    assert ring.of(2, 1002) is None
