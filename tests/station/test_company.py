"""Troubles reach whoever sees, once each, whoever that is at the moment."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from station.company import Company, Troubles
from station.figures import Figures
from station.link import Link, open_link
from station.reporting.service import Service
from station.store import Store
from station.types import Conditions

Ends = tuple[Link, Link]


@pytest.fixture
def ends() -> Iterator[Ends]:
    yield from _linked()


@pytest.fixture
def other_ends() -> Iterator[Ends]:
    yield from _linked()


def _linked() -> Iterator[Ends]:
    here, there = open_link()
    yield here, there
    here.close()
    there.close()


class Desk:
    """What the station's own process sees, as a test likes it."""

    def __init__(self) -> None:
        self.store = SimpleNamespace(trouble="the disk is full", must_pause=False, restored=None)
        self.post = SimpleNamespace(trouble="")
        self.scale = SimpleNamespace(trouble=None)
        self.service = cast(Service, SimpleNamespace(warning=None, alarm=None))
        company = SimpleNamespace(post=self.post, scale=self.scale, hazards=SimpleNamespace(waiting=None))
        figures = SimpleNamespace(bins=SimpleNamespace(attention=lambda: None))
        self.troubles = Troubles(cast(Store, self.store), cast(Company, company), cast(Figures, figures))


def test_a_trouble_is_told_once_when_it_comes_and_once_when_it_has_gone(ends: Ends) -> None:
    here, there = ends
    desk = Desk()
    desk.troubles.tell(desk.service, here)
    assert there.receive() == []
    desk.scale.trouble = "no answer"
    for _ in range(3):
        desk.troubles.tell(desk.service, here)
    assert there.receive() == [Conditions((("scale-lost", "no answer"),))]
    desk.scale.trouble = None
    for _ in range(3):
        desk.troubles.tell(desk.service, here)
    assert there.receive() == [Conditions(())]


def test_whoever_is_started_anew_is_told_what_stands(ends: Ends, other_ends: Ends) -> None:
    desk = Desk()
    desk.store.must_pause, desk.post.trouble = True, "the disk fills"
    desk.troubles.tell(desk.service, None)
    standing = Conditions((("store-trouble", "the disk is full"), ("recording-stopped", "the disk fills")))
    for here, there in (ends, other_ends):
        desk.troubles.tell(desk.service, here)
        assert there.receive() == [standing]


def test_a_trouble_of_the_store_that_need_not_pause_the_line_is_none(ends: Ends) -> None:
    here, there = ends
    desk = Desk()
    desk.troubles.tell(desk.service, here)
    assert there.receive() == []


def test_a_closed_link_is_no_trouble_of_the_parent(ends: Ends, other_ends: Ends) -> None:
    here, there = ends
    desk = Desk()
    desk.scale.trouble = "no answer"
    there.close()
    desk.troubles.tell(desk.service, here)
    again, hears = other_ends
    desk.troubles.tell(desk.service, again)
    assert hears.receive() == [Conditions((("scale-lost", "no answer"),))]
