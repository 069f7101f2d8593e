"""What the recorder is told: how much it may keep, where, and what the run is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from station.recording.words import About, Attachment


class Frames(StrEnum):
    """Which pictures are kept: none, those of the last seconds for the case that something happens, or all."""

    off = "off"
    flight = "flight"
    all = "all"


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """``max_bytes`` of recordings in the folder, ``min_free_bytes`` of disk are left to the records.

    ``keep_s`` and ``keep_bytes`` bound what the flight recorder holds in memory; ``after_s`` is how long it goes on
    after something happened. Of the pictures that were searched every ``nth`` is kept; with ``unsearched`` every nth
    of all. ``rotate_s`` is how long one file gets, ``retry_s`` how long nothing is tried after the disk was full.
    """

    max_bytes: int = 20_000_000_000
    min_free_bytes: int = 1_000_000_000
    frames: Frames = Frames.flight
    keep_s: float = 60.0
    keep_bytes: int = 400_000_000
    after_s: float = 10.0
    nth: int = 1
    unsearched: bool = False
    jpeg_quality: int = 85
    lossless: bool = False
    rotate_s: float = 600.0
    retry_s: float = 60.0


@dataclass(frozen=True, slots=True)
class PicturesChoice:
    """The shared-memory ring that holds the frames."""

    ring: str
    shape: tuple[int, int, int]
    slots: int


@dataclass(frozen=True, slots=True)
class RecorderSetup:
    """Everything the recorder process needs. ``file`` names one file for the whole run; else files rotate in
    ``folder``. ``pictures`` is None where there are none to keep."""

    folder: Path
    file: Path | None
    about: About
    attachments: tuple[Attachment, ...]
    settings: RecordingSettings
    pictures: PicturesChoice | None


class KeepThis(NamedTuple):
    """A person saw something: keep the last minute and the next seconds."""

    by: str


class RecorderNews(NamedTuple):
    """What the recorder says about itself once a second. ``stopped`` is the reason when nothing is recorded.

    ``bytes_per_s`` of this run's recording; ``days_kept``: how far back recordings will reach, incidents and all;
    ``days_left``: until the oldest has to go.
    ``has_memory``: the last minute can be kept.
    """

    file: str
    stopped: str
    used_bytes: int
    bytes_per_s: float
    days_kept: float | None
    days_left: float | None
    steps: int
    steps_missed: int
    frames: int
    frames_missed: int
    incidents: int
    has_memory: bool
