"""The steps that look through the camera: light and lens, then the board."""

from __future__ import annotations

from station import setup
from station.marked import marked
from station.wizard.words import BoardLaid, Found, LightSeen, MeasureRefused, SeeBoard, SeeLight, Task
from station.wizard.work import Bench, Given, Proof, needed, unknown
from vision.board import BoardFit, BoardRefused, fit_belt

_BURNT = 0.02
_LEVELS = (25.0, 235.0)
_WORST_MM = 2.0
_RESIDUAL_MM = 0.7
_FAINT = 0.25
_SHARP = 0.8


class CameraWork:
    """Focus and exposure by the meters, then one run of the belt: clean lens, even light."""

    def __init__(self, bench: Bench) -> None:
        self._focus = bench.focus
        self._focus_share = 1.0
        self._seen: LightSeen | None = None

    def ask(self, what: str, given: Given) -> Task | None:
        """The focus counts as it is before the belt runs and blurs the picture."""
        if what != "light":
            raise unknown(what)
        self._seen, self._focus_share = None, self._focus.share()
        return SeeLight()

    def take(self, found: Found) -> None:
        if isinstance(found, LightSeen):
            self._seen = found

    def proof(self) -> Proof | None:
        seen = self._seen
        if seen is None:
            return None
        figures: dict[str, object] = {
            "focus": round(self._focus_share, 2),
            "darkest": round(seen.darkest, 3),
            "brightest": round(seen.brightest, 3),
            "dirt": len(seen.dirt),
            "level": round(seen.meters.level),
            "burnt": round(seen.meters.burnt, 4),
            "sharpness": round(seen.meters.sharpness, 1),
        }
        complaint = _BLURRED if self._focus_share < _SHARP else _complaint(seen)
        return Proof(complaint is None, complaint or _LIGHT_GOOD, figures, light=seen.gains)

    def told(self) -> dict[str, object]:
        return {"dirt": [] if self._seen is None else [list(box) for box in self._seen.dirt]}


_BLURRED = marked(
    "The picture was sharper in the last two minutes: turn the focus ring back to there and take it again."
)
_LIGHT_GOOD = marked("The lens is clean and the light can be evened out.")


def _complaint(seen: LightSeen) -> str | None:
    if seen.dirt:
        return marked("Something stands still in the picture where the frames are: clean the lens and take it again.")
    if seen.meters.burnt > _BURNT:
        return marked("Parts of the picture are burnt out: shorten the exposure or dim the light.")
    if not _LEVELS[0] <= seen.meters.level <= _LEVELS[1]:
        return marked("The picture is too dark or too bright: change the exposure until it lies between 25 and 235.")
    if seen.darkest < _FAINT:
        return marked("The darkest lane has less than a quarter of the light: move the lamps.")
    return None


class BoardWork:
    """The board at two places of the belt: where every pixel lies."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._sights: dict[str, BoardLaid] = {}
        self._waits_for = ""
        self._square_mm = self._left_mm = 0.0
        self._fit: BoardFit | None = None

    def ask(self, what: str, given: Given) -> Task | None:
        if what not in ("first", "second"):
            raise unknown(what)
        if what == "second" and "first" not in self._sights:
            raise MeasureRefused(marked("Take the first picture of the board first."))
        if what == "first":
            self._square_mm = needed(given.square_mm, "the size of the squares")
            self._left_mm = needed(given.left_mm, "the distance from the belt's left edge")
            self._sights, self._fit = {}, None
        self._waits_for = what
        return SeeBoard()

    def take(self, found: Found) -> None:
        if not isinstance(found, BoardLaid):
            return
        self._sights[self._waits_for] = found
        self._bench.still.show(found.jpeg)
        if self._waits_for == "second":
            config = self._bench.config
            height, width, _ = setup.picture_shape(config)
            datum = (width / 2, config.calibration.datum_row_px)
            first = self._sights["first"].seen
            try:
                self._fit = fit_belt(first, found.seen, self._square_mm, self._left_mm, datum, (width, height))
            except BoardRefused as refused:
                raise MeasureRefused(str(refused)) from refused

    def proof(self) -> Proof | None:
        fit = self._fit
        if fit is None:
            return None
        is_good = fit.residual_mm <= _RESIDUAL_MM and fit.worst_mm <= _WORST_MM
        figures: dict[str, object] = {
            "mm_per_px": round(fit.mm_per_px, 5),
            "residual_mm": round(fit.residual_mm, 3),
            "worst_mm": round(fit.worst_mm, 3),
            "scale_spread": round(fit.scale_spread, 4),
            "turned_deg": round(fit.turned_deg, 2),
            "moved_mm": round(fit.moved_mm, 1),
            "corners": len(fit.misfits),
        }
        changes: dict[str, object] = {
            "to_belt": [[round(value, 9) for value in row] for row in fit.to_belt],
            "mm_per_px": round(fit.mm_per_px, 6),
        }
        return Proof(is_good, _BOARD_GOOD if is_good else _BOARD_BAD, figures, changes)

    def told(self) -> dict[str, object]:
        fit = self._fit
        corners = [] if fit is None else [[round(value, 2) for value in miss] for miss in fit.misfits]
        sights = {
            name: [list(map(float, place)) for place in laid.seen.corners_px] for name, laid in self._sights.items()
        }
        return {"sights": sights, "misfits": corners, "mm_per_px": 1.0 if fit is None else fit.mm_per_px}


_BOARD_GOOD = marked("Every pixel has its place on the belt.")
_BOARD_BAD = marked("The board does not fit the picture well: is it flat, whole and printed in true size?")
