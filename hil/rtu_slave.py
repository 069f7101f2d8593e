"""A Modbus RTU slave from bytes to bytes: real frames in, real frames out, nothing for frames that are not its own."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Protocol

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterRequest,
    WriteSingleRegisterResponse,
)

_SHORTEST = 4
_MOST_READ = 125


class Registers(Protocol):
    """The memory behind the slave."""

    @property
    def size(self) -> int:
        """Registers there are, from 0."""

    def read(self, address: int, count: int) -> list[int]:
        """Registers of this instant."""

    def write(self, address: int, values: list[int]) -> bool:
        """False when they are not to be written."""


class RtuSlave:
    """Fed with bytes in whatever pieces they come; a pause in them is the end of a frame, as on a real line."""

    def __init__(self, unit: int, registers: Registers, answered: Callable[[bytes], None]) -> None:
        self._unit = unit
        self._registers = registers
        self._answered = answered
        self._framer = FramerRTU(DecodePDU(True))
        self._buffer = b""

    def hear(self, received: bytes) -> None:
        """Take bytes in; every whole request to this unit is answered."""
        self._buffer += received
        while len(self._buffer) >= _SHORTEST:
            used, request = self._framer.handleFrame(self._buffer, self._unit, 0)
            self._buffer = self._buffer[used:]
            if request is not None:
                answer = self._answer(request)
                answer.dev_id = self._unit
                self._answered(self._framer.buildFrame(answer))
            if not used:
                return

    def pause(self) -> None:
        """The line was quiet: what is not a whole frame by now never will be."""
        self._buffer = b""

    def _answer(self, request: ModbusPDU) -> ModbusPDU:
        match request:
            case ReadHoldingRegistersRequest():
                return self._read(request)
            case WriteMultipleRegistersRequest() | WriteSingleRegisterRequest():
                return self._write(request)
            case _:
                return ExceptionResponse(request.function_code, 1)

    def _read(self, request: ReadHoldingRegistersRequest) -> ModbusPDU:
        if not 0 < request.count <= _MOST_READ:
            return ExceptionResponse(request.function_code, 3)
        if request.address + request.count > self._registers.size:
            return ExceptionResponse(request.function_code, 2)
        return ReadHoldingRegistersResponse(registers=self._registers.read(request.address, request.count))

    def _write(self, request: WriteMultipleRegistersRequest | WriteSingleRegisterRequest) -> ModbusPDU:
        values = list(request.registers)
        if not self._registers.write(request.address, values):
            return ExceptionResponse(request.function_code, 2)
        if isinstance(request, WriteSingleRegisterRequest):
            return WriteSingleRegisterResponse(address=request.address, registers=values)
        return WriteMultipleRegistersResponse(address=request.address, count=len(values))


def with_checksum(body: bytes) -> bytes:
    """A frame from its bytes before the CRC."""
    return body + struct.pack(">H", FramerRTU.compute_CRC(body))
