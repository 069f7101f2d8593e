"""One piece as the tracker remembers it, in millimetres upstream of the tracker's origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from vision.evidence import add
from vision.types import Evidence, Look, Piece, Shape, Sighting, Strip


class Place(NamedTuple):
    """An upright rectangle on the belt: ``first`` to ``last`` along it (mm, growing upstream), left to right."""

    first: float
    last: float
    left: float
    right: float

    @property
    def middle(self) -> tuple[float, float]:
        """Along and across, mm."""
        return ((self.first + self.last) / 2, (self.left + self.right) / 2)

    def is_far_from(self, other: Place, mm: float) -> bool:
        """More than ``mm`` of belt lie between the two."""
        first, last, left, right = self
        return other.first - last > mm or first - other.last > mm or other.left - right > mm or left - other.right > mm

    def shared_with(self, other: Place) -> float:
        """Share of this place that lies in the other one, 0..1."""
        along = min(self.last, other.last) - max(self.first, other.first)
        across = min(self.right, other.right) - max(self.left, other.left)
        if along <= 0 or across <= 0:
            return 0.0
        return along * across / max(self.area, 1e-9)

    @property
    def area(self) -> float:
        return (self.last - self.first) * (self.right - self.left)

    def moved(self, mm: float) -> Place:
        """Further upstream."""
        return Place(self.first + mm, self.last + mm, self.left, self.right)

    def grown(self, mm: float) -> Place:
        """Larger by ``mm`` on every side."""
        return Place(self.first - mm, self.last + mm, self.left - mm, self.right + mm)

    def joined(self, other: Place) -> Place:
        """The smallest place that holds both."""
        return Place(
            min(self.first, other.first),
            max(self.last, other.last),
            min(self.left, other.left),
            max(self.right, other.right),
        )


def place_of(sighting: Sighting, travelled_mm: float) -> Place:
    """Where a sighting lies when the belt has travelled so far since the tracker's origin."""
    middle = travelled_mm - sighting.downstream_mm
    half = sighting.length_mm / 2
    return Place(middle - half, middle + half, sighting.left_mm, sighting.right_mm)


@dataclass(slots=True)
class Track:
    """A piece in the making. ``place`` is the mean of its whole sightings, or all that cut ones showed together.

    ``wholes`` and ``parted`` count the frames in which it was one whole sighting, or several; ``doubts`` those in
    which it touched another.
    """

    id: int
    place: Place
    area_mm2: float
    evidence: Evidence
    wholes: int = 0
    sightings: int = 0
    parted: int = 0
    doubts: int = 0
    outline: tuple[Strip, ...] = ()
    shape: Shape | None = None
    _told: Piece | None = None

    def refine(self, seen: Place, sighting: Sighting) -> None:
        """Take in a sighting of this piece alone."""
        self._told = None
        self.sightings += 1
        self.doubts += sighting.touching
        if sighting.whole:
            self._average(seen, sighting.area_mm2)
            self.outline, self.shape = sighting.outline, sighting.shape
        elif self.wholes == 0:
            self.place = self.place.joined(seen)
            self.area_mm2 = max(self.area_mm2, sighting.area_mm2)

    def restart(self, seen: Place, sighting: Sighting) -> None:
        """Forget the place so far: it was that of several pieces."""
        self.wholes = self.parted = self.doubts = 0
        self.place, self.area_mm2 = seen, sighting.area_mm2
        self.outline, self.shape = (), None
        self.refine(seen, sighting)

    def keep(self) -> None:
        """Seen, but not alone: its place stays as it is."""
        self._told = None
        self.sightings += 1
        self.doubts += 1

    def learn(self, look: Look) -> None:
        """One more look at it."""
        self._told = None
        self.evidence = add(self.evidence, look)

    def rescale(self, factor: float) -> None:
        """Its middle lies ``factor`` times as far from the tracker's origin: the ticks of a millimetre changed."""
        self._told = None
        self.place = self.place.moved(self.place.middle[0] * (factor - 1))

    def piece(self, origin_tick: int, ticks_per_mm: float) -> Piece:
        """As the others see it; ``at`` needs the tick at which the tracker's origin passed the datum line.

        The same object until something about it changes, for it is asked for many times in every step.
        """
        if self._told is None:
            self._told = self._piece(origin_tick, ticks_per_mm)
        return self._told

    def _piece(self, origin_tick: int, ticks_per_mm: float) -> Piece:
        along, across = self.place.middle
        return Piece(
            id=self.id,
            at=origin_tick + round(along * ticks_per_mm),
            across_mm=across,
            left_mm=self.place.left,
            right_mm=self.place.right,
            length_mm=self.place.last - self.place.first,
            area_mm2=self.area_mm2,
            touching=2 * self.doubts > self.sightings,
            sightings=self.sightings,
            evidence=self.evidence,
            outline=self.outline,
            shape=self.shape,
        )

    def _average(self, seen: Place, area_mm2: float) -> None:
        self.wholes += 1
        share = 1 / self.wholes
        self.place = Place(*(old + (new - old) * share for old, new in zip(self.place, seen, strict=True)))
        self.area_mm2 += (area_mm2 - self.area_mm2) * share
