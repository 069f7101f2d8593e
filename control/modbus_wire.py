"""One Modbus TCP connection that says in plain words why it does not work; it never reconnects by itself."""

from __future__ import annotations

import errno
import logging
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU

from control import job_ring
from control.modbus_answers import BUSY, NOT_OUR_MAP, LineHealth, Trip
from control.types import Identity, MachineLost, MachineMismatch

_BUSY_TRIES = 3
_HEADER = struct.Struct(">HHHB")


@dataclass(frozen=True, slots=True)
class ModbusSettings:
    """Where the controller is and what it must say it is.

    ``timeout_ms`` is for each answer once connected; a reading whose round trip took longer than
    ``max_round_trip_ms`` is not used, because nobody knows when in it the encoder was read.
    """

    host: str
    port: int
    unit: int
    expected: Identity
    timeout_ms: float = 100.0
    connect_timeout_ms: float = 800.0
    max_round_trip_ms: float = 20.0

    def wire(self, now_ns: Callable[[], int]) -> ModbusWire:
        """The connection to it, not opened yet."""
        return ModbusWire(self.host, self.port, self.unit, self.timeout_ms, self.connect_timeout_ms, now_ns)


class _Asked(NamedTuple):
    """What was asked for; said only when it goes wrong."""

    name: str
    first: int
    registers: int

    def __str__(self) -> str:
        return f"{self.name} (holding registers {self.first} to {self.first + self.registers - 1})"


class ModbusWire:
    """Holding registers of unit ``unit`` at ``host``:``port``. Every failure closes the connection."""

    is_thrifty = False
    jobs_at_once = job_ring.SLOTS

    def __init__(
        self,
        host: str,
        port: int,
        unit: int,
        timeout_ms: float,
        connect_timeout_ms: float,
        now_ns: Callable[[], int],
    ) -> None:
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it would write a line for every failed poll
        self._unit = unit
        self._address = (host, port)
        self.where = f"{host}:{port}"
        self.trip = Trip(0, 0, 0, 0)
        self._sent_ns = self._heard_ns = 0
        self._now_ns = now_ns
        self._heard = b""
        self._requests = 0
        self._timeout_ms = timeout_ms
        self._connect_timeout_s = connect_timeout_ms / 1000.0
        self._client = ModbusTcpClient(host, port=port, timeout=timeout_ms / 1000.0, retries=0, trace_packet=self._hear)

    def connect(self) -> None:
        """Raises MachineLost when nobody can be reached within ``connect_timeout_ms``."""
        self.close()
        try:
            link = socket.create_connection(self._address, timeout=self._connect_timeout_s)
        except OSError as error:
            raise MachineLost(self._unreachable(error)) from error
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.socket = link

    def read(self, address: int, count: int, name: str) -> list[int]:
        """``count`` registers from zero-based ``address``; ``name`` is what the block is called in a complaint.

        Raises MachineLost, or MachineMismatch when the other side refuses these registers.
        """
        answer = self._ask(
            lambda: self._client.read_holding_registers(address, count=count, device_id=self._unit),
            _Asked(name, address, count),
        )
        if len(answer.registers) != count:
            self._lose(f"The controller at {self.where} sent {len(answer.registers)} registers for {count} of {name}.")
        return list(answer.registers)

    def write(self, address: int, registers: Sequence[int], name: str) -> None:
        """Write all ``registers`` in one request; raises as ``read`` does."""
        self._ask(
            lambda: self._client.write_registers(address, list(registers), device_id=self._unit),
            _Asked(name, address, len(registers)),
        )

    def health(self) -> LineHealth:
        """The network repeats what is lost by itself: here an answer comes, or the connection is lost."""
        return LineHealth(self._requests, ())

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]

    def _ask(self, request: Callable[[], ModbusPDU], asked: _Asked) -> ModbusPDU:
        for _ in range(_BUSY_TRIES):
            answer = self._ask_once(request)
            if not answer.isError():
                return answer
            if answer.exception_code not in BUSY:
                self._refuse(answer.exception_code, asked)
        self._lose(
            f"The controller at {self.where} answers but cannot serve {asked}: {BUSY[answer.exception_code]} "
            f"(Modbus exception {answer.exception_code}). Look at the controller's own fault display and check the "
            "unit number."
        )

    def _ask_once(self, request: Callable[[], ModbusPDU]) -> ModbusPDU:
        if not self._client.connected:
            self._lose(f"There is no connection to the controller at {self.where}.")
        self._requests += 1
        asked_ns = self._now_ns()
        try:
            answer = request()
        except (ConnectionException, ConnectionError):
            self._lose(
                f"The controller at {self.where} closed the connection. Check that it is in RUN and that no other "
                "master has taken its only connection."
            )
        except (ModbusException, OSError):
            self._lose(f"Connected to {self.where}, but {self._seen()}")
        answered_ns = self._now_ns()
        self.trip = Trip(asked_ns, answered_ns, self._sent_ns, self._heard_ns)
        return answer

    def _hear(self, is_sending: bool, packet: bytes) -> bytes:
        """The library's trace hook: what has come since the last request, for the diagnosis, and when."""
        self._heard = b"" if is_sending else packet
        if is_sending:
            self._sent_ns = self._now_ns()
        else:
            self._heard_ns = self._now_ns()
        return packet

    def _seen(self) -> str:
        """What is wrong with an answer that has not come, from the bytes that have."""
        if not self._heard:
            return (
                f"unit {self._unit} has been silent for {self._timeout_ms:.0f} ms. Check that the controller's program "
                "is running, the unit number, and the cable behind the gateway."
            )
        if len(self._heard) < _HEADER.size:
            return "its answer broke off in the header. Check the network for a bad plug or a proxy."
        _number, protocol, length, unit = _HEADER.unpack_from(self._heard)
        if protocol != 0:
            return "what answers there does not speak Modbus TCP. Check the address and the port."
        if len(self._heard) < length + _HEADER.size - 1:
            told = f"{len(self._heard)} of {length + _HEADER.size - 1} bytes"
            return f"its answer broke off after {told}. Check the network for a bad plug or a proxy."
        if unit != self._unit:
            return f"unit {unit} answers for unit {self._unit}. Check the unit number here and in the gateway."
        return "it answers something else than it was asked. Check that its firmware speaks Modbus TCP."

    def _refuse(self, code: int, asked: _Asked) -> NoReturn:
        if code not in NOT_OUR_MAP:
            self._lose(
                f"A gateway answers at {self.where} but does not reach unit {self._unit} (Modbus exception {code}). "
                "Check the unit number and the line behind the gateway."
            )
        self.close()
        raise MachineMismatch(
            f"Something answers at {self.where} but is not our controller: {NOT_OUR_MAP[code]}, asked for {asked} "
            f"(Modbus exception {code}). Check the address, the unit number and the program in the controller."
        )

    def _lose(self, text: str) -> NoReturn:
        self.close()
        raise MachineLost(text)

    def _unreachable(self, error: OSError) -> str:
        if isinstance(error, socket.gaierror):
            return f"The name of the controller, {self._address[0]}, is not known. Check the host in the configuration."
        if error.errno == errno.ECONNREFUSED:
            return f"Nothing listens on {self.where}. Check that the controller is switched on and the port is right."
        return (
            f"No way to the controller at {self.where} ({error}). Check the network cable, the switch and the address."
        )
