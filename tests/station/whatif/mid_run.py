"""A sorter brought to the middle of a recording."""

from __future__ import annotations

from station.recording.eyes import RecordedEye
from station.recording.reader import Recording
from station.sorter import Sorter


def replayed_to(recording: Recording, sorter: Sorter, number: int) -> None:
    """Play every step before ``number``."""
    for step in recording.steps():
        if step.number >= number:
            return
        sorter.step(step.inputs, RecordedEye(step.answers))
