"""The steps with test pieces: does the model know them, and do the shots hit them."""

from __future__ import annotations

from collections import Counter

from control.types import Ejector
from station import setup
from station.marked import marked
from station.wizard.timing import Shot, TimingFit, fit_timing
from station.wizard.words import Found, MeasureRefused, PiecePassed, PiecesPassed, Shoot, Task, WatchPieces
from station.wizard.work import Bench, Given, Proof, unknown

PULSE_MM = 30.0
WIDE_MM = tuple(float(mm) for mm in range(-60, 61, 10))
_FINE_MM = 4.0
_FINE_SHOTS = 13
_MOST_PIECES = 30
_FEWEST_PIECES = 10
_FEWEST_CLASSES = 2
_RIGHT = 0.8
_RESIDUAL_MM = 4.0
_BESIDE_MM = 15.0
_MOST_ODD = 0.25


class ModelWork:
    """Test pieces of one class after the other pass; what the model says is compared."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._label = ""
        self._seen: list[tuple[str, PiecePassed]] = []

    def ask(self, what: str, given: Given) -> Task | None:
        if what == "again":
            self._seen = []
            return None
        if what != "watch":
            raise unknown(what)
        if given.label is None or given.number is None or not 1 <= given.number <= _MOST_PIECES:
            raise MeasureRefused(marked("Say of which class the test pieces are, and how many: at most 30 at a time."))
        self._label = given.label
        return WatchPieces(given.number)

    def take(self, found: Found) -> None:
        if isinstance(found, PiecesPassed):
            self._seen += [(self._label, piece) for piece in found.pieces]

    def proof(self) -> Proof | None:
        if not self._seen:
            return None
        right, total = self._right(), len(self._seen)
        classes = len({label for label, _ in self._seen})
        figures: dict[str, object] = {
            "pieces": total,
            "right": right,
            "share": round(right / total, 3),
            "classes": classes,
        }
        if total < _FEWEST_PIECES or classes < _FEWEST_CLASSES:
            return Proof(False, _TOO_FEW, figures)
        is_good = right >= _RIGHT * total
        return Proof(is_good, _KNOWN if is_good else _UNKNOWN, figures)

    def told(self) -> dict[str, object]:
        shown: Counter[tuple[str, str]] = Counter(
            (label, piece.likeliest[0][0]) for label, piece in self._seen if piece.likeliest
        )
        return {"seen": [[label, said, n] for (label, said), n in sorted(shown.items())]}

    def _right(self) -> int:
        return sum(bool(piece.likeliest) and piece.likeliest[0][0] == label for label, piece in self._seen)


_TOO_FEW = marked("Let ten test pieces of two classes pass at least.")
_KNOWN = marked("The model knows the test pieces.")
_UNKNOWN = marked(
    "The model takes too many test pieces for something else: look at light and focus, or train it on them."
)


class TimingWork:
    """Shots at test pieces in one lane, each a little off; a person says which hit."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._lane: Ejector | None = None
        self._for_bank = True
        self._waiting: tuple[PiecePassed, ...] = ()
        self._shots: list[Shot] = []
        self._fit: TimingFit | None = None

    def ask(self, what: str, given: Given) -> Task | None:
        match what:
            case "shoot":
                return self._shoot(given)
            case "mark":
                self._mark(given.hits)
            case "again":
                self._shots, self._waiting, self._fit = [], (), None
            case _:
                raise unknown(what)
        return None

    def take(self, found: Found) -> None:
        if isinstance(found, PiecesPassed):
            self._waiting = tuple(piece for piece in found.pieces if piece.offset_mm is not None)
            if not self._waiting:
                raise MeasureRefused(marked("No test piece lay in this lane: lay them into its middle."))

    def proof(self) -> Proof | None:
        lane = self._lane
        if lane is None or not self._shots:
            return None
        fit = self._fit
        hits = sum(shot.hit for shot in self._shots)
        figures: dict[str, object] = {
            "outlet": lane.outlet,
            "output": lane.output,
            "shots": len(self._shots),
            "hits": hits,
        }
        if fit is None:
            return Proof(False, _NOT_ENCLOSED, figures)
        distance, delay = self._found(fit, lane)
        figures |= {
            "distance_mm": round(distance, 1),
            "delay_ms": round(delay, 2),
            "residual_mm": round(fit.residual_mm, 2),
            "off_mm": round(fit.middles[-1].offset_mm, 1),
            "speeds": len(fit.middles),
        }
        odd, shots = (sum(getattr(middle, name) for middle in fit.middles) for name in ("odd", "shots"))
        complaint = None
        if delay < 0 or distance <= 0:
            complaint = _IMPOSSIBLE
        elif fit.residual_mm > _RESIDUAL_MM:
            complaint = _DOUBTFUL
        elif odd > _MOST_ODD * shots:
            complaint = _ODD
        return Proof(complaint is None, complaint or _HITS, figures, self._changes(lane, fit, distance, delay))

    def told(self) -> dict[str, object]:
        return {
            "waiting": [{"offset_mm": piece.offset_mm, "result": piece.result} for piece in self._waiting],
            "shots": [[shot.offset_mm, round(shot.speed_mm_s), shot.hit] for shot in self._shots],
            "output": None if self._lane is None else self._lane.output,
        }

    def _shoot(self, given: Given) -> WatchPieces:
        lane = next((e for e in setup.ejectors(self._bench.config) if e.output == given.output), None)
        if lane is None:
            raise MeasureRefused(marked("Choose an ejector of this line."))
        if self._lane != lane:
            self._lane, self._shots, self._fit = lane, [], None
        self._for_bank = given.label != "lane"
        self._waiting = ()
        shoot = Shoot(
            1 << lane.output,
            lane.left_mm - _BESIDE_MM,
            lane.right_mm + _BESIDE_MM,
            lane.distance_mm,
            lane.delay_ms,
            PULSE_MM,
            self._offsets(),
        )
        return WatchPieces(given.number or len(shoot.offsets_mm), shoot)

    def _offsets(self) -> tuple[float, ...]:
        """Wide at first; once hits are enclosed, finely around them."""
        fit = self._fit
        if fit is None:
            return WIDE_MM
        middle = fit.middles[-1].offset_mm
        return tuple(middle + _FINE_MM * (n - _FINE_SHOTS // 2) for n in range(_FINE_SHOTS))

    def _mark(self, hits: tuple[bool, ...]) -> None:
        if not self._waiting:
            raise MeasureRefused(marked("Shoot at test pieces first, then say which were hit."))
        if len(hits) != len(self._waiting):
            raise MeasureRefused(marked("Say of every test piece whether it was hit."))
        self._shots += [
            Shot(piece.offset_mm, piece.speed_mm_s, hit)
            for piece, hit in zip(self._waiting, hits, strict=True)
            if piece.offset_mm is not None and piece.result == "fired"
        ]
        self._waiting = ()
        self._fit = fit_timing(self._shots)

    def _found(self, fit: TimingFit, lane: Ejector) -> tuple[float, float]:
        """Distance and delay that put the middle of the hits to 0; a single lane has only a delay of its own."""
        if self._for_bank:
            return lane.distance_mm + fit.distance_mm, lane.delay_ms + fit.delay_ms
        off = sum(middle.offset_mm / middle.speed_mm_s for middle in fit.middles) / len(fit.middles)
        return lane.distance_mm, lane.delay_ms - 1000 * off

    def _changes(self, lane: Ejector, fit: TimingFit, distance: float, delay: float) -> dict[str, object]:
        calibration, delays = self._bench.config.calibration, dict(self._bench.config.calibration.delay_ms)
        if self._for_bank:
            known = delays[lane.outlet]
            shift = delay - lane.delay_ms
            delays[lane.outlet] = (
                [round(one + shift, 2) for one in known] if isinstance(known, list) else round(delay, 2)
            )
            return {
                "distance_mm": calibration.distance_mm | {lane.outlet: round(distance, 1)},
                "delay_ms": delays,
            }
        bank = next(bank for bank in self._bench.config.file.banks if bank.outlet == lane.outlet)
        known = delays[lane.outlet]
        each = list(known) if isinstance(known, list) else [known] * bank.lanes
        each[lane.output - bank.first_output] = round(delay, 2)
        return {"delay_ms": delays | {lane.outlet: each}}


_NOT_ENCLOSED = marked("The hits are not enclosed by misses yet: shoot at more test pieces.")
_IMPOSSIBLE = marked("These hits fit no real valve: were the right ones marked? Begin again.")
_DOUBTFUL = marked("The middle of the hits is still doubtful: shoot at more test pieces.")
_ODD = marked("Hits and misses are mixed up: use test pieces of one size, in the middle of the lane, and begin again.")
_HITS = marked("The shots fall where the pieces are.")
