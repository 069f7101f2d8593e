"""The emulated controller alone, for a bench without a PLC: on the address of the station file or a serial device."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from control.types import MachineLost
from hil.controller import ControllerSettings
from hil.drive import DriveSettings, EncoderSettings
from hil.emulator import EmulatorSettings, run_emulator
from hil.motion import Motion
from hil.rtu_pty import SerialSettings
from hil.types import EmulatorFailed, EmulatorReady, EmulatorStatus
from station import setup
from station.config import Config
from station.crew import Member, start_member
from station.link import open_link
from station.sections import ModbusRtuSection, ModbusTcpSection

_READY_S = 30.0
_LIMIT_MARGIN = 1.2
_LOOK_S = 0.02


class Bench(NamedTuple):
    """A running emulator: where it is reached, and its process with the link that its news come over."""

    where: str
    member: Member


@contextmanager
def emulated(config: Config, speed_mm_s: float, link: Path | None, tcp: tuple[str, int] | None) -> Iterator[Bench]:
    """Started when entered, ended when left. Raises MachineLost when it cannot listen.

    The station file says whether it speaks TCP or RTU; ``tcp`` (host, port) puts it on another address, ``link`` is a
    name for the serial device.
    """
    motion = Motion()
    (events, their_events), (here, there) = open_link(), open_link()
    settings = emulator_settings(config, speed_mm_s, link, tcp)
    member = start_member("controller", run_emulator, (settings, motion.name, their_events, there), here)
    their_events.close()
    there.close()
    events.close()
    try:
        yield Bench(_where(settings, _await(member)), member)
    finally:
        member.end()
        motion.close()


def emulator_settings(
    config: Config, speed_mm_s: float, link: Path | None, tcp: tuple[str, int] | None
) -> EmulatorSettings:
    """An emulator that is what this station expects."""
    identity, machine = setup.expected_identity(config), config.file.machine
    longest_on_ms = (config.file.sorting.max_pulse_ms * _LIMIT_MARGIN,) * identity.outputs
    encoder = EncoderSettings(identity.ticks_per_mm, identity.counter_bits)
    controller = ControllerSettings(longest_on_ms, DriveSettings(speed_mm_s=speed_mm_s), encoder)
    match machine:
        case ModbusRtuSection() if tcp is None:
            return EmulatorSettings(controller, unit=machine.unit, serial=SerialSettings(link, machine.baud))
        case ModbusTcpSection() if tcp is None:
            return EmulatorSettings(controller, machine.host, machine.port, machine.unit)
        case _:
            host, port = tcp or ("127.0.0.1", 0)
            return EmulatorSettings(controller, host, port)


def news(bench: Bench) -> Iterator[EmulatorStatus]:
    """What the emulator says about itself, about once a second, until it ends."""
    while bench.member.process.is_alive():
        try:
            messages = bench.member.link.receive()
        except ConnectionError:
            return
        yield from (message for message in messages if isinstance(message, EmulatorStatus))
        time.sleep(_LOOK_S)  # noqa: TID251 - waiting for news of a process


def _await(member: Member) -> EmulatorReady:
    deadline = time.monotonic() + _READY_S  # noqa: TID251 - waiting for a process to come up
    while time.monotonic() < deadline:  # noqa: TID251
        try:
            messages = member.link.receive()
        except ConnectionError:
            break
        for message in messages:
            if isinstance(message, EmulatorFailed):
                raise MachineLost(message.sentence)
            if isinstance(message, EmulatorReady):
                return message
        time.sleep(_LOOK_S)  # noqa: TID251
    raise MachineLost("The emulated controller did not start; look at the messages above and try again.")


def _where(settings: EmulatorSettings, ready: EmulatorReady) -> str:
    if ready.device is not None:
        return f"Modbus RTU on {ready.device}, unit {settings.unit}"
    return f"Modbus TCP on {settings.host}:{ready.port}, unit {settings.unit}"
