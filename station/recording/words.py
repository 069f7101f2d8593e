"""Words of the black box: what a recording holds, in the order it happened.

A recording is a list of *entries*. Each stretch of it opens with a ``Begin`` (a sorter started, or its state was
written down in the middle of a run); ``Step`` after ``Step`` follow; a ``Gap`` says that steps are missing, so that
nothing can be proved until the next ``Begin``; ``Finish`` is the end of a run. Pictures lie between the steps that saw
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from station.sorter import SorterSettings
from station.types import Inputs, Outputs, PieceRecord
from vision.types import FrameStamp, Look, LookRequest, Sighting


class RecordingUnreadable(Exception):  # noqa: N818 - refused things are named as facts
    """A file is no recording of ours, or none that this version can read; the text says what to do."""


class Why(StrEnum):
    """Why a stretch begins: a new sorter started, the file goes on from another, or steps were missing before."""

    started = "started"
    continued = "continued"
    after_gap = "after_gap"


class EyeAnswers(NamedTuple):
    """What the eye answered in one step. ``found`` is None when the frame was not searched.

    ``asked`` and ``looks``: the requests of the step and their answers, in the order they were given.
    """

    found: tuple[Sighting, ...] | None
    asked: tuple[LookRequest, ...]
    looks: tuple[Look, ...]


NOTHING_SEEN = EyeAnswers(None, (), ())


@dataclass(frozen=True, slots=True)
class Begin:
    """A stretch begins here, at ``at_ns``. ``step`` is the number of its first step.

    ``state`` None: a new sorter was made of ``settings`` and ``latched``. Else it is the sorter itself as bytes (see
    ``snapshot.thaw``), because the stretch begins in the middle of a run.
    """

    at_ns: int
    step: int
    why: Why
    settings: SorterSettings
    latched: tuple[tuple[str, str], ...]
    state: bytes | None


class Step(NamedTuple):
    """One step. ``said`` is the canonical text of the outputs, ``outputs`` its value."""

    number: int
    inputs: Inputs
    answers: EyeAnswers
    said: bytes
    outputs: Outputs


class Gap(NamedTuple):
    """``steps`` steps are missing here: the recorder could not keep up, or was not running."""

    steps: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The run ended: ``sorter.finish(now_ns)`` closed these pieces."""

    now_ns: int
    records: tuple[PieceRecord, ...]


class KeptFrame(NamedTuple):
    """A picture that was kept: ``encoded`` is a file of ``format`` ("jpeg" or "png"), full size, BGR when decoded."""

    stamp: FrameStamp
    format: str
    encoded: bytes


Entry = Begin | Step | Gap | Finish | KeptFrame


@dataclass(frozen=True, slots=True)
class About:
    """Where a recording comes from. ``utc_offset_ns`` plus a monotonic instant is UTC in nanoseconds since 1970."""

    run: str
    station: str
    software: str
    model_sha256: str
    config_sha256: str
    utc_offset_ns: int
    is_simulated: bool


class Attachment(NamedTuple):
    """A file that the run was made with, as it was: ``name`` as in ``layout``, ``media_type`` such as text/yaml."""

    name: str
    media_type: str
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()
