"""Words of the seeing room: frames, blobs, sightings, looks, and the seams they pass through.

Nothing here imports numpy at run time, so that the control process can share these words and stay small.
Lengths are millimetres on the belt. *Downstream* is the direction of travel, *across* is measured from the belt's
left edge looking downstream. ``at`` (elsewhere) is always ticks of the belt encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class CameraLost(Exception):  # noqa: N818 - lost things are named as facts
    """The camera is gone; the text says what was seen and what to do."""


class FootageError(Exception):
    """Recorded footage cannot be played; the text says which file is wrong and what to do."""


class ModelRefused(Exception):  # noqa: N818 - refused things are named as facts
    """A model does not match its card; the text says which check failed, what was expected and found."""


class Box(NamedTuple):
    """Upright rectangle in pixels of the full-size picture."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture.

    ``captured_ns`` is the monotonic instant of mid-exposure; ``tick`` is the camera's own trigger count, None when the
    tick has to be interpolated from encoder readings; ``image`` is uint8, (height, width, 3), BGR. The image may be a
    view of shared memory: it is valid until the next ``read``.
    """

    seq: int
    captured_ns: int
    tick: int | None
    image: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Blob:
    """Something that is not belt: ``contour`` is int32 (n, 1, 2) in full-size pixels; ``touching``: several in one."""

    box: Box
    area_px: float
    contour: NDArray[np.int32]
    touching: bool


Outlines = tuple[tuple[int, ...], ...]
"""Polygons for people to look at, each x, y, x, y, ... in full-size pixels; () where only a box is known."""


class Strip(NamedTuple):
    """A piece between two lines along the belt: from ``left_mm`` to ``right_mm`` across, its outline reaches from
    ``rear_mm`` to ``front_mm``, both measured downstream from the piece's centre (``rear_mm`` is mostly negative).
    """

    left_mm: float
    right_mm: float
    rear_mm: float
    front_mm: float


class Shape(NamedTuple):
    """The smallest rectangle around a piece at any angle: ``length_mm`` is its longer side, ``angle_deg`` that side's
    turn from across the belt, -90..90, positive when its right end lies downstream.
    """

    length_mm: float
    width_mm: float
    angle_deg: float


class Sighting(NamedTuple):
    """One piece in one frame, in belt coordinates relative to the datum line at the instant of capture.

    ``length_mm`` is the extent along the belt, ``left_mm`` and ``right_mm`` bound it across. ``whole`` is False when
    the picture's edge cuts the outline. ``outline`` is the true outline in strips of about 10 mm, from left to right.
    """

    downstream_mm: float
    across_mm: float
    left_mm: float
    right_mm: float
    length_mm: float
    area_mm2: float
    touching: bool
    whole: bool
    box: Box
    outline: tuple[Strip, ...] = ()
    shape: Shape | None = None


class LookRequest(NamedTuple):
    """Please classify sighting number ``sighting`` of the frame in hand for this piece."""

    piece_id: int
    sighting: int


class Look(NamedTuple):
    """One calibrated classification: natural-log probabilities in the order of the model's labels."""

    piece_id: int
    log_scores: tuple[float, ...]


class Evidence(NamedTuple):
    """What all looks at one piece add up to: their number and the sum of their log scores per label."""

    looks: int
    log_sum: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece on the belt. ``at`` is the tick at which its centre passes the datum line; it never moves.

    ``outline`` is that of the last sighting of the whole piece alone, ``shape`` belongs to it; () and None before.
    """

    id: int
    at: int
    across_mm: float
    left_mm: float
    right_mm: float
    length_mm: float
    area_mm2: float
    touching: bool
    sightings: int
    evidence: Evidence
    outline: tuple[Strip, ...] = ()
    shape: Shape | None = None


class FrameStamp(NamedTuple):
    """A frame without its picture: what the sorter is told about it."""

    seq: int
    captured_ns: int
    tick: int | None


class Camera(Protocol):
    """Seam: where pictures come from."""

    def open(self) -> None:
        """Connect; raises CameraLost with a sentence for the operator."""

    def read(self, timeout_ms: int) -> Frame | None:
        """Newest frame not yet read, or None after ``timeout_ms``. Raises CameraLost when the device is gone."""

    @property
    def dropped(self) -> int:
        """Frames that were captured and overwritten before anyone read them, since ``open``."""

    @property
    def finished(self) -> bool:
        """True when recorded footage has been played to its end; never true for a live camera."""

    def close(self) -> None: ...


class Eye(Protocol):
    """Seam: what the sorter may ask about the frame in hand."""

    def find(self) -> tuple[Sighting, ...]:
        """Everything on the belt in the frame in hand."""

    def look(self, requests: Sequence[LookRequest]) -> tuple[Look, ...]:
        """Classify the requested sightings; may answer fewer than asked (most urgent first) when time is short."""


class Port(Protocol):
    """One end of a message link between processes. Neither verb ever blocks."""

    def send(self, message: object) -> bool:
        """True when the message is on its way; False when the reader is too slow and nothing was sent."""

    def receive(self) -> list[object]:
        """All messages that have arrived; raises ConnectionError when the other end is gone."""
