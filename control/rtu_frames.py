"""Modbus RTU frames: requests as bytes, and a strict judgement of what came back. Pure; framing by pymodbus."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, WriteMultipleRegistersRequest

_READ = 3
_WRITE = 16
_EXCEPTION = 0x80
_EXCEPTION_BYTES = 5
_SHORTEST = 4
_WRITTEN = struct.Struct(">BBHH")


class LineFault(StrEnum):
    """What was wrong with an answer."""

    silent = "silent"
    echo = "echo"
    broken = "broken"
    damaged = "damaged"
    wrong_unit = "wrong unit"
    stray = "stray"


@dataclass(frozen=True, slots=True)
class RtuRequest:
    """One request: its bytes, and how many bytes an answer that grants it has."""

    unit: int
    function: int
    address: int
    count: int
    frame: bytes
    reply_bytes: int


class Answer(NamedTuple):
    """``registers`` of a granted read (empty for a write); else ``exception`` is the code of a refusal."""

    registers: tuple[int, ...]
    exception: int | None = None


_FRAMER = FramerRTU(DecodePDU(False))


def read_request(unit: int, address: int, count: int) -> RtuRequest:
    """Read ``count`` holding registers from zero-based ``address``."""
    pdu = ReadHoldingRegistersRequest(address=address, count=count, dev_id=unit)
    return RtuRequest(unit, _READ, address, count, _FRAMER.buildFrame(pdu), 5 + 2 * count)


def write_request(unit: int, address: int, registers: Sequence[int]) -> RtuRequest:
    """Write ``registers`` from zero-based ``address`` in one request."""
    pdu = WriteMultipleRegistersRequest(address=address, registers=list(registers), dev_id=unit)
    return RtuRequest(unit, _WRITE, address, len(registers), _FRAMER.buildFrame(pdu), 8)


def judge(request: RtuRequest, received: bytes) -> Answer | LineFault | None:
    """The answer when ``received`` is exactly one whole answer to ``request`` and nothing else.

    A fault when it can no longer become one; None while it is not whole yet.
    """
    received = received.removeprefix(request.frame)
    if _is_whole(received, request.unit, request.function | _EXCEPTION, _EXCEPTION_BYTES):
        return Answer((), received[2])
    is_sound = _is_sound(received)
    if len(received) < request.reply_bytes or (request.frame.startswith(received) and not is_sound):
        return None
    if not is_sound:
        return LineFault.stray if _is_sound(received[: request.reply_bytes]) else LineFault.damaged
    if received[0] != request.unit:
        return LineFault.wrong_unit
    return _granted(request, received)


def unfinished(request: RtuRequest, received: bytes) -> LineFault:
    """Why nothing whole has come until the time-out."""
    if not received:
        return LineFault.silent
    if received == request.frame:
        return LineFault.echo
    if len(received) >= _SHORTEST and _is_sound(received):
        return LineFault.wrong_unit if received[0] != request.unit else LineFault.stray
    return LineFault.broken if received[0] == request.unit else LineFault.damaged


def _granted(request: RtuRequest, received: bytes) -> Answer | LineFault:
    if len(received) != request.reply_bytes or received[1] != request.function:
        return LineFault.stray
    if request.function == _WRITE:
        told = _WRITTEN.unpack_from(received)
        return Answer(()) if told == (request.unit, _WRITE, request.address, request.count) else LineFault.stray
    if received[2] != 2 * request.count:
        return LineFault.stray
    return Answer(struct.unpack(f">{request.count}H", received[3:-2]))


def _is_whole(received: bytes, unit: int, function: int, length: int) -> bool:
    return len(received) == length and received[0] == unit and received[1] == function and _is_sound(received)


def _is_sound(frame: bytes) -> bool:
    return FramerRTU.check_CRC(frame[:-2], int.from_bytes(frame[-2:], "big"))
