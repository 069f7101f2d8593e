"""A recording of the shipped footage, made once, with the truth about it, for what-ifs to be tried on."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from station.config import load_config
from station.offline import record_footage
from station.recording.reader import Recording, open_recording
from station.whatif.changes import Change, parse_change
from station.whatif.trial import Subject, Trial
from vision.labels import Label, read_labels

ROOT = Path(__file__).parents[3]
FOOTAGE = ROOT / "tests" / "recordings" / "first-belt"
STATION = ROOT / "configs" / "footage.yaml"


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="whatif-test-")


@cache
def recorded() -> Recording:
    path = Path(_folder().name) / "belt.mcap"
    record_footage(load_config(STATION), path)
    return open_recording(path)


def labels() -> tuple[Label, ...]:
    return read_labels(FOOTAGE / "labels.csv")


def subject(known: tuple[Label, ...] | None = None) -> Subject:
    return Subject(recorded(), known)


def changes(*texts: str) -> list[Change]:
    return [parse_change(text) for text in texts]


def trial(*texts: str, known: tuple[Label, ...] | None = None) -> Trial:
    return subject(known).try_out(changes(*texts))
