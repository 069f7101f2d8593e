"""A watched eye answers as the one behind it does, and tells its looks to whoever keeps up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.station.redness import red_square
from vision.crop import CropSpec, crop
from vision.geometry import straight_geometry
from vision.types import Blob, Box, Frame, Look, LookRequest, Outlines, Sighting
from vision.watched_eye import CandidateCrop, Taken, WatchedEye

SPEC, WIDE = CropSpec(32, 1.2, 10.0), CropSpec(48, 1.5, 10.0)
BOX = Box(300, 200, 64, 64)


class Inner:
    """One sighting, one opinion."""

    def show(self, frame: Frame) -> None:
        self.image = frame.image

    def outlines(self) -> Outlines:
        return ((1, 2, 3, 4),)

    def find(self) -> tuple[Sighting, ...]:
        corners = np.array([[[300, 200]], [[363, 200]], [[363, 263]], [[300, 263]]], np.int32)
        return (straight_geometry(0.5, 0, 0, 640, 512).place(Blob(BOX, 4096.0, corners, False)),)

    def look(self, requests: Sequence[LookRequest]) -> tuple[Look, ...]:
        return tuple(Look(request.piece_id, (-0.1, -2.0)) for request in requests)


class Reader:
    def __init__(self, room: int = 99, gone: bool = False) -> None:
        self.taken: list[Taken] = []
        self.wanted: list[CandidateCrop] = []
        self._room = room
        self._gone = gone
        self.asked = 0

    def send(self, message: object) -> bool:
        self.asked += 1
        if self._gone:
            raise ConnectionError("gone")
        if len(self.taken) >= self._room:
            return False
        if isinstance(message, CandidateCrop):
            self.wanted.append(message)
        else:
            assert isinstance(message, Taken)
            self.taken.append(message)
        return True

    def receive(self) -> list[object]:
        return []


def watched(reader: Reader, wide: CropSpec | None = None) -> tuple[Look, ...]:
    eye = WatchedEye(Inner(), (SPEC, wide), 0.5, reader)
    eye.show(Frame(1, 0, None, red_square()))
    assert len(eye.find()) == 1
    first = eye.look((LookRequest(7, 0),))
    return first + eye.look((LookRequest(7, 0), LookRequest(8, 0)))


def test_looks_pass_unchanged_and_are_told_with_their_crop() -> None:
    reader = Reader()
    looks = watched(reader)
    assert looks == (Look(7, (-0.1, -2.0)), Look(7, (-0.1, -2.0)), Look(8, (-0.1, -2.0)))
    assert [taken.piece_id for taken in reader.taken] == [7, 7, 8]
    assert np.array_equal(reader.taken[0].crop, crop(red_square(), BOX, SPEC, 0.5))
    assert reader.wanted == []


def test_a_candidate_s_own_crops_are_cut_its_own_way() -> None:
    reader = Reader()
    watched(reader, WIDE)
    assert [wanted.piece_id for wanted in reader.wanted] == [7, 7, 8]
    assert np.array_equal(reader.wanted[0].crop, crop(red_square(), BOX, WIDE, 0.5))


def test_a_crop_too_large_for_the_link_is_not_sent() -> None:
    reader = Reader()
    watched(reader, CropSpec(300, 1.5, 10.0))
    assert len(reader.taken) == 3
    assert reader.wanted == []


def test_a_reader_without_room_or_that_is_gone_changes_no_answer() -> None:
    full, gone = Reader(room=1), Reader(gone=True)
    assert watched(full) == watched(gone) == watched(Reader())
    assert len(full.taken) == 1
    assert gone.asked == 1
