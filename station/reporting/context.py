"""What is true of a whole interval: batch, shift, recipe, model and the editions behind its figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from station.reporting.shape import Checked


class ClockState(StrEnum):
    """``good``: synchronised and plausible. ``unsure``: nobody vouches for it. ``impossible``: it shows a time before
    this program was made or before what was already reported; rows are kept but none is sent."""

    good = "good"
    unsure = "unsure"
    impossible = "impossible"


@dataclass(frozen=True, slots=True)
class Context:
    """``rest_outlet`` is where falls what is not ejected; ``factor_sd`` how little is known, relative, of what all
    pieces of a class weigh together. ``batch`` and ``shift`` are None outside of any."""

    recipe: str
    model: str
    calibration: str
    codebook: str
    software: str
    rest_outlet: str
    batch: str | None = None
    shift: str | None = None
    factor_sd: Mapping[str, float] = field(default_factory=dict)


def tell(context: Context) -> str:
    """As kept in the database: the same context is the same text."""
    return json.dumps(asdict(context), sort_keys=True, ensure_ascii=False)


def hear(told: str) -> Context:
    """The other way round."""
    found = Checked(json.loads(told))
    factors = Checked(json.loads(told)["factor_sd"])
    return Context(
        recipe=found.text("recipe"),
        model=found.text("model"),
        calibration=found.text("calibration"),
        codebook=found.text("codebook"),
        software=found.text("software"),
        rest_outlet=found.text("rest_outlet"),
        batch=found.text_or_none("batch"),
        shift=found.text_or_none("shift"),
        factor_sd={name: factors.number(name) for name in factors.names()},
    )
