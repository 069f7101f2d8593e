"""The belt scale beside a run: read now and then by a thread of its own, so that nothing ever waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

from control.belt_scale import BeltScale, ScaleSettings, Weighed
from control.device_map import Fence
from control.modbus_answers import Wire
from control.modbus_rtu import RtuSettings
from control.modbus_wire import ModbusWire
from control.rtu_pace import Pace
from control.types import Identity, MachineLost, MachineMismatch
from station.config import Config
from station.device_files import device_map
from station.sections import ScaleSection

_log = logging.getLogger(__name__)
_REOPEN_S = 5.0
_CONNECT_MS = 2000.0
_NOBODY = Identity(0, 0, 0, 0.0)
_PARITY = {"none": "N", "even": "E", "odd": "O"}


class ScaleChoice(NamedTuple):
    """A scale, not connected yet, and how often it is read."""

    scale: BeltScale
    poll_s: float


def scale_of(config: Config) -> ScaleChoice | None:
    """The scale of a station; None when it has none."""
    section, device = config.file.scale, config.scale_device
    if section is None or device is None:
        return None
    places = device_map(device)
    settings = ScaleSettings(section.roll_over_kg, section.max_kg_s)
    now_ns = time.monotonic_ns  # noqa: TID251 - the driver's clock
    wire = _wire(section, places.fence, now_ns)
    return ScaleChoice(BeltScale(wire, places, settings, section.kg_per_unit, now_ns), section.poll_s)


def _wire(section: ScaleSection, fence: Fence | None, now_ns: Callable[[], int]) -> Wire:
    """The way to the scale: a line of its own, or the network."""
    if section.port is None:
        reply_ms = float(section.longest_reply_ms)
        return ModbusWire(section.host or "", section.tcp_port, section.unit, reply_ms, _CONNECT_MS, now_ns)
    rtu = RtuSettings(
        section.port, section.unit, _NOBODY, Pace(section.baud, _PARITY[section.parity], section.stop_bits),
        timeout_ms=section.longest_reply_ms, longest_reply_ms=section.longest_reply_ms,
        give_up_ms=4.0 * section.longest_reply_ms,
    )  # fmt: skip
    return (rtu if fence is None else rtu.with_fence(fence)).wire(now_ns)


class ScaleWatch:
    """Reads while it is entered. A scale that is lost is opened again; what it weighed meanwhile is in its total."""

    def __init__(self, choice: ScaleChoice | None) -> None:
        self._choice = choice
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self.weighed: Weighed | None = None
        self.trouble: str | None = None

    def __enter__(self) -> Self:
        if self._choice is not None:
            self._thread = threading.Thread(target=self._keep, args=(self._choice,), name="scale", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def _keep(self, choice: ScaleChoice) -> None:
        is_open = False
        while not self._done.is_set():
            try:
                if not is_open:
                    choice.scale.open()
                    is_open = True
                self.weighed = choice.scale.read()
                self.trouble = None
            except (MachineLost, MachineMismatch) as lost:
                is_open = False
                self._complain(str(lost))
            self._done.wait(choice.poll_s if is_open else _REOPEN_S)
        choice.scale.close()

    def _complain(self, trouble: str) -> None:
        """Once for each cause."""
        if trouble != self.trouble:
            _log.warning("the belt scale: %s", trouble)
        self.trouble = trouble
