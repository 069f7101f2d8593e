"""The wall clock is a label: whether it can be believed, when it jumped, and what a wrong one explains."""

from __future__ import annotations

import ctypes
from typing import NamedTuple

from station.marked import marked
from station.reporting.context import ClockState

BUILT_NS = 1_793_491_200_000_000_000  # 2026-11-01: no true clock that runs this program shows an earlier time
_STEP_NS = 500_000_000
_TIMEX_BYTES = 208
_STATUS_AT = 40
_STA_UNSYNC = 0x40
_TIME_ERROR = 5


class ClockReading(NamedTuple):
    """``offset_ns`` added to a monotonic instant gives UTC. ``step_ns`` is how far the clock has jumped since the last
    reading, 0 when it has not."""

    offset_ns: int
    state: ClockState
    step_ns: int


class Clock:
    """Told what the wall clock shows, says what to make of it. ``newest_ns`` is the end of the last row that was
    labelled by a clock in order: an earlier time is not believed."""

    def __init__(self, newest_ns: int = 0) -> None:
        self._newest_ns = newest_ns
        self._offset_ns: int | None = None
        self._has_jumped = False

    def read(self, mono_ns: int, wall_ns: int, is_synchronised: bool | None) -> ClockReading:
        """``is_synchronised`` None: this computer does not tell."""
        offset_ns = wall_ns - mono_ns
        step_ns = 0 if self._offset_ns is None else offset_ns - self._offset_ns
        self._offset_ns = offset_ns
        if abs(step_ns) <= _STEP_NS:
            step_ns = 0
        self._has_jumped = self._has_jumped or step_ns != 0
        return ClockReading(offset_ns, self._judge(wall_ns, is_synchronised), step_ns)

    def _judge(self, wall_ns: int, is_synchronised: bool | None) -> ClockState:
        if wall_ns < BUILT_NS:
            return ClockState.impossible
        if wall_ns < self._newest_ns:
            return ClockState.unsure
        if is_synchronised is None:
            return ClockState.unsure if self._has_jumped else ClockState.good
        return ClockState.good if is_synchronised else ClockState.unsure


def is_synchronised() -> bool | None:
    """Whether the kernel's clock follows a reference (Linux ``adjtimex``); None where it cannot be asked."""
    try:
        timex = ctypes.create_string_buffer(_TIMEX_BYTES)
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(timex)
    except (AttributeError, OSError):
        return None
    if answer < 0:
        return None
    status = int.from_bytes(timex.raw[_STATUS_AT : _STATUS_AT + 4], "little")
    return answer != _TIME_ERROR and not status & _STA_UNSYNC


def hold_reason(state: ClockState, shown: str) -> str | None:
    """Why nothing may be sent now, or None. ``shown`` is what the clock shows."""
    if state is not ClockState.impossible:
        return None
    return marked(
        "The computer's clock shows {shown}, which cannot be. Reports are kept and will be sent "
        "once it is right: set the clock or connect a time server; if it comes back, replace the "
        "clock's battery."
    ).format(shown=shown)


def explain_tls(error: str, state: ClockState, shown: str) -> str:
    """What a failed TLS connection means, given the clock: certificates are judged by it."""
    if state is ClockState.impossible:
        return marked(
            "The secure connection failed because the computer's clock shows {shown}: set the clock. ({error})"
        ).format(shown=shown, error=error)
    if "expired" in error or "not yet valid" in error:
        sentence = marked(
            "The certificate does not fit the time {shown} of this computer: compare the clock first. ({error})"
        )
        if state is not ClockState.good:
            sentence = marked(
                "The certificate does not fit the time {shown} of this computer, which nobody vouches for:"
                " compare the clock first. ({error})"
            )
        return sentence.format(shown=shown, error=error)
    return marked("The secure connection was refused: {error}.").format(error=error)
