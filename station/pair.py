"""The vision and control processes of a run: started together, connected, heard, ended together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from station.children import ControlSetup, control_main
from station.crew import Member, start_member
from station.link import Link, open_link

_LEAVING_S = 0.5


class Eye(NamedTuple):
    """Who sees: ``main`` is called in the vision process with ``setup``, its link to control, its link here, and
    ``more``."""

    main: Callable[..., None]
    setup: object
    more: tuple[object, ...] = ()


class Pair:
    """Both of them; every message is heard in the event loop, in the order it came."""

    def __init__(self, hear_vision: Callable[[object], None], hear_control: Callable[[object], None]) -> None:
        self._hear_vision = hear_vision
        self._hear_control = hear_control
        self.vision: Member | None = None
        self.control: Member | None = None

    @property
    def members(self) -> tuple[Member, ...]:
        """Those that were started and not ended."""
        return tuple(member for member in (self.vision, self.control) if member is not None)

    def start(self, eye: Eye, control: ControlSetup) -> Link:
        """Returns the link to the vision process."""
        to_control, to_vision = open_link()
        vision_end, vision_here = open_link()
        control_end, control_here = open_link()
        self.vision = start_member("vision", eye.main, (eye.setup, to_control, vision_end, *eye.more), vision_here)
        self.control = start_member("control", control_main, (control, to_vision, control_end), control_here)
        for end in (to_control, to_vision, vision_end, control_end):
            end.close()
        loop = asyncio.get_running_loop()
        loop.add_reader(vision_here.fileno(), self.read_vision)
        loop.add_reader(control_here.fileno(), self._read_control)
        return vision_here

    def end(self) -> None:
        """Control first, so that the machine is safe before anything else."""
        loop = asyncio.get_running_loop()
        for member in (self.control, self.vision):
            if member is not None:
                loop.remove_reader(member.link.fileno())
                member.end()
        self.control = self.vision = None

    def dead(self) -> Member | None:
        """The one that died, and whatever vision had still to say is heard; None while both live.

        When one dies its neighbour leaves with exit code 0: the cause is the one that did not.
        """
        dead = [member for member in self.members if not member.process.is_alive()]
        if not dead:
            return None
        if self.vision is not None:
            self.vision.process.join(_LEAVING_S)
        self.read_vision()
        return max(dead, key=lambda member: bool(member.process.exitcode))

    def read_vision(self) -> None:
        """What has come and was not heard yet."""
        for message in _received(self.vision):
            self._hear_vision(message)

    def _read_control(self) -> None:
        for message in _received(self.control):
            self._hear_control(message)


def _received(member: Member | None) -> list[object]:
    """Messages of a child; a link that has ended is left to whoever watches the processes."""
    if member is None:
        return []
    try:
        return member.link.receive()
    except ConnectionError:
        asyncio.get_running_loop().remove_reader(member.link.fileno())
        return []
