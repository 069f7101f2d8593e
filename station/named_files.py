"""The files a station file names: what was measured on the line, how to sort, where a device has its registers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from station.marked import marked
from station.section import Section


class CalibrationFile(Section):
    """Machine-written: what was measured on this line, and when."""

    made: str = Field(description="date of the measurement")
    by: str = Field(description="who or what measured")
    ticks_per_mm: float = Field(gt=0, description="encoder ticks per millimetre of belt")
    counter_bits: Literal[16, 32] = Field(description="width of the encoder counter")
    mm_per_px: float = Field(gt=0, description="millimetres of belt per picture pixel")
    datum_row_px: float = Field(description="picture row of the datum line")
    left_column_px: float = Field(description="picture column of the belt's left edge")
    to_belt: list[list[float]] | None = Field(
        None,
        description="3 x 3 matrix from (x_px, y_px, 1) to (across_mm, downstream_mm, 1); none: looks straight down",
    )
    nominal_ticks_per_mm: float | None = Field(
        None, gt=0, description="what the controller says of its encoder; none: ticks_per_mm"
    )
    flat_field: str | None = Field(None, description="file with the light correction per lane; none: even light")
    distance_mm: dict[str, float] = Field(description="datum line to ejector bank, by outlet")
    delay_ms: dict[str, float | list[float]] = Field(
        description="output on to effect at the belt, by outlet: one number, or one per lane from left to right"
    )
    sample_latency_ms: float = Field(0.0, ge=0, le=100, description="age of the encoder count when it is told")

    @field_validator("to_belt")
    @classmethod
    def _is_3_by_3(cls, matrix: list[list[float]] | None) -> list[list[float]] | None:
        if matrix is not None and [len(row) for row in matrix] != [3, 3, 3]:
            raise ValueError(marked("a matrix of 3 rows with 3 numbers each is needed"))
        return matrix


class RuleSection(Section):
    labels: list[str] = Field(min_length=1, description="codebook ids")
    outlet: str = Field(min_length=1, description="where these pieces go")
    min_confidence: float = Field(gt=0, lt=1, description="below this the piece passes as unsure")
    purity: float | None = Field(
        None, gt=0, lt=1, description="raise the threshold until the outlet's estimated purity is this high"
    )
    max_confidence: float = Field(0.95, gt=0, lt=1, description="the threshold is never raised beyond this")


class CostSection(Section):
    """What mistakes cost. What is not listed costs 1 where the piece is wrong and nothing where it is right."""

    into: dict[str, dict[str, float]] = Field(
        description="outlet -> class or family of the codebook -> cost of such a piece in there"
    )


Source = Annotated[str, Field(min_length=10, description="where in which document this is written")]
Checked = Annotated[bool, Field(description="whether it was read in the maker's document, not taken from elsewhere")]
Address = Annotated[int, Field(ge=0, le=65535, description="zero-based holding register")]


class RegisterPlace(Section):
    at: Address
    source: Source
    checked: Checked


class RegisterWrite(Section):
    at: Address
    value: int = Field(ge=0, le=65535, description="what is written there")
    source: Source
    checked: Checked


class TimePlace(Section):
    at: Address
    words: Literal[1, 2] = Field(1, description="registers of the time in ms, low word first")
    source: Source
    checked: Checked


class FallenPlace(Section):
    at: Address
    mask: int = Field(ge=1, le=65535, description="bits of that register which show that it has fallen")
    source: Source
    checked: Checked


class WatchdogSection(Section):
    time: TimePlace
    reset: list[RegisterWrite] = Field([], description="writes that bring it back after it fell, in this order")
    also: list[RegisterWrite] = Field([], description="further settings, written at connect")
    fallen: FallenPlace | None = Field(None, description="where it shows that it has fallen")
    needs_writes: bool = Field(True, description="only writing keeps it quiet, reading does not")
    advised_ms: int = Field(0, ge=0, le=65535, description="the maker advises no shorter time; 0: says nothing")


class CouplerFile(Section):
    """Where a kind of remote I/O coupler has its registers."""

    name: str = Field(min_length=1)
    document: str = Field(min_length=10, description="the maker's document")
    outputs: RegisterPlace = Field(description="register of outputs 0 to 15; the next ones follow")
    inputs: RegisterPlace = Field(description="register of inputs 0 to 15; the next ones follow")
    watchdog: WatchdogSection


class RecipeFile(Section):
    """How to sort."""

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
    rest_outlet: str = Field(min_length=1, description="where everything else falls")
    rules: list[RuleSection] = Field(min_length=1)
    stop_confidence: float = Field(0.5, gt=0, le=0.5, description="hazards above this stop the belt; never above 0.5")
    costs: CostSection | None = Field(None, description="what mistakes cost, for the cheapest decision")
