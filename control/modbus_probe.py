"""Looking at a controller without touching it: who it is, whether a station drives it, and how fast it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from control import job_ring
from control.job_ring import StatusBlock
from control.modbus_answers import LineHealth, Wire, WireSettings
from control.modbus_status import ThriftyStatus, WholeStatus
from control.types import Identity, MachineLost

_HELD_LOOKS = 12
_HELD_LOOK_S = 0.02


class Probed(NamedTuple):
    """What was seen. ``identity`` None: it does not carry our map; then nothing else was read.

    ``round_trips_us`` are in the order they were made. ``held``: somebody else's heartbeat is beating in it.
    """

    where: str
    identity: Identity | None
    status: StatusBlock | None
    held: bool
    round_trips_us: tuple[float, ...]
    health: LineHealth


def probe(settings: WireSettings, now_ns: Callable[[], int], sleep: Callable[[float], None], polls: int) -> Probed:
    """Only reads. Raises MachineLost or MachineMismatch with the diagnosis."""
    wire = settings.wire(now_ns)
    wire.connect()
    try:
        identity = read_identity(wire)
        if identity is None:
            return Probed(wire.where, None, None, held=False, round_trips_us=(), health=wire.health())
        _refuse_stopped(wire, sleep)
        held = is_held(wire, sleep)
        trips = round_trips_us(wire, polls)
        return Probed(wire.where, identity, WholeStatus(wire).read().status, held, trips, wire.health())
    finally:
        wire.close()


def read_identity(wire: Wire) -> Identity | None:
    """Who it says it is; None when it does not carry our map."""
    return job_ring.unpack_identity(wire.read(job_ring.IDENTITY_AT, job_ring.IDENTITY_REGISTERS, "the identity block"))


def is_held(wire: Wire, sleep: Callable[[float], None]) -> bool:
    """True when a station's heartbeat moves, looked at for a quarter of a second, or the machine is in motion."""
    first = _command(wire)
    for _ in range(_HELD_LOOKS):
        sleep(_HELD_LOOK_S)
        if _command(wire) != first:
            return True
    status = WholeStatus(wire).read().status
    return status.running or status.armed


def round_trips_us(wire: Wire, polls: int) -> tuple[float, ...]:
    """How long each of so many polls took, as the driver makes them."""
    reader = ThriftyStatus(wire) if wire.is_thrifty else WholeStatus(wire)
    trips = [reader.read().trip for _ in range(polls)]
    return tuple((trip.answered_ns - trip.asked_ns) / 1000.0 for trip in trips)


def quantile(values: tuple[float, ...], share: float) -> float:
    """The value below which ``share`` of them lie; raises ValueError for none."""
    if not values:
        raise ValueError("No values.")
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _refuse_stopped(wire: Wire, sleep: Callable[[float], None]) -> None:
    """Raises MachineLost when the controller's own heartbeat stands still."""
    reader = WholeStatus(wire)
    first = reader.read().status.heartbeat
    for _ in range(_HELD_LOOKS):
        sleep(_HELD_LOOK_S)
        if reader.read().status.heartbeat != first:
            return
    raise MachineLost(f"The controller at {wire.where} answers, but its program has stopped. Put it into RUN.")


def _command(wire: Wire) -> list[int]:
    return wire.read(job_ring.COMMAND_AT, job_ring.COMMAND_REGISTERS, "the command block")
