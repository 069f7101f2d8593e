"""The register map between station and controller, defined once: driver, emulator and manual all read it here.

Holding registers, zero-based, 32- and 64-bit values high word first. The controller writes the identity and status
blocks, the station the command block and the job slots. Counters and indices run modulo 65536 and never go back.
"""

from __future__ import annotations

import binascii
import struct
from enum import StrEnum
from typing import NamedTuple

from control.types import Identity, Interlocks, Job, ShotReport, ShotResult

MAGIC = 0x53535452
MAP_VERSION = 1

HEARTBEAT_MS = 50
HEARTBEAT_LIMIT_MS = 200
INDEX_MODULUS = 1 << 16
RESULTS = 16
SLOTS = 32
SLOTS_PER_WRITE = 10


class Kind(StrEnum):
    """How a field lies in registers; high word first."""

    u16 = "u16"
    u32 = "u32"
    u64 = "u64"


class Field(NamedTuple):
    """One value of the map. ``bits`` names single bits or codes of it: (number, meaning)."""

    name: str
    kind: Kind
    says: str
    bits: tuple[tuple[int, str], ...] = ()


class Block(NamedTuple):
    """Fields that lie side by side from zero-based register ``at``, ``times`` over; ``writer`` owns them."""

    name: str
    at: int
    times: int
    writer: str
    says: str
    fields: tuple[Field, ...]

    @property
    def registers(self) -> int:
        """Registers of one of its copies."""
        return sum(_WORDS[field.kind] for field in self.fields)


_WORDS = {Kind.u16: 1, Kind.u32: 2, Kind.u64: 4}
_LETTERS = {Kind.u16: "H", Kind.u32: "I", Kind.u64: "Q"}

IDENTITY_BLOCK = Block(
    "identity", 0, 1, "controller", "Who the controller is. Read once at connect; a mismatch is a stop.",
    (
        Field("magic", Kind.u32, f"always {MAGIC:#010x}, the letters SSTR"),
        Field("map_version", Kind.u16, f"version of this map, {MAP_VERSION}"),
        Field("outputs", Kind.u16, "number of outputs, 1 to 64"),
        Field("counter_bits", Kind.u16, "width of the encoder counter, 16 to 32"),
        Field("ticks_per_100_m", Kind.u32, "encoder counts per 100 m of belt"),
        Field("slots", Kind.u16, f"number of job slots, {SLOTS}"),
    ),
)  # fmt: skip
STATUS_BLOCK = Block(
    "status", 16, 1, "controller", "What the controller sees and does. Read at every poll.",
    (
        Field("encoder_count", Kind.u32, "raw count, latched when it is read"),
        Field(
            "state", Kind.u16, "bit set: true",
            (
                (0, "emergency stop chain is healthy"), (1, "guards are closed"), (2, "air pressure is there"),
                (3, "the belt is let run"), (4, "jobs may fire"),
            ),
        ),
        Field("heartbeat", Kind.u16, f"toggles between 0 and 1 every {HEARTBEAT_MS} ms while the program runs"),
        Field("read_index", Kind.u16, "jobs taken since the start, modulo 65536"),
        Field("result_index", Kind.u16, "reports made since the start, modulo 65536"),
    ),
)  # fmt: skip
RESULT_BLOCK = Block(
    "results", 22, RESULTS, "controller",
    f"The newest {RESULTS} reports; report n (from 0) lies in place n modulo {RESULTS}. At most {RESULTS} in 100 ms.",
    (
        Field("job_id", Kind.u32, "the job this is the one answer to"),
        Field(
            "result", Kind.u16, "what became of it; 0 means no report yet",
            (
                (1, "fired"), (2, "late: its count had passed"), (3, "faulted: checksum, outputs or length are wrong"),
                (4, "ignored: not armed, stopped or dropped"),
            ),
        ),
        Field("encoder_count", Kind.u32, "count at which it was fired or judged"),
    ),
)  # fmt: skip
COMMAND_BLOCK = Block(
    "command", 200, 1, "station",
    f"What the station requests. Everything closes when the heartbeat stands still for {HEARTBEAT_LIMIT_MS} ms.",
    (
        Field("heartbeat", Kind.u16, f"toggles between 0 and 1 every {HEARTBEAT_MS} ms"),
        Field(
            "requests", Kind.u16, "granted when a bit rises, kept while it stands",
            ((0, "let the belt run"), (1, "let jobs fire")),
        ),
        Field("write_index", Kind.u16, "jobs written since the start, modulo 65536"),
    ),
)  # fmt: skip
SLOT_BLOCK = Block(
    "slots", 210, SLOTS, "station",
    f"Jobs; job n (from 0) lies in slot n modulo {SLOTS}. The slot is written first, then write_index.",
    (
        Field("id", Kind.u32, "number of the job, answered in its report"),
        Field("open_count", Kind.u32, "encoder count at which the outputs open, modulo the counter's width"),
        Field("length_counts", Kind.u16, "counts after which they close"),
        Field("outputs", Kind.u64, "bit n set: output n"),
        Field("class_code", Kind.u16, "code of the material in the codebook, for displays"),
        Field("flags", Kind.u16, "for displays", ((0, "hazard"), (1, "simulated"))),
        Field("checksum", Kind.u16, "CRC-16 (polynomial 0x1021, start 0) over the fields before, high byte first"),
    ),
)  # fmt: skip
BLOCKS = (IDENTITY_BLOCK, STATUS_BLOCK, RESULT_BLOCK, COMMAND_BLOCK, SLOT_BLOCK)

IDENTITY_AT = IDENTITY_BLOCK.at
IDENTITY_REGISTERS = IDENTITY_BLOCK.registers
STATUS_AT = STATUS_BLOCK.at
STATUS_HEAD_REGISTERS = STATUS_BLOCK.registers
RESULT_REGISTERS = RESULT_BLOCK.registers
STATUS_REGISTERS = STATUS_HEAD_REGISTERS + RESULTS * RESULT_REGISTERS
COMMAND_AT = COMMAND_BLOCK.at
COMMAND_REGISTERS = COMMAND_BLOCK.registers
SLOTS_AT = SLOT_BLOCK.at
SLOT_REGISTERS = SLOT_BLOCK.registers
REGISTERS = SLOTS_AT + SLOTS * SLOT_REGISTERS


def _struct(*fields: Field) -> struct.Struct:
    return struct.Struct(">" + "".join(_LETTERS[field.kind] for field in fields))


_IDENTITY = _struct(*IDENTITY_BLOCK.fields)
_STATUS = _struct(*STATUS_BLOCK.fields)
_RESULT = _struct(*RESULT_BLOCK.fields)
_SLOT = _struct(*SLOT_BLOCK.fields[:-1])
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
    head = unpack_head(registers[:STATUS_HEAD_REGISTERS])
    return head._replace(results=tuple(unpack_results(registers[STATUS_HEAD_REGISTERS:])))


def unpack_head(registers: list[int]) -> StatusBlock:
    """Status from its first STATUS_HEAD_REGISTERS registers, without any report."""
    count, bits, heartbeat, read_index, result_index = _STATUS.unpack(_bytes(registers))
    interlocks = Interlocks(bool(bits & 1), bool(bits & 2), bool(bits & 4))
    return StatusBlock(count, interlocks, bool(bits & 8), bool(bits & 16), heartbeat, read_index, result_index, ())


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
