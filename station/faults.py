"""Faults as data: what each one does to the station, what the operator reads, what the technician tries.

Numbers are those of the published fault list; tests and the manual cite them. The page, the state machine and the
tests all read the one table below.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from station.marked import marked
from station.types import ActiveFault


class Effect(StrEnum):
    """From mild to severe. Only ``stop`` latches: it stays until a person resets it."""

    note = "note"
    degrade = "degrade"
    bypass = "bypass"
    pause = "pause"
    stop = "stop"


EFFECT_WORDS: Mapping[Effect, str] = {
    Effect.note: marked("Sorting goes on."),
    Effect.degrade: marked("Sorting goes on; its records are marked."),
    Effect.bypass: marked("Nothing is ejected until it is over."),
    Effect.pause: marked("The belt pauses."),
    Effect.stop: marked("The belt is stopped."),
}


class Fault(NamedTuple):
    number: int
    effect: Effect
    sentence: str
    hint: str


FAULTS: Mapping[str, Fault] = {
    "camera-silent": Fault(
        1,
        Effect.bypass,
        "The camera sends no pictures. Pieces pass unsorted.",
        "Check camera power, cable and exposure trigger; the station reconnects by itself.",
    ),
    "camera-frozen": Fault(
        2,
        Effect.bypass,
        "The camera repeats the same picture. Pieces pass unsorted.",
        "Restart the camera; if it comes back, replace its cable or driver.",
    ),
    "picture-black": Fault(
        3,
        Effect.bypass,
        "The picture is black: lens covered or light off. Pieces pass unsorted.",
        "Uncover the lens, check the light's supply and fuse.",
    ),
    "picture-overexposed": Fault(
        4,
        Effect.bypass,
        "The picture is too bright. Pieces pass unsorted.",
        "Lower exposure or gain in the camera set-up, or look for stray light.",
    ),
    "camera-lost": Fault(
        8,
        Effect.bypass,
        "The camera is unplugged or gone. Pieces pass unsorted.",
        "Plug the camera in again; the station reopens it by itself.",
    ),
    "frames-unplaced": Fault(
        14,
        Effect.degrade,
        "Some pictures could not be placed on the belt.",
        "Encoder readings arrive too late or with gaps: check the connection to the controller.",
    ),
    "encoder-stuck": Fault(
        17,
        Effect.bypass,
        "The belt runs but the encoder does not count. Pieces pass unsorted.",
        "Check the encoder's coupling, supply and cable.",
    ),
    "encoder-reversed": Fault(
        18,
        Effect.bypass,
        "The belt or its encoder runs backwards. Pieces pass unsorted.",
        "Check the drive's direction and the order of encoder wires A and B.",
    ),
    "encoder-slip": Fault(
        20,
        Effect.degrade,
        "The encoder and the picture do not agree how far the belt moves.",
        "Clean the measuring wheel and check its pressure; look for lost pulses; then calibrate ticks per millimetre.",
    ),
    "encoder-jump": Fault(
        21,
        Effect.bypass,
        "The encoder count jumped. Pieces pass unsorted.",
        "Look for electrical noise on the encoder cable; check its shield.",
    ),
    "encoder-disagrees": Fault(
        24,
        Effect.bypass,
        "The encoder and the drive do not agree whether the belt moves. Pieces pass unsorted.",
        "Compare both values below; check the encoder's coupling and the drive's running signal.",
    ),
    "machine-lost": Fault(
        25,
        Effect.stop,
        "The controller does not answer. It closes all ejectors by itself.",
        "Check its power, network cable and address; then reset.",
    ),
    "line-noisy": Fault(
        31,
        Effect.degrade,
        "Many answers of the controller arrive damaged or not at all.",
        "Check plugs, shield, earth and terminating resistors of the cable, and what runs beside it.",
    ),
    "other-master": Fault(
        34,
        Effect.stop,
        "Somebody else writes to the controller: it holds or does what this station did not ask for.",
        "Find the other program or person that writes to the controller, and disconnect it; then reset.",
    ),
    "machine-mismatch": Fault(
        36,
        Effect.stop,
        "The controller is not the one this station was set up for.",
        "Compare expected and found values below; load the right program or correct the configuration.",
    ),
    "output-stuck": Fault(
        37,
        Effect.stop,
        "An ejector stays on.",
        "Shut off its air, check its valve and output card; then reset.",
    ),
    "lane-dead": Fault(
        88,
        Effect.degrade,
        "A lane does nothing when it is fired. Its pieces pass.",
        "Check the lane's valve, plug and air; then stop and start, so that it is tried again.",
    ),
    "lane-slow": Fault(
        39,
        Effect.degrade,
        "A lane answers later than it was calibrated.",
        "Clean or replace the valve; if it is well, measure its delay anew.",
    ),
    "air-low": Fault(
        38,
        Effect.bypass,
        "Air pressure is low. Pieces pass unsorted.",
        "Check the compressor, the main valve and the filter.",
    ),
    "estop": Fault(
        41,
        Effect.stop,
        "The emergency stop is pressed.",
        "Find out why it was pressed, release it, then reset.",
    ),
    "guard-open": Fault(
        43,
        Effect.stop,
        "A guard is open.",
        "Close the guard, then reset.",
    ),
    "store-trouble": Fault(
        44,
        Effect.pause,
        "Records cannot be written. What cannot be counted is not sorted.",
        "Free disk space or repair the disk; kept records are written as soon as it works again.",
    ),
    "recording-stopped": Fault(
        45,
        Effect.note,
        "Nothing is recorded any more: the disk is full or the recorder has ended. Sorting and counting go on.",
        "Free disk space or lower recording.max_gb; recording goes on by itself.",
    ),
    "vision-died": Fault(
        49,
        Effect.stop,
        "The vision process ended and was started again.",
        "Reset and start; if it comes back, save the log and call service.",
    ),
    "records-restored": Fault(
        50,
        Effect.note,
        "The record database was damaged and was restored. What is missing stands below and in the report.",
        "Check the disk, its cable and the computer's supply. The damaged file was kept beside the records.",
    ),
    "control-died": Fault(
        93,
        Effect.stop,
        "The control process ended and was started again.",
        "Reset and start; if it comes back, save the log and call service.",
    ),
    "certificate-ends": Fault(
        63,
        Effect.note,
        "This station's certificate for the programme ends soon or has ended. Then counts wait here.",
        "Ask the programme for a new certificate and put it in the place of the old one before that day.",
    ),
    "programme-refuses": Fault(
        65,
        Effect.note,
        "The programme does not let this station report. Its counts wait here; sorting goes on.",
        "Ask who runs the programme whether user or token, certificate and rights of this station are in order.",
    ),
    "frames-dropped": Fault(
        72,
        Effect.degrade,
        "The computer is too slow for the camera: pictures are skipped.",
        "Close other programs, or lower the frame rate or the feed.",
    ),
    "orders-late": Fault(
        73,
        Effect.bypass,
        "The computer is overloaded: for a moment nothing was ejected.",
        "Close other programs on this computer, or give the station precedence; sorting goes on by itself.",
    ),
    "control-held": Fault(
        74,
        Effect.stop,
        "The outputs are held: the control process got no orders for a second, or a guard or the emergency stop acted.",
        "Reset and start; if it comes back, look for programs that load the computer.",
    ),
    "scale-lost": Fault(
        89,
        Effect.note,
        "The belt scale does not answer. What it weighs meanwhile stays in its own total.",
        "Check the scale's power, cable, address and baud rate; the station goes on asking.",
    ),
    "bin-nearly-full": Fault(
        94,
        Effect.note,
        "A bin is nearly full, by the estimated mass of what fell into it.",
        "Empty it, then press Emptied at this bin on the page.",
    ),
    "alarm-found": Fault(
        81,
        Effect.note,
        "A hazardous piece was sent to its outlet.",
        "Take it out of the outlet as the plant's rules say.",
    ),
    "hazard-waiting": Fault(
        82,
        Effect.note,
        "A hazardous piece that was found has not been dealt with yet.",
        "Remove it as the plant's rules say, then close it in the hazards ledger with a name and what was done.",
    ),
    "hazard-found": Fault(
        80,
        Effect.stop,
        "A dangerous piece may be on the belt. It was not ejected; the belt was asked to stop.",
        "Find the piece shown below, remove it by hand as the plant's rules say, then reset.",
    ),
}

_BYPASS_STABLE_NS = 2_000_000_000


class FaultBook:
    """Which faults are present or latched, since when, and in which order they came (first-out)."""

    def __init__(self) -> None:
        self._active: dict[str, ActiveFault] = {}
        self._left_ns: dict[str, int] = {}
        self._order = 0

    @property
    def active(self) -> tuple[ActiveFault, ...]:
        """Oldest first."""
        return tuple(sorted(self._active.values(), key=lambda fault: fault.order))

    def see(self, conditions: Mapping[str, str], now_ns: int) -> None:
        """Note what is wrong at this moment: code -> detail. Unknown codes are a programming error (KeyError)."""
        for code, detail in conditions.items():
            self._raise(code, detail, now_ns)
        for code in [code for code, fault in self._active.items() if code not in conditions]:
            self._settle(code, now_ns)

    def reset(self) -> None:
        """A person's reset: latched faults that are no longer present go."""
        for code in [code for code, fault in self._active.items() if not fault.present]:
            del self._active[code]

    def has(self, effect: Effect) -> bool:
        """True when a fault with this effect is present, latched or not yet stably gone."""
        return self.first(effect) is not None

    def first(self, effect: Effect, *, present: bool = False) -> str | None:
        """The code of the oldest fault with this effect, or of the oldest that is ``present`` right now, or None."""
        codes = (f.code for f in self.active if FAULTS[f.code].effect is effect and (f.present or not present))
        return next(codes, None)

    def _raise(self, code: str, detail: str, now_ns: int) -> None:
        known = self._active.get(code)
        if known is None:
            self._order += 1
            known = ActiveFault(code, detail, now_ns, self._order, present=True)
        self._active[code] = known._replace(present=True, detail=detail or known.detail)
        self._left_ns[code] = now_ns

    def _settle(self, code: str, now_ns: int) -> None:
        effect = FAULTS[code].effect
        if effect is Effect.stop:
            self._active[code] = self._active[code]._replace(present=False)
        elif effect is not Effect.bypass or now_ns - self._left_ns[code] >= _BYPASS_STABLE_NS:
            del self._active[code]
        else:
            self._active[code] = self._active[code]._replace(present=False)
