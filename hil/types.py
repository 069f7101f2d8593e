"""Words of the simulated line: how its belt moves, what goes wrong, what falls where."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class PortTaken(Exception):  # noqa: N818 - lost things are named as facts
    """The emulated controller cannot listen; the text names the address and says what to do."""


class BeltMotion(NamedTuple):
    """The belt at the monotonic instant ``t_ns``: how far it has run since the start, and how fast it runs."""

    t_ns: int
    pos_mm: float
    speed_mm_s: float

    def at(self, now_ns: int) -> float:
        """Belt position in mm at an instant close by."""
        return self.pos_mm + self.speed_mm_s * (now_ns - self.t_ns) * 1e-9


class ValveEvent(NamedTuple):
    """An output of the controller was switched, with the true motion of the belt at that instant."""

    output: int
    on: bool
    t_ns: int
    pos_mm: float
    speed_mm_s: float


class MishapName(StrEnum):
    """What can be made to go wrong on the simulated line.

    For the controller: ``estop guard_open air_low encoder_stuck silent restart``. For the line: ``camera_freeze``
    (the same picture again), ``camera_silent`` (none), ``lens_covered`` (black), and ``air_low`` too. For the emulator
    on a serial device: ``unplugged``, the adapter is pulled, and comes back under another name. For what is
    wired beside: ``valve_dead valve_slow output_stuck encoder_slip`` (2 % of pulses lost) ``encoder_reversed``
    ``encoder_jump`` (once, a million counts) ``drive_signal_lost``. Of the bus: ``slow`` (answers come half a second
    late), ``noise`` (bytes on a serial line are damaged), ``other_master`` (somebody writes our requests),
    ``other_identity`` (after this another controller answers).
    """

    estop = "estop"
    guard_open = "guard_open"
    air_low = "air_low"
    encoder_stuck = "encoder_stuck"
    silent = "silent"
    restart = "restart"
    unplugged = "unplugged"
    camera_freeze = "camera_freeze"
    camera_silent = "camera_silent"
    lens_covered = "lens_covered"
    valve_dead = "valve_dead"
    valve_slow = "valve_slow"
    output_stuck = "output_stuck"
    encoder_slip = "encoder_slip"
    drive_signal_lost = "drive_signal_lost"
    encoder_reversed = "encoder_reversed"
    encoder_jump = "encoder_jump"
    slow = "slow"
    noise = "noise"
    other_master = "other_master"
    other_identity = "other_identity"


class Mishap(NamedTuple):
    """Begin (``on``) or end one; ``restart`` and ``encoder_jump`` happen once, when they are switched on.

    ``output`` is the valve that is ``valve_dead`` or ``valve_slow``, or the one that is ``output_stuck``.
    """

    name: MishapName
    on: bool
    output: int = 8


class HandName(StrEnum):
    """What a technician does at the simulated line with his hands.

    ``clear`` stops the feeder and empties the belt, ``feed`` starts it again. ``lay_board`` lays a ChArUco board into
    the picture, ``lay_pieces`` pieces of known classes onto the belt. ``turn_belt`` turns the belt at rest. ``smear``
    dirties the lens, ``wipe`` cleans it, ``focus`` turns the ring of the lens, ``set_speed`` the knob of the drive.
    """

    clear = "clear"
    feed = "feed"
    lay_board = "lay_board"
    lay_pieces = "lay_pieces"
    turn_belt = "turn_belt"
    smear = "smear"
    wipe = "wipe"
    focus = "focus"
    set_speed = "set_speed"


class LaidPiece(NamedTuple):
    """A piece of class ``label`` is laid ``downstream_mm`` of the datum line (negative: before it), one of about
    ``size_mm`` if that is given."""

    label: str
    downstream_mm: float
    across_mm: float
    size_mm: float | None = None


class Hand(NamedTuple):
    """``mm``: how far the belt is turned; where the board's upper left corner lies from the belt's left edge; how far
    out of focus the lens is on the belt; the share of the drive's speed. ``square_mm`` belongs to the board."""

    name: HandName
    mm: float = 0.0
    square_mm: float = 45.0
    pieces: tuple[LaidPiece, ...] = ()


class EmulatorReady(NamedTuple):
    """The emulated controller listens on this TCP port, or at the other end of this serial device."""

    port: int
    device: str | None = None


class EmulatorFailed(NamedTuple):
    """The emulated controller could not start; one sentence for the operator."""

    sentence: str


class EmulatorStatus(NamedTuple):
    """About once a second: scans since the last one, how late edges and scans were (microseconds), shots so far."""

    scans: int
    late_us_p50: float
    late_us_p99: float
    late_us_max: float
    fifo: bool


class Landed(NamedTuple):
    """A piece and the outlet it truly fell into; ``at_mm`` is the belt position when it passed the datum line."""

    truth_id: int
    label: str
    form: str
    outlet: str
    mass_g: float
    at_mm: float
    across_mm: float


class Truth(NamedTuple):
    """Of one outlet, in pieces: what share of the ``n`` in it belongs there, what share of what belongs there is in it.

    A share is None where there is nothing to divide by.
    """

    purity: float | None
    recovery: float | None
    n: int


class LineFailed(NamedTuple):
    """The simulated line could not start; one sentence for the operator."""

    sentence: str


class LineNews(NamedTuple):
    """What the line tells about itself: pieces landed since the last news, and totals since the start."""

    landed: tuple[Landed, ...]
    fed: int
    exposures: int
    skipped: int
