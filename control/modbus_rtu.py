"""One Modbus RTU line that believes an answer only when it can belong to no other request.

RTU carries no transaction number, so an answer that comes after its time-out looks like the answer to the next request.
Three rules keep it out: after anything odd the line is left silent for the longest time an answer can take and its
input thrown away; then a *fence* is read, registers of known value in a number that differs from what was asked before;
and only an input of exactly one whole answer, with nothing before or behind it, counts at all. A controller answers in
order, so whatever was still under way has come out before the fence's own answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from control import job_ring
from control.device_map import Fence
from control.modbus_answers import BUSY, NOT_OUR_MAP, LineHealth, Trip
from control.modbus_serial import AdapterPort, SerialPort
from control.rtu_frames import Answer, LineFault, RtuRequest, judge, read_request, unfinished, write_request
from control.rtu_pace import USUAL_PACE, Pace
from control.types import Identity, MachineLost, MachineMismatch

_PATIENT_FENCES = 3
_NS = 1_000_000_000
# Nothing else that the job ring is asked for has so few registers.
OUR_FENCE = Fence(job_ring.IDENTITY_AT, (job_ring.MAGIC >> 16, job_ring.MAGIC & 0xFFFF), (2, 3, 4))
_ADVICE = {
    LineFault.silent: "nothing came back. Check that the controller is on, the two wires (swap A and B), the baud rate "
    "and the unit number",
    LineFault.echo: "only the station's own words came back, nobody else spoke. Check that the controller is on, the "
    "wires behind the adapter and the unit number",
    LineFault.broken: "its answers break off. Check the plugs, and that nothing else uses this line",
    LineFault.damaged: "what comes back is damaged (checksum). Check baud rate and parity, then the cable's shield, "
    "earth and terminating resistors",
    LineFault.wrong_unit: "another unit answers. Check the unit number here and at the controller",
    LineFault.stray: "answers come that nobody asked for. Check that no other master is on this line and that the "
    "time-outs are not shorter than the controller needs",
}


@dataclass(frozen=True, slots=True)
class RtuSettings:
    """Where the controller is and what it must say it is.

    ``timeout_ms`` is the wait for an answer beyond the time its bytes take on the wire; after that an answer may still
    come for ``longest_reply_ms``. A reading whose round trip took longer than ``max_round_trip_ms`` is not used.
    After ``give_up_ms`` of asking again the controller is lost. ``fence`` is for devices that are not ours.
    """

    device: str
    unit: int
    expected: Identity
    pace: Pace = USUAL_PACE
    timeout_ms: float = 30.0
    longest_reply_ms: float = 30.0
    max_round_trip_ms: float = 40.0
    give_up_ms: float = 100.0
    fence: Fence = OUR_FENCE

    def with_fence(self, fence: Fence) -> RtuSettings:
        """The same for a device with other registers of known value."""
        return replace(self, fence=fence)

    def wire(self, now_ns: Callable[[], int]) -> RtuWire:
        """The line to it, not connected yet."""
        return RtuWire(self, AdapterPort(self.device, *self.pace), now_ns)


class RtuWire:
    """Holding registers of one unit; every failure that ends it closes the port. ``port`` is the seam for fakes."""

    is_thrifty = True

    def __init__(self, settings: RtuSettings, port: SerialPort, now_ns: Callable[[], int]) -> None:
        self._settings = settings
        self._port = port
        self._now_ns = now_ns
        self._gap_ms = settings.pace.gap_ms
        self._is_open = self._is_clean = False
        self._fence_number = 0
        self.jobs_at_once = settings.pace.jobs_at_once
        self.where = f"{settings.device} unit {settings.unit}"
        self.trip = Trip(0, 0, 0, 0)
        self.requests = 0
        self.faults: Counter[LineFault] = Counter()

    def connect(self) -> None:
        """Open the port and fence it off from what was asked before; raises MachineLost, MachineMismatch."""
        self.close()
        self._port.open()
        self._is_open, self._is_clean = True, False
        self._make_clean(0, self._now_ns(), _PATIENT_FENCES)

    def read(self, address: int, count: int, name: str) -> list[int]:
        """``count`` registers from zero-based ``address``; ``name`` is what the block is called in a complaint."""
        answer = self._ask(read_request(self._settings.unit, address, count), name)
        return list(answer.registers)

    def write(self, address: int, registers: Sequence[int], name: str) -> None:
        """Write all ``registers`` in one request."""
        self._ask(write_request(self._settings.unit, address, registers), name)

    def health(self) -> LineHealth:
        """Damaged, missing and stray answers; above one in a hundred the cable wants looking at."""
        return LineHealth(self.requests, tuple((fault.value, count) for fault, count in self.faults.items()))

    def close(self) -> None:
        self._is_open = False
        self._port.close()

    def _ask(self, request: RtuRequest, name: str) -> Answer:
        if not self._is_open:
            self._lose("the line is not open")
        give_up_ns = self._now_ns() + round(self._settings.give_up_ms * 1e6)
        while True:
            if not self._is_clean:
                self._make_clean(request.count, give_up_ns)
            answer = self._try(request)
            if isinstance(answer, Answer) and answer.exception is None:
                return answer
            if isinstance(answer, Answer) and answer.exception not in BUSY:
                self._refuse(answer.exception, name)
            if self._now_ns() >= give_up_ns:
                self._lose_asking(answer, name)

    def _make_clean(self, asked_count: int, give_up_ns: int, fences: int = 1) -> None:
        """Silence, then a fence whose number of registers no answer under way can have; at least ``fences`` of them."""
        known = self._settings.fence.says
        seen: list[tuple[int, ...]] = []
        answer: Answer | LineFault = LineFault.silent
        while fences > 0 or self._now_ns() < give_up_ns:
            fences -= 1
            self._stay_silent()
            answer = self._try(self._fence(asked_count))
            if isinstance(answer, Answer):
                if answer.exception in NOT_OUR_MAP:
                    self._refuse(answer.exception, "the identity block")
                says = answer.registers[: len(known)]
                if says == known:
                    self._is_clean = True
                    return
                seen.append(says)
        if len(seen) == _PATIENT_FENCES and len(set(seen)) == 1:
            self._mismatch(f"its first registers hold {_hex(seen[0])}, ours hold {_hex(known)}")
        self._lose(_ADVICE[answer if isinstance(answer, LineFault) else LineFault.stray])

    def _fence(self, asked_count: int) -> RtuRequest:
        self._fence_number += 1
        fence = self._settings.fence
        counts = [count for count in fence.counts if count != asked_count] or fence.counts
        count = counts[self._fence_number % len(counts)]
        return read_request(self._settings.unit, fence.at, count)

    def _stay_silent(self) -> None:
        """Throw away what comes until the longest answer is over and the line has been quiet for a gap."""
        quiet_ns = self._now_ns() + round(self._settings.longest_reply_ms * 1e6)
        while (left_ns := quiet_ns - self._now_ns()) > 0:
            if self._port.read(left_ns / _NS):
                quiet_ns = max(quiet_ns, self._now_ns() + round(self._gap_ms * 1e6))

    def _try(self, request: RtuRequest) -> Answer | LineFault:
        """Ask once. Anything but one whole answer leaves the line unclean."""
        self.requests += 1
        answer = self._exchange(request) if self._is_quiet() else LineFault.stray
        if isinstance(answer, LineFault):
            self.faults[answer] += 1
            self._is_clean = False
        return answer

    def _is_quiet(self) -> bool:
        """After the last answer a gap of silence, as every station on the line may expect (Modbus over serial line)."""
        until_ns = self.trip.answered_ns + round(self._gap_ms * 1e6)
        while (left_ns := until_ns - self._now_ns()) > 0:
            if self._port.read(left_ns / _NS):
                return False
        return not self._port.read(0.0)

    def _exchange(self, request: RtuRequest) -> Answer | LineFault:
        asked_ns = self._now_ns()
        self._port.write(request.frame)
        wire_ms = self._settings.pace.bytes_ms(len(request.frame) + request.reply_bytes) + self._gap_ms
        until_ns = asked_ns + round((self._settings.timeout_ms + wire_ms) * 1e6)
        received = b""
        while (left_ns := until_ns - self._now_ns()) > 0:
            received += self._port.read(left_ns / _NS)
            answer = judge(request, received)
            if answer is not None:
                self._note(request, asked_ns)
                return answer
        return unfinished(request, received)

    def _note(self, request: RtuRequest, asked_ns: int) -> None:
        """The registers were read after the request had come and before the answer left."""
        answered_ns = self._now_ns()
        there_ns = asked_ns + round(self._settings.pace.bytes_ms(len(request.frame)) * 1e6)
        left_ns = answered_ns - round(self._settings.pace.bytes_ms(request.reply_bytes) * 1e6)
        between = (there_ns, left_ns) if left_ns > there_ns else (asked_ns, answered_ns)
        self.trip = Trip(asked_ns, answered_ns, *between)

    def _refuse(self, code: int | None, name: str) -> NoReturn:
        what = NOT_OUR_MAP.get(code or 0)
        if what is None:
            self._lose(f"a gateway does not reach it (Modbus exception {code}). Check the line behind the gateway")
        self._mismatch(f"{what}, asked for {name} (Modbus exception {code})")

    def _mismatch(self, what: str) -> NoReturn:
        self.close()
        raise MachineMismatch(
            f"Something answers on {self._settings.device} as unit {self._settings.unit} but is not our controller: "
            f"{what}. Check the unit number and the program in the controller."
        )

    def _lose_asking(self, answer: Answer | LineFault, name: str) -> NoReturn:
        if isinstance(answer, LineFault):
            self._lose(f"asked for {name}, {_ADVICE[answer]}")
        code = answer.exception or 0
        self._lose(f"cannot serve {name}: {BUSY[code]} (Modbus exception {code})")

    def _lose(self, what: str) -> NoReturn:
        self.close()
        raise MachineLost(f"The controller on {self._settings.device}, unit {self._settings.unit}: {what}.")


def _hex(registers: Sequence[int]) -> str:
    return " ".join(f"{register:04x}" for register in registers)
