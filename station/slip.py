"""Does the picture move as far as the encoder says? The same pieces, seen twice, are the measure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median

from vision.types import Sighting

_SHORTEST_MM = 20.0
_PAIRS = 400
_FEWEST = 60
_LIMIT = 0.01


class SlipWatch:
    """Told of every searched frame; it compares how far each piece moved in the picture with how far the belt ran.

    ``slip`` is how much further pieces move than the encoder counts, as a share; None while too few pairs were seen.
    """

    def __init__(self, ticks_per_mm: float) -> None:
        self._ticks_per_mm = ticks_per_mm
        self._last: dict[int, float] = {}
        self._tick: int | None = None
        self._ratios: deque[float] = deque(maxlen=_PAIRS)
        self.slip: float | None = None

    def see(self, tick: int, sightings: Sequence[Sighting], ids: Sequence[int]) -> None:
        """Only whole pieces, and only where the belt ran far enough that a pixel does not matter."""
        places = {id_: s.downstream_mm for s, id_ in zip(sightings, ids, strict=True) if s.whole and not s.touching}
        if self._tick is not None:
            ran_mm = (tick - self._tick) / self._ticks_per_mm
            if ran_mm >= _SHORTEST_MM:
                moved = (place - self._last[id_] for id_, place in places.items() if id_ in self._last)
                self._ratios.extend(mm / ran_mm for mm in moved)
                self.slip = median(self._ratios) - 1.0 if len(self._ratios) >= _FEWEST else None
        self._last, self._tick = places, tick

    def forget(self) -> None:
        """The counter was set anew."""
        self._last, self._tick = {}, None

    def conditions(self) -> dict[str, str]:
        """A fault when the error is more than belongs to seeing."""
        slip = self.slip
        if slip is None or abs(slip) <= _LIMIT:
            return {}
        return {"encoder-slip": f"pieces move {100 * slip:+.1f} % further than the encoder counts"}
