"""The blocks of ``control.register_map`` as values and as registers, for the driver, the emulator and the tests."""

from __future__ import annotations

import binascii
import struct
from typing import NamedTuple

from control.register_map import (
    BLOCKS,
    COMMAND_AT,
    COMMAND_BLOCK,
    COMMAND_REGISTERS,
    FEEDBACK_BLOCK,
    HEARTBEAT_LIMIT_MS,
    HEARTBEAT_MS,
    IDENTITY_AT,
    IDENTITY_BLOCK,
    IDENTITY_REGISTERS,
    INDEX_MODULUS,
    MAGIC,
    MAP_VERSION,
    REGISTERS,
    RESULT_BLOCK,
    RESULT_REGISTERS,
    RESULTS,
    SLOT_BLOCK,
    SLOT_REGISTERS,
    SLOTS,
    SLOTS_AT,
    SLOTS_PER_WRITE,
    STATUS_AT,
    STATUS_BLOCK,
    STATUS_HEAD_REGISTERS,
    STATUS_REGISTERS,
    WATCHED_HEAD_REGISTERS,
    Block,
    Field,
    Kind,
)
from control.types import Identity, Interlocks, Job, ShotReport, ShotResult

__all__ = [
    "BLOCKS",
    "COMMAND_AT",
    "COMMAND_BLOCK",
    "COMMAND_REGISTERS",
    "FEEDBACK_BLOCK",
    "HEARTBEAT_LIMIT_MS",
    "HEARTBEAT_MS",
    "IDENTITY_AT",
    "IDENTITY_BLOCK",
    "IDENTITY_REGISTERS",
    "INDEX_MODULUS",
    "MAGIC",
    "MAP_VERSION",
    "REGISTERS",
    "RESULTS",
    "RESULT_BLOCK",
    "RESULT_REGISTERS",
    "SLOTS",
    "SLOTS_AT",
    "SLOTS_PER_WRITE",
    "SLOT_BLOCK",
    "SLOT_REGISTERS",
    "STATUS_AT",
    "STATUS_BLOCK",
    "STATUS_HEAD_REGISTERS",
    "STATUS_REGISTERS",
    "WATCHED_HEAD_REGISTERS",
    "Block",
    "Field",
    "Kind",
]

_LETTERS = {Kind.u16: "H", Kind.u32: "I", Kind.u64: "Q"}


def _struct(*fields: Field) -> struct.Struct:
    return struct.Struct(">" + "".join(_LETTERS[field.kind] for field in fields))


_IDENTITY = _struct(*IDENTITY_BLOCK.fields)
_STATUS = _struct(*STATUS_BLOCK.fields)
_FEEDBACK = _struct(*FEEDBACK_BLOCK.fields)
_RESULT = _struct(*RESULT_BLOCK.fields)
_SLOT = _struct(*SLOT_BLOCK.fields[:-1])
_RESULT_CODES = {ShotResult.fired: 1, ShotResult.late: 2, ShotResult.faulted: 3, ShotResult.ignored: 4}
_RESULT_NAMES = {code: result for result, code in _RESULT_CODES.items()}


class StatusBlock(NamedTuple):
    """The controller's status: ``results`` hold the newest RESULTS reports, number n (from 0) at n % RESULTS.

    ``belt_moving``, ``outputs`` and ``felt`` are None where nothing is wired, ``clock_us`` where no clock is kept.
    """

    encoder_count: int
    interlocks: Interlocks
    running: bool
    armed: bool
    heartbeat: int
    read_index: int
    result_index: int
    results: tuple[ShotReport | None, ...]
    belt_moving: bool | None = None
    outputs: int | None = None
    felt: int | None = None
    clock_us: int | None = None

    @property
    def is_watched(self) -> bool:
        """True when the feedback block means anything."""
        return self.outputs is not None or self.felt is not None


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
    """Status, feedback and reports as STATUS_REGISTERS registers."""
    wired = (status.belt_moving is not None, status.outputs is not None, status.felt is not None)
    facts = (
        *status.interlocks, status.running, status.armed, bool(status.belt_moving), *wired, status.clock_us is not None,
    )  # fmt: skip
    bits = sum(bit << n for n, bit in enumerate(facts))
    head = _STATUS.pack(
        status.encoder_count, bits, status.heartbeat, status.read_index, status.result_index, status.clock_us or 0
    )
    feedback = _FEEDBACK.pack(status.outputs or 0, status.felt or 0)
    return _registers(head + feedback + b"".join(map(_pack_report, status.results)))


def unpack_status(registers: list[int]) -> StatusBlock:
    """All of it from STATUS_REGISTERS registers."""
    results = unpack_results(registers[WATCHED_HEAD_REGISTERS:])
    return unpack_head(registers[:WATCHED_HEAD_REGISTERS])._replace(results=tuple(results))


def unpack_head(registers: list[int]) -> StatusBlock:
    """Status without reports, from STATUS_HEAD_REGISTERS registers or, with the feedback, WATCHED_HEAD_REGISTERS.

    Without the feedback's registers what is wired there shows as 0.
    """
    raw = _bytes(registers)
    count, bits, heartbeat, read_index, result_index, clock_us = _STATUS.unpack_from(raw)
    outputs, felt = _FEEDBACK.unpack_from(raw, _STATUS.size) if len(raw) > _STATUS.size else (0, 0)
    interlocks = Interlocks(bool(bits & 1), bool(bits & 2), bool(bits & 4))
    return StatusBlock(
        count, interlocks, bool(bits & 8), bool(bits & 16), heartbeat, read_index, result_index, (),
        belt_moving=bool(bits & 32) if bits & 64 else None,
        outputs=outputs if bits & 128 else None,
        felt=felt if bits & 256 else None,
        clock_us=clock_us if bits & 512 else None,
    )  # fmt: skip


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


def unpack_results(registers: list[int]) -> list[ShotReport | None]:
    """Shot reports from any number of neighbouring places; None where none has been made or its code is unknown."""
    raw = _bytes(registers)
    return [_unpack_report(raw, offset) for offset in range(0, len(raw), _RESULT.size)]


def result_at(place: int) -> int:
    """Address of the first register of a place in the ring of reports, 0 to RESULTS - 1."""
    return RESULT_BLOCK.at + place * RESULT_REGISTERS


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
