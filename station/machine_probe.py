"""What answers at a station's controller, who it is and how fast, in words: for the command and for the page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from station import setup
from station.device_probe import look as look_at_device

if TYPE_CHECKING:
    from control.modbus_probe import Probed
    from control.types import Identity
    from station.config import Config


def probe_lines(config: Config, polls: int) -> Iterator[str]:
    """Only reads, except that a serial board begins anew; raises ConfigError, MachineLost or MachineMismatch."""
    from control.coil_settings import CoilSettings
    from control.modbus_probe import probe as look
    from control.serial_machine import SerialBoardSettings

    settings = setup.machine_settings(config)
    if isinstance(settings, SerialBoardSettings | CoilSettings):
        yield from look_at_device(settings, time.monotonic_ns, polls)  # noqa: TID251 - the driver's clock
        return
    probed = look(settings, time.monotonic_ns, time.sleep, polls)  # noqa: TID251 - the driver's clock
    yield from _told(probed)
    _compare(probed.identity, settings.expected)


def _told(probed: Probed) -> Iterator[str]:
    from control.modbus_probe import quantile

    yield f"{probed.where} answers."
    if probed.identity is None or probed.status is None:
        return
    version, outputs, bits, ticks = probed.identity
    yield f"Identity: map version {version}, {outputs} outputs, {bits}-bit counter, {ticks:g} ticks per mm"
    estop_ok, guard_closed, air_ok = probed.status.interlocks
    yield (
        f"Emergency stop {'healthy' if estop_ok else 'PRESSED'}, guards {'closed' if guard_closed else 'OPEN'}, "
        f"air {'there' if air_ok else 'MISSING'}; encoder count {probed.status.encoder_count}"
    )
    is_stamped = probed.status.clock_us is not None
    yield (
        "Counts carry the controller's clock." if is_stamped else "Counts carry no clock (count_clock): age estimated."
    )
    yield "A station drives it." if probed.held else "No station drives it."
    p50, p99 = (quantile(probed.round_trips_us, share) / 1000 for share in (0.5, 0.99))
    yield f"Round trip: p50 {p50:.2f} ms, p99 {p99:.2f} ms, longest {max(probed.round_trips_us) / 1000:.2f} ms"
    seen = ", ".join(f"{count} {fault}" for fault, count in probed.health.faults) or "none unusable"
    yield f"Answers to {probed.health.requests} requests: {seen}"


def _compare(found: Identity | None, expected: Identity) -> None:
    """Raises MachineMismatch when it is not the expected one."""
    from control.job_ring import pack_identity, unpack_identity
    from control.types import MachineMismatch

    if found != unpack_identity(pack_identity(expected)):
        seen = "no identity of ours" if found is None else str(tuple(found))
        raise MachineMismatch(
            "It is not the controller this station expects: expected (map version, outputs, counter bits, ticks per "
            f"mm) {tuple(expected)}, found {seen}. Check the address, the station file and the controller's program."
        )
