"""What all Modbus wires have in common: their verbs, the words for refusals, and when an answer was true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from control.types import Identity

NOT_OUR_MAP = {
    1: "it does not know the function",
    2: "it has no such registers",
    3: "it refuses the value or the number of registers",
}
BUSY = {4: "it reports a failure of its own", 5: "it is still working on a request", 6: "it says it is busy"}


class Trip(NamedTuple):
    """The last round trip in monotonic time; the registers were read between ``first_ns`` and ``last_ns`` in it."""

    asked_ns: int
    answered_ns: int
    first_ns: int
    last_ns: int

    @property
    def instant_ns(self) -> int:
        """When the registers were read, as far as the trip alone can tell."""
        return (self.first_ns + self.last_ns) // 2


class LineHealth(NamedTuple):
    """Since the wire was made: requests sent, and what was wrong with how many of their answers."""

    requests: int
    faults: tuple[tuple[str, int], ...]

    @property
    def share(self) -> float:
        """Answers that were not usable, as a share 0..1 of the requests."""
        return sum(count for _, count in self.faults) / max(1, self.requests)


class Wire(Protocol):
    """Seam: holding registers of one controller. Its verbs raise MachineLost or MachineMismatch and then stay closed.

    ``is_thrifty``: bytes cost time there, so nothing is read that is not needed, and at most ``jobs_at_once`` are
    written between two polls. ``where`` is for complaints.
    """

    where: str
    is_thrifty: bool
    jobs_at_once: int
    trip: Trip

    def connect(self) -> None:
        """Reach the controller and throw away whatever is left of earlier talk."""

    def read(self, address: int, count: int, name: str) -> list[int]:
        """``count`` registers from zero-based ``address``; ``name`` is what the block is called in a complaint."""

    def write(self, address: int, registers: Sequence[int], name: str) -> None:
        """Write all ``registers`` in one request."""

    def health(self) -> LineHealth:
        """How well the line carries."""

    def close(self) -> None: ...


class WireSettings(Protocol):
    """Where a controller is reached, and what it must say it is."""

    @property
    def expected(self) -> Identity: ...

    @property
    def timeout_ms(self) -> float: ...

    @property
    def max_round_trip_ms(self) -> float: ...

    def wire(self, now_ns: Callable[[], int]) -> Wire:
        """The way to it, not connected yet."""
