"""The process that is the simulated controller: real Modbus TCP or RTU in front, a scan thread of 1 kHz behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import threading
import time
from collections import deque
from dataclasses import dataclass

from control.precedence import take_priority
from hil.controller import Controller, ControllerSettings
from hil.drive import DrivenBelt
from hil.emulator_wires import Wire, WireSettings, open_wire
from hil.entry import enter
from hil.felt import Felt
from hil.motion import Motion
from hil.rtu_pty import SerialSettings
from hil.types import EmulatorStatus, Hand, Mishap
from vision.types import Port

_LATE_KEPT = 2000
_MAIL_S = 0.02
_SHORTEST_NAP_NS = 20_000


@dataclass(frozen=True, slots=True)
class EmulatorSettings:
    """``port`` 0 takes any free one; ``fifo_priority`` None asks for no real-time priority.

    With ``serial`` it speaks RTU on a pseudo terminal instead, and ``host`` and ``port`` mean nothing.
    """

    controller: ControllerSettings
    host: str = "127.0.0.1"
    port: int = 5020
    unit: int = 1
    scan_ms: float = 1.0
    fifo_priority: int | None = 50
    serial: SerialSettings | None = None

    @property
    def wire(self) -> WireSettings:
        """What the station speaks to."""
        return WireSettings(self.host, self.port, self.unit, self.serial)


def run_emulator(settings: EmulatorSettings, motion_name: str, valve_events: Port, mishaps: Port) -> None:
    """Process entry. Says ``EmulatorReady`` over ``mishaps``, or ``EmulatorFailed`` and exits with 2.

    Ends with all outputs off on SIGTERM, or when the other end of ``mishaps`` is gone; about once a second it sends
    an ``EmulatorStatus`` there. Each ``ValveEvent`` goes over ``valve_events``; nobody need be at its other end.
    """
    enter(motion_name, mishaps, lambda motion: _serve(settings, motion, valve_events, mishaps))


async def _serve(settings: EmulatorSettings, motion: Motion, valve_events: Port, mishaps: Port) -> None:
    now_ns = time.monotonic_ns()  # noqa: TID251 - process loop
    belt = DrivenBelt(settings.controller.drive, settings.controller.encoder, now_ns, motion.read().pos_mm)
    controller = Controller(settings.controller, belt, motion.write)
    wire = await open_wire(settings.wire, controller)
    scanner = _Scanner(controller, settings, valve_events, mishaps)
    try:
        mishaps.send(wire.ready())
        await _until_told(scanner, wire, controller, mishaps, _below(settings.fifo_priority))
    finally:
        scanner.stop()
        wire.close()


async def _until_told(
    scanner: _Scanner, wire: Wire, controller: Controller, mishaps: Port, fifo_priority: int | None
) -> None:
    """Pass mishaps on until SIGTERM or until somebody is gone.

    This thread is real-time too, below the scan: else it could be put to sleep while it holds the interpreter.
    """
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    gc.collect()
    gc.freeze()
    scanner.start()
    take_priority(fifo_priority)
    while not asked.is_set() and scanner.alive():
        for mishap in mishaps.receive():
            if isinstance(mishap, Mishap):
                wire.suffer(mishap)
                controller.suffer(mishap)
            elif isinstance(mishap, Hand):
                controller.handle(mishap)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), _MAIL_S)


class _Scanner:
    """The thread that scans: at fixed instants, and exactly when an edge is due."""

    def __init__(self, controller: Controller, settings: EmulatorSettings, valve_events: Port, status: Port) -> None:
        self._controller = controller
        self._settings = settings
        self._felt = Felt(valve_events)
        self._status_port = status
        self._late_ns: deque[int] = deque(maxlen=_LATE_KEPT)
        self._fifo = False
        self._edge_ns: int | None = None
        self._scanned_ns = 0
        self._asked = False
        self._thread = threading.Thread(target=self._scan_all, name="scan", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def alive(self) -> bool:
        """False when the parent is gone."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Outputs off, and no scan any more."""
        self._asked = True
        if self._thread.is_alive():
            self._thread.join()
        now_ns = time.monotonic_ns()  # noqa: TID251 - process loop
        self._felt.tell(self._controller.outputs_off(now_ns))

    def _scan_all(self) -> None:
        self._fifo = take_priority(self._settings.fifo_priority)
        period_ns = round(self._settings.scan_ms * 1e6)
        due_ns = time.monotonic_ns()  # noqa: TID251 - process loop
        told_ns, scans = due_ns, 0
        with contextlib.suppress(ConnectionError):
            while not self._asked:
                now_ns = _sleep_until(due_ns)
                self._late_ns.append(now_ns - due_ns)
                edge_ns = self._scan_up_to(now_ns)
                scans += 1
                if now_ns - told_ns > 1_000_000_000:
                    self._status_port.send(self._status(scans))
                    told_ns, scans = now_ns, 0
                due_ns = _next_due(now_ns, due_ns, period_ns, edge_ns)

    def _scan_up_to(self, now_ns: int) -> int | None:
        """Scan at every edge that was due and then now; when the next edge is due.

        Outputs are compare outputs: an edge has its own instant even when this computer wakes the thread after it.
        """
        while self._edge_ns is not None and self._edge_ns < now_ns:
            self._scan(max(self._edge_ns, self._scanned_ns + _SHORTEST_NAP_NS))
        self._scan(max(now_ns, self._scanned_ns))
        return self._edge_ns

    def _scan(self, now_ns: int) -> None:
        switched, self._edge_ns = self._controller.scan(now_ns)
        self._scanned_ns = now_ns
        self._felt.tell(switched)

    def _status(self, scans: int) -> EmulatorStatus:
        late = sorted(self._late_ns)
        p50, p99, worst = (late[min(len(late) - 1, int(share * len(late)))] / 1e3 for share in (0.5, 0.99, 1.0))
        return EmulatorStatus(scans, p50, p99, worst, self._fifo)


def _next_due(now_ns: int, due_ns: int, period_ns: int, edge_ns: int | None) -> int:
    """The next instant on the grid of scans, or the next edge when it comes first; what was missed is not made up."""
    grid_ns = max(due_ns + period_ns, now_ns + _SHORTEST_NAP_NS)
    return grid_ns if edge_ns is None else max(min(grid_ns, edge_ns), now_ns + _SHORTEST_NAP_NS)


def _sleep_until(due_ns: int) -> int:
    """The monotonic time after waking."""
    now_ns = time.monotonic_ns()  # noqa: TID251 - process loop
    if due_ns > now_ns:
        time.sleep((due_ns - now_ns) * 1e-9)  # noqa: TID251 - process loop
        now_ns = time.monotonic_ns()  # noqa: TID251 - process loop
    return now_ns


def _below(priority: int | None) -> int | None:
    return None if priority is None else max(1, priority - 1)
