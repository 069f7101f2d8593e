"""The eye of a station whose model is a detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.station.redness import red_square, write_redness
from vision.detector import Detections, Detector
from vision.detector_eye import DetectorEye
from vision.geometry import straight_geometry
from vision.model_card import load_card
from vision.types import Frame, LookRequest

GEOMETRY = straight_geometry(0.5, 0.0, 0.0, 640, 512)


class Told:
    """A detector that says what it is told."""

    def __init__(self, *boxes: tuple[float, float, float, float]) -> None:
        self._boxes = np.array(boxes, np.float32).reshape(-1, 4)

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        shares = np.linspace(0.9, 0.6, len(self._boxes), dtype=np.float32)
        scores = np.log(np.stack([shares, 1 - shares], axis=1)) if len(shares) else np.empty((0, 2), np.float32)
        return Detections(self._boxes, scores, shares)


def shown(*boxes: tuple[float, float, float, float], fill: float = 0.5) -> DetectorEye:
    eye = DetectorEye(Told(*boxes), GEOMETRY, fill)
    eye.show(Frame(1, 0, None, red_square()))
    return eye


def test_a_box_is_a_sighting_in_millimetres_with_the_area_a_piece_fills() -> None:
    [found] = shown((100.0, 40.0, 160.0, 120.0)).find()
    assert (found.left_mm, found.right_mm, found.downstream_mm, found.length_mm) == (50.0, 80.0, 40.0, 40.0)
    assert found.area_mm2 == pytest.approx(0.5 * 30 * 40)
    assert found.whole
    assert not found.touching


def test_boxes_that_share_ground_touch_and_a_box_at_the_edge_is_not_whole() -> None:
    found = shown((100.0, 100.0, 160.0, 160.0), (140.0, 100.0, 200.0, 160.0), (600.0, 300.0, 640.0, 340.0)).find()
    assert [sighting.touching for sighting in found] == [True, True, False]
    assert [sighting.whole for sighting in found] == [True, True, False]


def test_a_look_is_what_the_detector_said_of_that_box_in_the_order_asked() -> None:
    eye = shown((10.0, 10.0, 50.0, 50.0), (200.0, 200.0, 250.0, 250.0))
    eye.find()
    looks = eye.look((LookRequest(7, 1), LookRequest(8, 0)))
    assert [look.piece_id for look in looks] == [7, 8]
    assert np.exp(looks[0].log_scores).tolist() == pytest.approx([0.6, 0.4])
    assert np.exp(looks[1].log_scores).tolist() == pytest.approx([0.9, 0.1])


def test_an_empty_belt_has_no_sightings() -> None:
    eye = shown()
    assert eye.find() == ()
    assert eye.look(()) == ()


def test_a_real_network_finds_a_piece_where_it_lies(tmp_path: Path) -> None:
    eye = DetectorEye(Detector(load_card(write_redness(tmp_path / "redness"))), GEOMETRY, 0.75)
    eye.show(Frame(1, 0, None, red_square()))
    found = eye.find()
    assert found
    assert all(120 < s.across_mm < 212 and 70 < s.downstream_mm < 162 for s in found)
    [look] = eye.look((LookRequest(1, 0),))
    assert np.argmax(look.log_scores) == 0
