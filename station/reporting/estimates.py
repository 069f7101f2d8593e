"""What counted pieces allow to be said: shares with their interval, purity and recovery from hand samples.

The classifier's own confidence is never asked. Intervals are Clopper's and Pearson's (The use of confidence or fiducial
limits illustrated in the case of the binomial, Biometrika 26, 1934).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

CONFIDENCE = 0.95
_HALVINGS = 60
_MOST_TERMS = 100_000
_SMALL = 1e-14
_TINY = 1e-300


class Share(NamedTuple):
    """``hits`` of ``n`` with the bounds of the interval; of none, ``value`` is None and the bounds are 0 and 1."""

    hits: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        return self.hits / self.n if self.n else None


class Recovery(NamedTuple):
    """The share of a product's pieces that reached its outlet; the bounds hold together with ``CONFIDENCE``."""

    value: float
    low: float
    high: float


def share(hits: int, n: int, confidence: float = CONFIDENCE) -> Share:
    """The exact two-sided interval: at most (1 - confidence) / 2 on either side. Raises ValueError for 0 > hits > n."""
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is no share")
    tail = (1 - confidence) / 2
    low = beta_quantile(tail, hits, n - hits + 1) if hits else 0.0
    high = beta_quantile(1 - tail, hits + 1, n - hits) if hits < n else 1.0
    return Share(hits, n, low, high)


def purity(samples: Iterable[Mapping[str, int]], accepted: Collection[str]) -> Share | None:
    """Of all pieces looked at in one outlet the share that belongs there; None where none was looked at.

    ``samples`` hold pieces by class as a person saw them.
    """
    seen = [(label, pieces) for sample in samples for label, pieces in sample.items()]
    n = sum(pieces for _, pieces in seen)
    return share(sum(pieces for label, pieces in seen if label in accepted), n) if n else None


def recovery(
    pieces: Mapping[str, int], samples: Mapping[str, Mapping[str, int]], outlet: str, accepted: Collection[str]
) -> Recovery | None:
    """How much of a product reached ``outlet``: pieces that fell into every outlet times what the samples of it show.

    None when an outlet with pieces was not sampled, or no sample holds any of the product. The bounds take every
    outlet's interval at a confidence at which all hold together (Bonferroni).
    """
    filled = {name: n for name, n in pieces.items() if n}
    sampled = {name: sum(samples.get(name, {}).values()) for name in filled}
    if outlet not in filled or not all(sampled.values()):
        return None
    confidence = 1 - (1 - CONFIDENCE) / len(filled)
    shares = {
        name: share(sum(n for label, n in samples[name].items() if label in accepted), sampled[name], confidence)
        for name in filled
    }
    if not any(found.hits for found in shares.values()):
        return None
    others = [(n, shares[name]) for name, n in filled.items() if name != outlet]
    own, inside = filled[outlet], shares[outlet]
    return Recovery(
        _ratio(own * inside.hits / inside.n, sum(n * found.hits / found.n for n, found in others)),
        _ratio(own * inside.low, sum(n * found.high for n, found in others)),
        _ratio(own * inside.high, sum(n * found.low for n, found in others)),
    )


def beta_quantile(probability: float, a: float, b: float) -> float:
    """The quantile of a beta distribution with ``a`` and ``b`` above 0, by halving."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if beta_cdf(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function (Abramowitz and Stegun 26.5.8, continued fraction by Lentz)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _off_zero(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _off_zero(1 + term * d)
            c = _off_zero(1 + term / c)
            found *= c * d
        if abs(c * d - 1) < _SMALL:
            break
    return found


def _off_zero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY


def _ratio(inside: float, elsewhere: float) -> float:
    return inside / (inside + elsewhere) if inside + elsewhere else 0.0
