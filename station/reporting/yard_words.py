"""Words of the yard book: a hand sample, a hazardous piece that was found, and what was done with it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from station.marked import marked


class BookRefused(Exception):  # noqa: N818 - refused things are named as facts
    """The yard book cannot do that; the text says why and what to do."""


class Method(StrEnum):
    """How the sampled pieces were told apart by hand."""

    by_eye = "by-eye"
    spark_or_magnet = "spark-or-magnet"
    xrf = "xrf"
    assay = "assay"


class Deed(StrEnum):
    """What the line did with a hazardous piece: stopped and did not hit it, sent it to its outlet, or missed it."""

    stopped = "stopped"
    diverted = "diverted"
    missed = "missed"


METHODS: Mapping[str, str] = {
    "by-eye": marked("by eye"),
    "spark-or-magnet": marked("spark test or magnet"),
    "xrf": marked("X-ray fluorescence"),
    "assay": marked("laboratory analysis"),
}
REASONS: Mapping[str, str] = {
    "neighbour": marked("too close to another piece"),
    "lane-busy": marked("ejector busy"),
    "lane-dead": marked("ejector out of order"),
    "bypass": marked("sorting was bypassed"),
    "no-slack": marked("decided too late"),
    "late": marked("fired too late"),
    "stopped": marked("the line was stopped"),
    "rest": marked("no rule diverts it"),
    "unfinished": marked("the run ended"),
    "no-report": marked("the controller did not answer"),
    "ignored": marked("the controller refused"),
    "faulted": marked("ejector fault"),
}


class HandSample(NamedTuple):
    """Pieces of one outlet that a person looked at, by class, at ``taken_utc`` (ISO 8601). ``batch`` None: of none."""

    id: int
    batch: str | None
    outlet: str
    taken_utc: str
    by: str
    method: Method
    pieces: Mapping[str, int]
    is_simulated: bool

    @property
    def n(self) -> int:
        return sum(self.pieces.values())


class NewFinding(NamedTuple):
    """A hazardous piece of the records. ``detail``: outlet, or why it was missed; ``basel`` may be empty."""

    run: str
    piece: int
    batch: str | None
    found_utc: str
    class_id: str
    done: Deed
    detail: str
    basel: str
    basel_from: str
    is_simulated: bool
    needs_person: bool


class Finding(NamedTuple):
    """A line of the hazards ledger. ``picture`` is a file name in the folder of pictures, None when there is none.

    ``closed_utc``, ``closed_by`` and ``how`` are None while a person has not dealt with it; what the line diverted by
    itself and no rule wants a person for has ``needs_person`` False and is never open.
    """

    id: int
    run: str
    piece: int
    batch: str | None
    found_utc: str
    class_id: str
    done: Deed
    detail: str
    basel: str
    basel_from: str
    picture: str | None
    picture_sha256: str | None
    is_simulated: bool
    needs_person: bool
    closed_utc: str | None
    closed_by: str | None
    how: str | None

    @property
    def is_open(self) -> bool:
        return self.needs_person and self.closed_utc is None


def deed_in_words(found: Finding, outlet: str) -> str:
    """What the line did, in one sentence part; ``outlet`` is how people call the outlet it went to."""
    match found.done:
        case Deed.stopped:
            return marked("stopped; did not touch it")
        case Deed.diverted:
            return marked("diverted into {outlet}").format(outlet=outlet)
        case Deed.missed:
            return marked("missed it ({why})").format(why=REASONS.get(found.detail, found.detail))
