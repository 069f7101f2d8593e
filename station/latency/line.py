"""The line of the latency bench: the emulated controller, what it truly did, and programs that load the computer."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

from control.modbus_wire import ModbusSettings
from control.types import MachineLost
from hil.emulator import EmulatorSettings, run_emulator
from hil.motion import Motion
from hil.types import EmulatorFailed, EmulatorReady, EmulatorStatus, Mishap, MishapName, ValveEvent
from station import setup
from station.config import Config, ConfigError
from station.crew import Member, start_member
from station.link import open_link

_CONTEXT = multiprocessing.get_context("spawn")
_READY_S = 60.0


def tcp_machine(config: Config) -> ModbusSettings:
    """The controller of a station file; raises ConfigError when it does not speak Modbus TCP."""
    settings = setup.job_ring_settings(config)
    if not isinstance(settings, ModbusSettings):
        raise ConfigError(f"{config.path}  machine.kind  this bench measures a controller of kind 'modbus-tcp'")
    return settings


class BenchLine:
    """An emulated controller with a belt, on a port of its own; ``events`` are its true switchings so far.

    ``device`` is its serial line where the settings ask for one.
    """

    def __init__(self, settings: EmulatorSettings, machine: ModbusSettings) -> None:
        self._settings = settings
        self._wanted = machine
        self._motion = Motion()
        self._member: Member | None = None
        self.machine = machine
        self.device: str | None = None
        self.events: list[ValveEvent] = []
        self.statuses: list[EmulatorStatus] = []

    def __enter__(self) -> Self:
        felt_there, self._felt = open_link()
        end, here = open_link()
        args = (self._settings, self._motion.name, felt_there, end)
        self._member = start_member("controller", run_emulator, args, here)
        felt_there.close()
        end.close()
        try:
            self._await_port()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._member is not None
        self._member.end()
        self._felt.close()
        self._motion.close()

    @property
    def motion(self) -> str:
        """Name of the shared memory in which the belt's truth is."""
        return self._motion.name

    def hear(self) -> None:
        """Take in what the controller did; what is not heard for long is lost to nobody, it waits there."""
        assert self._member is not None
        self.events += [event for event in self._felt.receive() if isinstance(event, ValveEvent)]
        self.statuses += [news for news in self._member.link.receive() if isinstance(news, EmulatorStatus)]

    def pull_cable(self) -> None:
        """From now on nothing reaches the controller and nothing comes from it."""
        assert self._member is not None
        self._member.link.send(Mishap(MishapName.silent, on=True))

    def _await_port(self) -> None:
        assert self._member is not None
        deadline = time.monotonic() + _READY_S  # noqa: TID251 - waiting for a process to come up
        while time.monotonic() < deadline:  # noqa: TID251
            for message in self._member.link.receive():
                if isinstance(message, EmulatorFailed):
                    raise MachineLost(message.sentence)
                if isinstance(message, EmulatorReady):
                    self.machine = replace(self._wanted, port=message.port)
                    self.device = message.device
                    return
            time.sleep(0.01)  # noqa: TID251
        raise MachineLost("The emulated controller did not start; look at the messages above and try again.")


class Hogs:
    """Programs that do nothing but take processor time."""

    def __init__(self, number: int) -> None:
        self._processes: list[BaseProcess] = [
            _CONTEXT.Process(target=_burn, args=(_forever,), daemon=True) for _ in range(number)
        ]

    def __enter__(self) -> Self:
        for process in self._processes:
            process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
            process.join()


def _burn(goes_on: Callable[[], bool]) -> None:
    while goes_on():
        pass


def _forever() -> bool:
    return True
