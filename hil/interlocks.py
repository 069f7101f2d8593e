"""Emergency stop, guards and air of an emulated machine, as mishaps change them."""

from __future__ import annotations

from control.types import Interlocks
from hil.types import Mishap, MishapName

ALL_SAFE = Interlocks(estop_ok=True, guard_closed=True, air_ok=True)


def suffered(interlocks: Interlocks, mishap: Mishap) -> Interlocks:
    """The interlocks after this mishap has begun or ended; other mishaps change nothing."""
    match mishap.name:
        case MishapName.estop:
            return interlocks._replace(estop_ok=not mishap.on)
        case MishapName.guard_open:
            return interlocks._replace(guard_closed=not mishap.on)
        case MishapName.air_low:
            return interlocks._replace(air_ok=not mishap.on)
        case _:
            return interlocks
