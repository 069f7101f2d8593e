"""What a model says about one piece."""

from __future__ import annotations

from typing import NamedTuple


class Opinion(NamedTuple):
    """The likeliest label and its probability."""

    label: str
    confidence: float
