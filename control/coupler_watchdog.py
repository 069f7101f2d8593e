"""The coupler's own watchdog: armed at connect and read back, because nothing else closes outputs when we are gone."""

from __future__ import annotations

from control.coil_settings import CoilSettings, joined
from control.modbus_answers import Wire
from control.types import MachineMismatch


def arm_watchdog(wire: Wire, settings: CoilSettings) -> None:
    """Set its time and read it back; raises MachineMismatch for a coupler without one that works."""
    watchdog, wanted = settings.coupler.watchdog, settings.watchdog_ms
    words = [wanted >> 16 * n & 0xFFFF for n in range(watchdog.time_words)]
    for at, value in watchdog.reset:
        wire.write(at, [value], "the watchdog's reset")
    seen = joined(wire.read(watchdog.time_at, watchdog.time_words, "the watchdog's time"))
    if seen != wanted:
        wire.write(watchdog.time_at, words, "the watchdog's time")
        seen = joined(wire.read(watchdog.time_at, watchdog.time_words, "the watchdog's time"))
    for at, value in watchdog.also:
        wire.write(at, [value], "the watchdog's settings")
    if seen != wanted or has_fallen(wire, settings):
        wire.close()
        raise MachineMismatch(
            f"The coupler at {settings.where} does not take its watchdog: {wanted} ms were written, {seen} ms "
            "are set. Without it outputs could stay on when this computer fails, so it is not used."
        )


def has_fallen(wire: Wire, settings: CoilSettings) -> bool:
    """True when the coupler shows that its watchdog has switched the outputs off."""
    where = settings.coupler.watchdog.is_fallen
    return where is not None and bool(wire.read(where[0], 1, "the coupler's state")[0] & where[1])
