"""From the machine section of a station file to a driver's settings, and what a serial line cannot carry."""

from __future__ import annotations

from collections.abc import Iterator

from control.modbus_rtu import RtuSettings
from control.modbus_wire import ModbusSettings
from control.rtu_pace import Pace
from control.types import Identity
from station.marked import marked
from station.sections import ConfigFile, MachineSection, ModbusRtuSection, ModbusTcpSection

# No whole number of milliseconds: readings meet every phase of a controller's cycle, so that their age can be seen.
_POLL_MS = 9.7
_OFF_PHASE_MS = 0.3
_PARITY = {"none": "N", "even": "E", "odd": "O"}


def machine_settings(machine: MachineSection, expected: Identity) -> ModbusSettings | RtuSettings | None:
    """The settings of its driver; None for a machine that is no device."""
    match machine:
        case ModbusTcpSection():
            return ModbusSettings(machine.host, machine.port, machine.unit, expected, machine.timeout_ms)
        case ModbusRtuSection():
            return RtuSettings(
                machine.port, machine.unit, expected, pace(machine),
                timeout_ms=machine.timeout_ms, longest_reply_ms=machine.longest_reply_ms,
            )  # fmt: skip
        case _:
            return None


def poll_ms(machine: MachineSection) -> float:
    """How often the control process polls this machine."""
    return machine.poll_ms - _OFF_PHASE_MS if isinstance(machine, ModbusRtuSection) else _POLL_MS


def pace(machine: ModbusRtuSection) -> Pace:
    """The speed of its line."""
    return Pace(machine.baud, _PARITY[machine.parity], machine.stop_bits)


def line_contradictions(station: ConfigFile) -> Iterator[str]:
    """What the serial line of this station is too slow for."""
    machine = station.machine
    if not isinstance(machine, ModbusRtuSection):
        return
    line = pace(machine)
    if machine.poll_ms < 1.2 * line.poll_ms:
        sentence = marked(
            "{given} is too short: a poll takes {takes} ms at {baud} baud; use {least} or more, or a faster line"
        )
        takes, least = f"{line.poll_ms:.0f}", f"{1.2 * line.poll_ms:.0f}"
        said = sentence.format(given=machine.poll_ms, takes=takes, baud=machine.baud, least=least)
        yield f"machine.poll_ms  {said}"
    needed_ms = line.look_ahead_ms(machine.poll_ms)
    if station.sorting.min_slack_ms < needed_ms:
        sentence = marked(
            "{given} is too short for this serial line: a job needs up to {needs} ms to reach the controller; use "
            "{least} or more"
        )
        needs = f"{needed_ms:.0f}"
        said = sentence.format(given=f"{station.sorting.min_slack_ms:g}", needs=needs, least=needs)
        yield f"sorting.min_slack_ms  {said}"
