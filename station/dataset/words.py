"""Words of a data set: a crop with all that is known about it, why it was kept, and what a person said it is."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class DatasetRefused(Exception):  # noqa: N818 - refused things are named as facts
    """The data set cannot do that; the text says why and what to do."""


class Reason(StrEnum):
    """Why a crop is in the data set."""

    hazard = "hazard"
    disputed = "disputed"
    unsure = "unsure"
    random = "random"
    imported = "imported"


VALUES = {Reason.imported: 5, Reason.hazard: 4, Reason.disputed: 3, Reason.unsure: 2, Reason.random: 1}


class NewCrop(NamedTuple):
    """A crop to be taken in. ``picture`` is the file as it is (``kind``: its ending without dot); pictures of the same
    ``object`` never fall into two splits; ``scores`` are what the ``model`` said, probability by label.
    """

    picture: bytes
    kind: str
    object: str
    source: str
    reason: Reason
    taken_utc: str
    scores: dict[str, float]
    model: str
    label: str | None = None
    labelled_by: str | None = None


class Crop(NamedTuple):
    """A crop of the data set; ``label`` is None until a person has said what it is."""

    id: int
    sha256: str
    kind: str
    object: str
    source: str
    reason: Reason
    taken_utc: str
    scores: dict[str, float]
    model: str
    label: str | None
    labelled_by: str | None
    labelled_utc: str | None

    @property
    def said(self) -> str:
        """What the model called it, empty where it was never asked."""
        return max(self.scores, key=self.scores.__getitem__) if self.scores else ""


class Tally(NamedTuple):
    """How many crops there are, how many of them a person has labelled, and how much disk they take."""

    crops: int
    labelled: int
    bytes: int
