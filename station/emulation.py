"""The controller of a station, emulated: the process that plays it, and that process alone, for a bench without one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, assert_never

from control.coil_settings import CoilSettings
from control.modbus_rtu import RtuSettings
from control.modbus_wire import ModbusSettings
from control.serial_machine import SerialBoardSettings
from control.types import MachineLost
from hil.board_bench import BoardReady, BoardSettings, run_board
from hil.controller import ControllerSettings
from hil.coupler import CouplerSettings
from hil.coupler_process import CouplerProcessSettings, run_coupler
from hil.drive import DriveSettings, EncoderSettings
from hil.emulator import EmulatorSettings, run_emulator
from hil.motion import Motion
from hil.rtu_pty import SerialSettings
from hil.types import EmulatorFailed, EmulatorReady, EmulatorStatus, ValveEvent
from station import setup
from station.config import Config, ConfigError
from station.crew import Member, start_member
from station.link import Link, open_link

_READY_S = 30.0
_LOOK_S = 0.02
_NEWS_NS = 1_000_000_000

Emulated = EmulatorSettings | BoardSettings | CouplerProcessSettings
_PROCESSES: dict[type, Callable[..., None]] = {
    EmulatorSettings: run_emulator,
    BoardSettings: run_board,
    CouplerProcessSettings: run_coupler,
}


class Bench(NamedTuple):
    """A running emulator: where it is reached, its process with the link that its news come over, its outputs."""

    where: str
    member: Member
    outputs: Link


def emulated_machine(config: Config, drive: DriveSettings, encoder: EncoderSettings) -> Emulated:
    """What plays the machine this station is set up for, at its own address; raises ConfigError where nothing can."""
    machine = setup.machine_settings(config)
    controller = ControllerSettings(setup.longest_on_ms(config), drive, encoder)
    match machine:
        case ModbusSettings():
            return EmulatorSettings(controller, machine.host, machine.port, machine.unit)
        case RtuSettings():
            serial = SerialSettings(Path(machine.device), machine.pace.baud)
            return EmulatorSettings(controller, unit=machine.unit, serial=serial)
        case SerialBoardSettings():
            return BoardSettings(controller, Path(machine.port), baud=machine.baud if machine.is_uart else None)
        case CoilSettings():
            return _coupler(config, machine, drive, encoder)
        case _:
            assert_never(machine)


def process_of(settings: Emulated) -> Callable[..., None]:
    """The entry of the process that these settings are for."""
    return _PROCESSES[type(settings)]


@contextmanager
def emulated(config: Config, speed_mm_s: float, link: Path | None, tcp: tuple[str, int] | None) -> Iterator[Bench]:
    """Started when entered, ended when left. Raises MachineLost when it cannot listen.

    The station file says what it is; ``tcp`` (host, port) puts it on another address, ``link`` is another name for the
    serial device. Raises ConfigError where that makes no sense.
    """
    identity = setup.expected_identity(config)
    encoder = EncoderSettings(identity.ticks_per_mm, identity.counter_bits)
    settings = _moved(config, emulated_machine(config, DriveSettings(speed_mm_s=speed_mm_s), encoder), link, tcp)
    motion = Motion()
    (events, their_events), (here, there) = open_link(), open_link()
    member = start_member("controller", process_of(settings), (settings, motion.name, their_events, there), here)
    their_events.close()
    there.close()
    try:
        yield Bench(_where(settings, _await(member)), member, events)
    finally:
        member.end()
        events.close()
        motion.close()


def news(bench: Bench) -> Iterator[str]:
    """What the emulator did, a line about once a second, until it ends."""
    opened = 0
    told_ns = time.monotonic_ns()  # noqa: TID251 - waiting for news of a process
    scans = ""
    while bench.member.process.is_alive():
        try:
            messages = bench.member.link.receive()
            opened += sum(isinstance(event, ValveEvent) and event.on for event in bench.outputs.receive())
        except ConnectionError:
            return
        for message in messages:
            if isinstance(message, EmulatorStatus):
                late = f"late by {message.late_us_p50:.0f} us, p99 {message.late_us_p99:.0f} us"
                scans = f"; {message.scans} scans, {late}"
        now_ns = time.monotonic_ns()  # noqa: TID251 - waiting for news of a process
        if now_ns - told_ns >= _NEWS_NS:
            yield f"outputs opened {opened} times{scans}"
            opened, told_ns = 0, now_ns
        time.sleep(_LOOK_S)  # noqa: TID251 - waiting for news of a process


def _coupler(
    config: Config, machine: CoilSettings, drive: DriveSettings, encoder: EncoderSettings
) -> CouplerProcessSettings:
    """Where nothing is wired for an interlock, the emulated plant has it at a place of its own."""
    free = max(bit or 0 for bit in (machine.estop_input, machine.guard_input, machine.air_input)) + 1
    wired = (machine.guard_input, machine.air_input)
    guard, air = (free + n if bit is None else bit for n, bit in enumerate(wired))
    if machine.run_output is None:
        raise ConfigError(f"{config.path}  machine.run_output  an emulated belt runs only when it is asked to: add it")
    if machine.encoder.host is not None:
        raise ConfigError(f"{config.path}  machine.encoder_host  only an encoder on the coupler itself can be emulated")
    coupler = CouplerSettings(
        machine.coupler,
        machine.encoder,
        machine.expected.counter_bits,
        machine.expected.outputs,
        machine.run_output,
        (machine.estop_input, guard, air),
    )
    return CouplerProcessSettings(coupler, drive, encoder, machine.host, machine.port, machine.unit)


def _moved(config: Config, settings: Emulated, link: Path | None, tcp: tuple[str, int] | None) -> Emulated:
    """At another address; a job ring may go from the serial line to the network for a bench without adapters."""
    if isinstance(settings, BoardSettings):
        if tcp is not None:
            raise ConfigError(
                f"{config.path}  machine.kind  a serial board speaks on a serial port only: leave out --tcp"
            )
        return settings if link is None else replace(settings, port=link)
    if tcp is not None:
        settings = replace(settings, host=tcp[0], port=tcp[1])
    if isinstance(settings, EmulatorSettings) and settings.serial is not None:
        serial = settings.serial if link is None else replace(settings.serial, link=link)
        return replace(settings, serial=None if tcp else serial)
    if link is not None:
        raise ConfigError(f"{config.path}  machine.kind  this machine is reached over the network: leave out --link")
    return settings


def _await(member: Member) -> EmulatorReady | BoardReady:
    deadline = time.monotonic() + _READY_S  # noqa: TID251 - waiting for a process to come up
    while time.monotonic() < deadline:  # noqa: TID251
        try:
            messages = member.link.receive()
        except ConnectionError:
            break
        for message in messages:
            if isinstance(message, EmulatorFailed):
                raise MachineLost(message.sentence)
            if isinstance(message, EmulatorReady | BoardReady):
                return message
        time.sleep(_LOOK_S)  # noqa: TID251
    raise MachineLost("The emulated controller did not start; look at the messages above and try again.")


def _where(settings: Emulated, ready: EmulatorReady | BoardReady) -> str:
    if isinstance(ready, BoardReady):
        return f"Serial board on {ready.port}, its firmware on {ready.runs_on}"
    if isinstance(settings, BoardSettings):
        raise MachineLost("The emulated board says that it is none; look at the messages above and try again.")
    if ready.device is not None:
        return f"Modbus RTU on {ready.device}, unit {settings.unit}"
    what = "Coupler, Modbus TCP" if isinstance(settings, CouplerProcessSettings) else "Modbus TCP"
    return f"{what} on {settings.host}:{ready.port}, unit {settings.unit}"
