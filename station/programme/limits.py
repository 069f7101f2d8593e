"""How often somebody may ask: a bucket of tries that fills up again by the second. Time arrives as data."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

_MOST_KNOWN = 20_000


class Limit:
    """``burst`` tries at once, then ``per_s``. The longest unseen are forgotten when too many are known."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, who: Hashable, now_s: float) -> float:
        """Count one try; 0.0 when it is within the limit, else the seconds to wait."""
        wait_s = self.wait_s(who, now_s)
        left = self._left.pop(who, (self._burst, now_s))
        filled = min(self._burst, left[0] + (now_s - left[1]) * self._per_s)
        self._left[who] = (filled - (0.0 if wait_s else 1.0), now_s)
        while len(self._left) > _MOST_KNOWN:
            self._left.popitem(last=False)
        return wait_s

    def wait_s(self, who: Hashable, now_s: float) -> float:
        """The same without counting."""
        left, at_s = self._left.get(who, (self._burst, now_s))
        filled = min(self._burst, left + (now_s - at_s) * self._per_s)
        return 0.0 if filled >= 1.0 else (1.0 - filled) / self._per_s
