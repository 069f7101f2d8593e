"""What each step of set-up has measured, as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from station.marked import marked
from station.wizard.words import Step


class Figure(NamedTuple):
    """``key`` as in a proof; its value times ``scale`` is shown with ``digits`` and ``unit``, or in words if a bool."""

    key: str
    title: str
    unit: str = ""
    digits: int = 0
    scale: float = 1.0
    yes: str = ""
    no: str = ""

    def shown(self, value: object) -> str:
        """A value in words, which may be translated."""
        if isinstance(value, bool) and self.yes:
            return self.yes if value else self.no
        if isinstance(value, int | float):
            return f"{value * self.scale:.{self.digits}f} {self.unit}".rstrip()
        return "–" if value is None else str(value)


FIGURES: Mapping[Step, tuple[Figure, ...]] = {
    Step.camera: (
        Figure("focus", marked("Sharpness of the best met"), "%", scale=100),
        Figure("darkest", marked("Darkest lane"), "%", scale=100),
        Figure("brightest", marked("Brightest lane"), "%", scale=100),
        Figure("dirt", marked("Spots on the lens")),
        Figure("burnt", marked("Burnt out"), "%", 1, 100),
    ),
    Step.board: (
        Figure("residual_mm", marked("Residual"), "mm", 2),
        Figure("worst_mm", marked("Worst corner"), "mm", 2),
        Figure("mm_per_px", marked("Scale"), "mm/px", 4),
        Figure("scale_spread", marked("Scale differs over the picture by"), "%", 2, 100),
        Figure("turned_deg", marked("The board lay turned by"), "°", 1),
        Figure("moved_mm", marked("It moved by"), "mm", 1),
    ),
    Step.encoder: (
        Figure("ticks_per_mm", marked("Ticks per millimetre"), "", 4),
        Figure("sd", marked("Give or take"), "", 4),
        Figure("share", marked("Relative"), "%", 2, 100),
        Figure("turns", marked("Turns")),
    ),
    Step.speed: (
        Figure("speed_mm_s", marked("Belt speed"), "mm/s"),
        Figure("slowest_mm_s", marked("Slowest"), "mm/s"),
        Figure("fastest_mm_s", marked("Fastest"), "mm/s"),
        Figure("slip", marked("Encoder against picture"), "%", 2, 100),
        Figure("residual_mm", marked("They part by"), "mm", 2),
        Figure("quality", marked("Belt seen"), "%", scale=100),
    ),
    Step.ejectors: (
        Figure("moved", marked("Moved")),
        Figure("ejectors", marked("of")),
        Figure("read_back", marked("Output read back as on")),
        Figure("felt", marked("Felt by the sensor behind it")),
    ),
    Step.timing: (
        Figure("outlet", marked("Bank")),
        Figure("shots", marked("Shots")),
        Figure("hits", marked("Hits")),
        Figure("off_mm", marked("Off so far"), "mm", 1),
        Figure("distance_mm", marked("Distance"), "mm", 1),
        Figure("delay_ms", marked("Delay"), "ms", 1),
        Figure("residual_mm", marked("Give or take"), "mm", 1),
        Figure("speeds", marked("Speeds tried")),
    ),
    Step.heartbeat: (
        Figure("silent_ms", marked("Without heartbeat for"), "ms"),
        Figure("running", marked("Belt after that"), yes=marked("goes on running"), no=marked("stopped")),
        Figure("armed", marked("Ejectors after that"), yes=marked("still armed"), no=marked("disarmed")),
    ),
    Step.model: (
        Figure("pieces", marked("Test pieces")),
        Figure("right", marked("Known")),
        Figure("share", marked("Share"), "%", scale=100),
        Figure("classes", marked("Classes tried")),
    ),
    Step.report: (
        Figure("channels", marked("Channels")),
        Figure("answering", marked("Answering")),
    ),
}
