"""Which sighting is which piece: on the belt's own ruler nothing moves, so the same place is the same piece."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot
from typing import NamedTuple

from vision.evidence import no_evidence
from vision.track import Place, Track, place_of
from vision.types import Look, Piece, Sighting

_INSIDE = 0.6
_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """``labels``: how many the model tells apart. ``first_id``: number of the first piece.
    ``gate_mm``: how far the middle of a whole piece may seem to move.

    ``part_after``: after so many frames, and more than it was seen as one, something seen in parts is several pieces.
    """

    labels: int
    first_id: int = 1
    gate_mm: float = 15.0
    part_after: int = 2


class _Seen(NamedTuple):
    """One sighting of the frame in hand and its place."""

    place: Place
    sighting: Sighting
    number: int


class Tracker:
    """All pieces on the belt. It is told ticks that never jump; the same story at other ticks gives the same ids."""

    def __init__(self, settings: TrackerSettings) -> None:
        self._settings = settings
        self._tracks: dict[int, Track] = {}
        self._next_id = settings.first_id
        self._origin: int | None = None
        self._ticks_per_mm = 1.0

    def see(self, tick: int, ticks_per_mm: float, sightings: Sequence[Sighting]) -> tuple[int, ...]:
        """The id of the piece each sighting belongs to; ``tick`` is that of the capture, ``ticks_per_mm`` above 0.

        One sighting that covers several pieces carries the id of the nearest; several of one piece all carry its id.
        A piece that proves to be part of another disappears from ``pieces``.
        """
        travelled = self._travelled(tick, ticks_per_mm)
        seen = sorted(_Seen(place_of(s, travelled), s, n) for n, s in enumerate(sightings))
        near = self._near(seen)
        owners = self._match(seen, near)
        alone = [one for one in seen if one.number in owners]
        spare = [track for track in near if track.id not in set(owners.values())]
        parts: dict[int, list[_Seen]] = {}
        for one in seen:
            if one.number in owners:
                continue
            covered, holder = _covered(one, spare), _holder(one, near)
            if covered:
                owners[one.number] = covered[0].id
                for track in covered:
                    track.keep()
                spare = [track for track in spare if track not in covered]
            elif holder is not None:
                owners[one.number] = holder.id
                parts.setdefault(holder.id, []).append(one)
            else:
                owners[one.number] = self._create(one).id
        self._refine(alone, owners, spare, parts)
        return tuple(owners[number] for number in range(len(sightings)))

    def add(self, look: Look) -> None:
        """A look at a piece that may be gone by now."""
        track = self._tracks.get(look.piece_id)
        if track is not None:
            track.learn(look)

    def piece(self, piece_id: int) -> Piece:
        """Raises KeyError when there is no such piece, or none any more."""
        return self._tracks[piece_id].piece(self._origin or 0, self._ticks_per_mm)

    def pieces(self) -> tuple[Piece, ...]:
        """All open pieces by id."""
        origin = self._origin or 0
        return tuple([track.piece(origin, self._ticks_per_mm) for track in self._tracks.values()])

    def close(self, piece_id: int) -> None:
        """Forget a piece that has left; unknown ids are ignored."""
        self._tracks.pop(piece_id, None)

    def _travelled(self, tick: int, ticks_per_mm: float) -> float:
        """Millimetres since the first tick; a changed scale moves the tracks so that their ticks stay."""
        if self._origin is None:
            self._origin, self._ticks_per_mm = tick, ticks_per_mm
        if ticks_per_mm != self._ticks_per_mm:
            for track in self._tracks.values():
                track.rescale(self._ticks_per_mm / ticks_per_mm)
            self._ticks_per_mm = ticks_per_mm
        return (tick - self._origin) / ticks_per_mm

    def _near(self, seen: Sequence[_Seen]) -> list[Track]:
        """The tracks within reach of anything seen."""
        if not seen:
            return []
        first = min(one.place.first for one in seen) - self._settings.gate_mm
        last = max(one.place.last for one in seen) + self._settings.gate_mm
        return [t for t in self._tracks.values() if t.place.last >= first and t.place.first <= last]

    def _match(self, seen: Sequence[_Seen], near: Sequence[Track]) -> dict[int, int]:
        """Sighting number to piece id, one to one, nearest first."""
        pairs = []
        for rank, one in enumerate(seen):
            for track in near:
                if one.place.is_far_from(track.place, self._settings.gate_mm):
                    continue
                distance = _distance(one, track, self._settings.gate_mm)
                if distance is not None:
                    pairs.append((distance, track.id, rank))
        owners: dict[int, int] = {}
        taken: set[int] = set()
        for _, piece_id, rank in sorted(pairs):
            number = seen[rank].number
            if number not in owners and piece_id not in taken:
                owners[number] = piece_id
                taken.add(piece_id)
        return owners

    def _refine(
        self,
        alone: Sequence[_Seen],
        owners: dict[int, int],
        spare: Sequence[Track],
        parts: dict[int, list[_Seen]],
    ) -> None:
        """Take what was matched one to one into its tracks; ``spare`` tracks have no sighting of their own."""
        for one in alone:
            piece_id = owners[one.number]
            if piece_id in parts:
                parts[piece_id].insert(0, one)
            elif piece_id in self._tracks:
                self._take(self._tracks[piece_id], one, _covered(one, spare))
        for piece_id, some in parts.items():
            if piece_id in self._tracks:
                self._part(self._tracks[piece_id], some, owners)

    def _take(self, track: Track, one: _Seen, covered: Sequence[Track]) -> None:
        """A sighting of its own, unless it covers other pieces too: those never seen whole were only parts of it."""
        for other in covered:
            if one.sighting.whole and other.wholes == 0:
                self.close(other.id)
            else:
                other.keep()
        if any(other.wholes for other in covered):
            track.keep()
        else:
            track.refine(one.place, one.sighting)

    def _part(self, track: Track, some: list[_Seen], owners: dict[int, int]) -> None:
        """Several sightings, or a part only, where one piece was known."""
        track.keep()
        if len(some) < 2:
            return
        track.parted += 1
        if track.parted < self._settings.part_after or track.parted <= track.wholes:
            return
        track.restart(some[0].place, some[0].sighting)
        for one in some[1:]:
            owners[one.number] = self._create(one).id

    def _create(self, one: _Seen) -> Track:
        track = Track(self._next_id, one.place, one.sighting.area_mm2, no_evidence(self._settings.labels))
        self._next_id += 1
        self._tracks[track.id] = track
        track.refine(one.place, one.sighting)
        return track


def _distance(one: _Seen, track: Track, gate_mm: float) -> float | None:
    """How far apart the middles are, or, where one is cut, how little they overlap; None beyond the gate."""
    along, across = one.place.middle
    track_along, track_across = track.place.middle
    apart = hypot(along - track_along, across - track_across)
    if one.sighting.whole and track.wholes:
        return apart if apart <= gate_mm else None
    overlap = max(one.place.shared_with(track.place.grown(gate_mm)), track.place.shared_with(one.place.grown(gate_mm)))
    return gate_mm * (2 - overlap) + apart / 1e6 if overlap >= _OVERLAP else None


def _covered(one: _Seen, tracks: Iterable[Track]) -> list[Track]:
    """The tracks that lie mostly inside the sighting, nearest first."""
    along, across = one.place.middle
    inside = (track for track in tracks if track.place.shared_with(one.place) >= _INSIDE)
    return sorted(inside, key=lambda t: (hypot(t.place.middle[0] - along, t.place.middle[1] - across), t.id))


def _holder(one: _Seen, tracks: Iterable[Track]) -> Track | None:
    """The track whose place holds most of the sighting, if any holds most of it."""
    shares = [(one.place.shared_with(track.place), -track.id, track) for track in tracks]
    best = max(shares, key=lambda share: share[:2], default=None)
    return best[2] if best is not None and best[0] >= _INSIDE else None
