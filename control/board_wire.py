"""Frames between station and serial board, defined once for the driver; ``hil/firmware/board.py`` says the same.

A frame is COBS (Cheshire and Baker 1999: no zero inside, a zero at its end) over kind, number, body and CRC-32, all
little endian. The station asks, the board answers with the number it was asked with. After HELLO every frame of the
station carries the whole state it wants, so that a lost one does no harm:

    HELLO     nonce u32                                                  -> IDENTITY  a new session, everything off
    POLL      session u16, heartbeat u8, requests u8, reports read u16   -> STATUS
    JOBS      the same, first job number u16, jobs                       -> nothing; STATUS says what was taken
    IDENTITY  nonce u32, magic u32, version u16, outputs u8, counter bits u8, ticks per 100 m u32
    STATUS    microseconds u32 (30 bits), count u32, state u8, next job number u16, room u8, damaged frames u16,
              number of the first report u16, levels of the output pins u64, reports (job u32, result u8, count u32)
    STRANGER  the board knows no such session: it has started anew
    DAMAGED   with number 0: something came that was no frame
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Sequence
from typing import NamedTuple

from control.types import Identity, Interlocks, Job, ShotReport, ShotResult

MAGIC = 0x53535442
VERSION = 2
HELLO, POLL, JOBS = 1, 2, 3
IDENTITY, STATUS, STRANGER, DAMAGED = 0x81, 0x82, 0x83, 0x84
HEARTBEAT_MS = 50
HEARTBEAT_LIMIT_MS = 200
JOBS_PER_FRAME = 8
INDEX_MODULUS = 1 << 16
CLOCK_BITS = 30

_HEAD = struct.Struct("<HBBH")
_INDEX = struct.Struct("<H")
_JOB = struct.Struct("<IIHQHH")
_IDENTITY = struct.Struct("<IIHBBI")
_STATUS = struct.Struct("<IIBHBHHQ")
_REPORT = struct.Struct("<IBI")
_CRC = struct.Struct("<I")
_RESULTS = {1: ShotResult.fired, 2: ShotResult.late, 3: ShotResult.faulted, 4: ShotResult.ignored}


class Frame(NamedTuple):
    """One whole frame."""

    kind: int
    number: int
    body: bytes


class Head(NamedTuple):
    """What the station wants, in every frame of a session; ``reports_read`` is the number of the next report."""

    session: int
    heartbeat: int
    run: bool
    armed: bool
    reports_read: int


class BoardStatus(NamedTuple):
    """The board's answer to a poll; ``reports`` are the oldest it has, from number ``first_report`` on.

    ``outputs`` is the mask of output pins that are high, read back from the pins themselves.
    """

    clock_us: int
    encoder_count: int
    interlocks: Interlocks
    running: bool
    armed: bool
    next_job: int
    room: int
    damaged: int
    first_report: int
    outputs: int
    reports: tuple[ShotReport, ...]


class Deframer:
    """Bytes in, whole frames out; ``damaged`` counts the blocks that were no frame."""

    def __init__(self) -> None:
        self._heard = b""
        self.damaged = 0

    def feed(self, data: bytes) -> list[Frame]:
        """All frames that are whole now."""
        *blocks, self._heard = (self._heard + data).split(b"\0")
        self._heard = self._heard[-512:]
        frames = [unseal(block) for block in blocks if block]
        self.damaged += frames.count(None)
        return [frame for frame in frames if frame is not None]


def seal(frame: Frame) -> bytes:
    """A frame as it travels."""
    raw = bytes((frame.kind, frame.number)) + frame.body
    raw += _CRC.pack(binascii.crc32(raw))
    return b"".join(bytes((len(part) + 1,)) + part for part in raw.split(b"\0")) + b"\0"


def unseal(block: bytes) -> Frame | None:
    """What stood between two zeros; None when it was damaged."""
    parts = []
    at = 0
    while at < len(block):
        step = block[at]
        if at + step > len(block):
            return None
        parts.append(block[at + 1 : at + step])
        at += step
    raw = b"\0".join(parts)
    if len(raw) < 6 or _CRC.unpack(raw[-4:])[0] != binascii.crc32(raw[:-4]):
        return None
    return Frame(raw[0], raw[1], raw[2:-4])


def pack_head(head: Head) -> bytes:
    """The body of a poll, and the beginning of every other frame of a session."""
    return _HEAD.pack(head.session, head.heartbeat, head.run | head.armed << 1, head.reports_read)


def pack_jobs(first: int, jobs: Sequence[Job]) -> bytes:
    """What follows the head: at most JOBS_PER_FRAME jobs, numbered from ``first``."""
    return _INDEX.pack(first) + b"".join(
        _JOB.pack(job.id, job.open_count, job.length_counts, job.outputs, job.class_code, job.flags) for job in jobs
    )


def unpack_identity(body: bytes) -> tuple[int, Identity] | None:
    """(nonce, identity) of an IDENTITY frame; None when its magic or length is not ours."""
    if len(body) != _IDENTITY.size:
        return None
    nonce, magic, version, outputs, bits, scaled = _IDENTITY.unpack(body)
    return (nonce, Identity(version, outputs, bits, scaled / 100_000)) if magic == MAGIC else None


def unpack_status(body: bytes) -> BoardStatus | None:
    """The status of a STATUS frame; None when it is not one of ours."""
    if len(body) < _STATUS.size or (len(body) - _STATUS.size) % _REPORT.size:
        return None
    clock_us, count, bits, next_job, room, damaged, first, outputs = _STATUS.unpack_from(body)
    found = [_REPORT.unpack_from(body, at) for at in range(_STATUS.size, len(body), _REPORT.size)]
    if any(code not in _RESULTS for _job, code, _count in found):
        return None
    estop_ok, guard_closed, air_ok, running, armed = (bool(bits >> n & 1) for n in range(5))
    reports = tuple(ShotReport(job, _RESULTS[code], at_count) for job, code, at_count in found)
    interlocks = Interlocks(estop_ok, guard_closed, air_ok)
    return BoardStatus(clock_us, count, interlocks, running, armed, next_job, room, damaged, first, outputs, reports)
