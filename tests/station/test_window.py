"""The newest picture for pages: at once for one that comes, the coming one for one that has drawn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from station.types import Shown
from station.web.view import Picture
from station.window import Window
from vision.frame_ring import FrameRing, shrink_into


@pytest.fixture
def ring() -> Iterator[FrameRing]:
    made = FrameRing((32, 40, 3), slots=4)
    yield made
    made.close()


def lay_down(ring: FrameRing, window: Window, seq: int) -> None:
    ring.begin()[:] = seq
    ring.commit(seq, seq * 1000, None)
    window.take(Shown(seq, seq * 1000, ()))


def test_a_page_that_has_just_come_gets_the_newest_at_once(ring: FrameRing) -> None:
    async def look() -> int:
        window = Window(ring)
        lay_down(ring, window, 3)
        return (await asyncio.wait_for(window.next(0), 5)).seq

    assert asyncio.run(look()) == 3


def test_all_who_wait_get_the_newest_picture_encoded_once(ring: FrameRing) -> None:
    async def look() -> list[Picture]:
        window = Window(ring)
        waiting = [asyncio.create_task(window.next(0)) for _ in range(3)]
        await asyncio.sleep(0)
        lay_down(ring, window, 3)
        return [await asyncio.wait_for(each, 5) for each in waiting]

    first, *others = asyncio.run(look())
    assert first.seq == 3
    assert all(each is first for each in others)


def test_a_page_that_has_drawn_gets_the_coming_picture_and_not_the_one_that_waited(ring: FrameRing) -> None:
    async def look() -> int:
        window = Window(ring)
        lay_down(ring, window, 3)
        lay_down(ring, window, 4)
        asking = asyncio.create_task(window.next(3))
        await asyncio.sleep(0)
        lay_down(ring, window, 5)
        return (await asyncio.wait_for(asking, 5)).seq

    assert asyncio.run(look()) == 5


def test_where_none_comes_the_one_that_waited_is_shown(ring: FrameRing) -> None:
    async def look() -> int:
        window = Window(ring)
        lay_down(ring, window, 3)
        lay_down(ring, window, 4)
        return (await asyncio.wait_for(window.next(3), 5)).seq

    assert asyncio.run(look()) == 4


def test_a_picture_is_laid_down_at_the_size_of_its_slot(ring: FrameRing) -> None:
    image = ring.begin().repeat(2, axis=0).repeat(2, axis=1)
    image[:, :40] = 200
    shrink_into(ring.begin(), image)
    ring.commit(1, 1, None)
    found = ring.newest(0)
    assert found is not None
    assert (found[3][:, :20] == 200).all()
    assert (found[3][:, 20:] == 0).all()
