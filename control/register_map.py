"""The register map between station and controller, defined once: driver, emulator, programs and manual read it here.

Holding registers, zero-based, 32- and 64-bit values high word first. The controller writes the identity, status,
feedback and report blocks, the station the command block and the job slots. Counters and indices run modulo 65536.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

MAGIC = 0x53535452
MAP_VERSION = 2

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
                (3, "the belt is let run"), (4, "jobs may fire"), (5, "the drive says that the belt moves"),
                (6, "the drive's signal is wired"), (7, "outputs are read back"),
                (8, "sensors behind outputs are wired"), (9, "count_clock is kept"),
            ),
        ),
        Field("heartbeat", Kind.u16, f"toggles between 0 and 1 every {HEARTBEAT_MS} ms while the program runs"),
        Field("read_index", Kind.u16, "jobs taken since the start, modulo 65536"),
        Field("result_index", Kind.u16, "reports made since the start, modulo 65536"),
        Field(
            "count_clock", Kind.u32,
            "microseconds of a free-running clock, never set, when encoder_count was latched; true to 0.1 ms",
        ),
    ),
)  # fmt: skip
FEEDBACK_BLOCK = Block(
    "feedback", 24, 1, "controller", "What is wired to watch the outputs; bits of the state say what of it counts.",
    (
        Field("outputs", Kind.u64, "bit n set: output n is on, read back at its terminal"),
        Field("felt", Kind.u64, "bit n flips whenever the sensor behind output n feels a hit"),
    ),
)  # fmt: skip
RESULT_BLOCK = Block(
    "results", 32, RESULTS, "controller",
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
BLOCKS = (IDENTITY_BLOCK, STATUS_BLOCK, FEEDBACK_BLOCK, RESULT_BLOCK, COMMAND_BLOCK, SLOT_BLOCK)

IDENTITY_AT = IDENTITY_BLOCK.at
IDENTITY_REGISTERS = IDENTITY_BLOCK.registers
STATUS_AT = STATUS_BLOCK.at
STATUS_HEAD_REGISTERS = STATUS_BLOCK.registers
RESULT_REGISTERS = RESULT_BLOCK.registers
WATCHED_HEAD_REGISTERS = STATUS_HEAD_REGISTERS + FEEDBACK_BLOCK.registers
STATUS_REGISTERS = WATCHED_HEAD_REGISTERS + RESULTS * RESULT_REGISTERS
COMMAND_AT = COMMAND_BLOCK.at
COMMAND_REGISTERS = COMMAND_BLOCK.registers
SLOTS_AT = SLOT_BLOCK.at
SLOT_REGISTERS = SLOT_BLOCK.registers
REGISTERS = SLOTS_AT + SLOTS * SLOT_REGISTERS
