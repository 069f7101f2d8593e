"""The register map between station and controller, defined once: driver, emulator and manual all read it here.

Holding registers, zero-based, 32- and 64-bit values high word first. The controller writes the identity and status
blocks, the station the command block and the job slots. Counters and indices run modulo 65536 and never go back.
"""

from __future__ import annotations

import binascii
import struct
from typing import NamedTuple

from control.types import Identity, Interlocks, Job, ShotReport, ShotResult

MAGIC = 0x53535452
MAP_VERSION = 1

IDENTITY_AT = 0
IDENTITY_REGISTERS = 8
STATUS_AT = 16
RESULTS = 16
STATUS_REGISTERS = 6 + 5 * RESULTS
COMMAND_AT = 200
COMMAND_REGISTERS = 3
SLOTS_AT = 210
SLOTS = 32
SLOT_REGISTERS = 12
SLOTS_PER_WRITE = 10
REGISTERS = SLOTS_AT + SLOTS * SLOT_REGISTERS

HEARTBEAT_MS = 50
HEARTBEAT_LIMIT_MS = 200
INDEX_MODULUS = 1 << 16

_IDENTITY = struct.Struct(">IHHHIH")
_STATUS = struct.Struct(">IHHHH")
_RESULT = struct.Struct(">IHI")
_SLOT = struct.Struct(">IIHQHH")
_RESULT_CODES = {ShotResult.fired: 1, ShotResult.late: 2, ShotResult.faulted: 3, ShotResult.ignored: 4}
_RESULT_NAMES = {code: result for result, code in _RESULT_CODES.items()}


class StatusBlock(NamedTuple):
    """The controller's status: ``results`` hold the newest RESULTS reports, number n (from 0) at n % RESULTS."""

    encoder_count: int
    interlocks: Interlocks
    running: bool
    armed: bool
    heartbeat: int
    read_index: int
    result_index: int
    results: tuple[ShotReport | None, ...]


class CommandBlock(NamedTuple):
    """The station's requests; ``write_index`` counts the jobs written since the controller's start."""

    heartbeat: int
    run: bool
    armed: bool
    write_index: int


def pack_identity(identity: Identity) -> list[int]:
    """Identity block as 8 registers; ticks per mm travel as ticks per 100 m."""
    scaled = round(identity.ticks_per_mm * 100_000)
    return _registers(
        _IDENTITY.pack(MAGIC, identity.map_version, identity.outputs, identity.counter_bits, scaled, SLOTS)
    )


def unpack_identity(registers: list[int]) -> Identity | None:
    """Identity from 8 registers; None when the magic is not ours."""
    magic, version, outputs, bits, scaled, _slots = _IDENTITY.unpack(_bytes(registers))
    return Identity(version, outputs, bits, scaled / 100_000) if magic == MAGIC else None


def pack_status(status: StatusBlock) -> list[int]:
    """Status block as STATUS_REGISTERS registers."""
    bits = sum(bit << n for n, bit in enumerate((*status.interlocks, status.running, status.armed)))
    head = _STATUS.pack(status.encoder_count, bits, status.heartbeat, status.read_index, status.result_index)
    return _registers(head + b"".join(map(_pack_report, status.results)))


def unpack_status(registers: list[int]) -> StatusBlock:
    """Status block from STATUS_REGISTERS registers."""
    raw = _bytes(registers)
    count, bits, heartbeat, read_index, result_index = _STATUS.unpack_from(raw)
    estop_ok, guard_closed, air_ok, running, armed = (bool(bits >> n & 1) for n in range(5))
    results = tuple(_unpack_report(raw, _STATUS.size + n * _RESULT.size) for n in range(RESULTS))
    interlocks = Interlocks(estop_ok, guard_closed, air_ok)
    return StatusBlock(count, interlocks, running, armed, heartbeat, read_index, result_index, results)


def pack_command(command: CommandBlock) -> list[int]:
    """Command block as 3 registers."""
    return [command.heartbeat, command.run | command.armed << 1, command.write_index]


def unpack_command(registers: list[int]) -> CommandBlock:
    """Command block from 3 registers."""
    heartbeat, bits, write_index = registers
    return CommandBlock(heartbeat, bool(bits & 1), bool(bits & 2), write_index)


def pack_job(job: Job) -> list[int]:
    """One slot as 12 registers, closed by a CRC-16 (CCITT, polynomial 0x1021, start 0) over the first eleven."""
    body = _SLOT.pack(job.id, job.open_count, job.length_counts, job.outputs, job.class_code, job.flags)
    return [*_registers(body), binascii.crc_hqx(body, 0)]


def unpack_job(registers: list[int]) -> Job | None:
    """Job from 12 registers; None when the checksum does not match."""
    body = _bytes(registers[:-1])
    return Job(*_SLOT.unpack(body)) if binascii.crc_hqx(body, 0) == registers[-1] else None


def slot_at(index: int) -> int:
    """Address of the first register of the slot that job number ``index`` uses."""
    return SLOTS_AT + index % SLOTS * SLOT_REGISTERS


def _pack_report(report: ShotReport | None) -> bytes:
    if report is None:
        return _RESULT.pack(0, 0, 0)
    return _RESULT.pack(report.job_id, _RESULT_CODES[report.result], report.encoder_count)


def _unpack_report(raw: bytes, offset: int) -> ShotReport | None:
    job_id, code, count = _RESULT.unpack_from(raw, offset)
    result = _RESULT_NAMES.get(code)
    return None if result is None else ShotReport(job_id, result, count)


def _registers(raw: bytes) -> list[int]:
    return list(struct.unpack(f">{len(raw) // 2}H", raw))


def _bytes(registers: list[int]) -> bytes:
    return struct.pack(f">{len(registers)}H", *registers)
