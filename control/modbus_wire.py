"""One Modbus TCP connection that says in plain words why it does not work; it never reconnects by itself."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable
from typing import NoReturn

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU

from control.types import MachineLost, MachineMismatch

_BUSY_TRIES = 3
_NOT_OUR_MAP = {
    1: "it does not know the function",
    2: "it has no such registers",
    3: "it refuses the value or the number of registers",
}
_BUSY = {4: "it reports a failure of its own", 5: "it is still working on a request", 6: "it says it is busy"}


class ModbusWire:
    """Holding registers of unit ``unit`` at ``host``:``port``. Every failure closes the connection."""

    def __init__(self, host: str, port: int, unit: int, timeout_ms: float, connect_timeout_ms: float) -> None:
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it would write a line for every failed poll
        self._unit = unit
        self._address = (host, port)
        self._where = f"{host}:{port}"
        self._timeout_ms = timeout_ms
        self._connect_timeout_s = connect_timeout_ms / 1000.0
        self._client = ModbusTcpClient(host, port=port, timeout=timeout_ms / 1000.0, retries=0)

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
            f"{name} (holding registers {address} to {address + count - 1})",
        )
        if len(answer.registers) != count:
            self._lose(f"The controller at {self._where} sent {len(answer.registers)} registers for {count} of {name}.")
        return list(answer.registers)

    def write(self, address: int, registers: list[int], name: str) -> None:
        """Write all ``registers`` in one request; raises as ``read`` does."""
        self._ask(
            lambda: self._client.write_registers(address, registers, device_id=self._unit),
            f"{name} (holding registers {address} to {address + len(registers) - 1})",
        )

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]

    def _ask(self, request: Callable[[], ModbusPDU], name: str) -> ModbusPDU:
        for _ in range(_BUSY_TRIES):
            answer = self._ask_once(request)
            if not answer.isError():
                return answer
            if answer.exception_code not in _BUSY:
                self._refuse(answer.exception_code, name)
        self._lose(
            f"The controller at {self._where} answers but cannot serve {name}: {_BUSY[answer.exception_code]} "
            f"(Modbus exception {answer.exception_code}). Look at the controller's own fault display."
        )

    def _ask_once(self, request: Callable[[], ModbusPDU]) -> ModbusPDU:
        if not self._client.connected:
            self._lose(f"There is no connection to the controller at {self._where}.")
        try:
            return request()
        except (ConnectionException, ConnectionError):
            self._lose(
                f"The controller at {self._where} closed the connection. Check that it is in RUN and that no other "
                "master has taken its only connection."
            )
        except (ModbusException, OSError):
            self._lose(
                f"Connected to {self._where}, but unit {self._unit} has been silent for {self._timeout_ms:.0f} ms. "
                "Check that the controller's program is running, the unit number, and the cable behind the gateway."
            )

    def _refuse(self, code: int, name: str) -> NoReturn:
        if code not in _NOT_OUR_MAP:
            self._lose(
                f"A gateway answers at {self._where} but does not reach unit {self._unit} (Modbus exception {code}). "
                "Check the unit number and the line behind the gateway."
            )
        self.close()
        raise MachineMismatch(
            f"Something answers at {self._where} but is not our controller: {_NOT_OUR_MAP[code]}, asked for {name} "
            f"(Modbus exception {code}). Check the address, the unit number and the program in the controller."
        )

    def _lose(self, text: str) -> NoReturn:
        self.close()
        raise MachineLost(text)

    def _unreachable(self, error: OSError) -> str:
        if isinstance(error, socket.gaierror):
            return f"The name of the controller, {self._address[0]}, is not known. Check the host in the configuration."
        if error.errno == errno.ECONNREFUSED:
            return f"Nothing listens on {self._where}. Check that the controller is switched on and the port is right."
        return (
            f"No way to the controller at {self._where} ({error}). Check the network cable, the switch and the address."
        )
