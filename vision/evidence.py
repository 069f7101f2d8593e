"""What several looks at one piece prove together."""

from __future__ import annotations

import math

from vision.types import Evidence, Look


def no_evidence(labels: int) -> Evidence:
    """Nothing seen yet, for a model of that many labels."""
    return Evidence(0, (0.0,) * labels)


def add(evidence: Evidence, look: Look) -> Evidence:
    """One more look; raises ValueError when it has another number of labels."""
    sums = tuple(have + new for have, new in zip(evidence.log_sum, look.log_scores, strict=True))
    return Evidence(evidence.looks + 1, sums)


def posterior(evidence: Evidence, correlation: float) -> tuple[float, ...]:
    """Probability per label, summing to 1; uniform without looks.

    Looks at one piece share its dirt and its pose, so they are not independent: n looks count as
    n / (1 + (n - 1) * correlation), the design effect of Kish, Survey Sampling, 1965.
    """
    n = max(evidence.looks, 1)
    weight = 1 / (1 + (n - 1) * correlation)
    highest = max(evidence.log_sum, default=0.0)
    scores = [math.exp(weight * (log - highest)) for log in evidence.log_sum]
    total = sum(scores)
    return tuple(score / total for score in scores)
