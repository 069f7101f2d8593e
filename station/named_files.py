"""The files a station file names: what was measured on the line, and how to sort."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from station.sections import Section


class CalibrationFile(Section):
    """Machine-written: what was measured on this line, and when."""

    made: str = Field(description="date of the measurement")
    by: str = Field(description="who or what measured")
    ticks_per_mm: float = Field(gt=0, description="encoder ticks per millimetre of belt")
    counter_bits: Literal[16, 32] = Field(description="width of the encoder counter")
    mm_per_px: float = Field(gt=0, description="millimetres of belt per picture pixel")
    datum_row_px: float = Field(description="picture row of the datum line")
    left_column_px: float = Field(description="picture column of the belt's left edge")
    flat_field: str | None = Field(None, description="file with the light correction per lane; none: even light")
    distance_mm: dict[str, float] = Field(description="datum line to ejector bank, by outlet")
    delay_ms: dict[str, float] = Field(description="output on to effect at the belt, by outlet")


class RuleSection(Section):
    labels: list[str] = Field(min_length=1, description="codebook ids")
    outlet: str = Field(min_length=1, description="where these pieces go")
    min_confidence: float = Field(gt=0, lt=1, description="below this the piece passes as unsure")


class RecipeFile(Section):
    """How to sort."""

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
    rest_outlet: str = Field(min_length=1, description="where everything else falls")
    rules: list[RuleSection] = Field(min_length=1)
    stop_confidence: float = Field(0.5, gt=0, le=0.9, description="hazards above this stop the belt")
