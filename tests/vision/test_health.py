"""Pictures that must not be trusted are told from good ones."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.vision.scene import belt, disc, lay
from vision.health import HealthSettings, PictureHealth


def codes(health: PictureHealth, image: NDArray[np.uint8], moved: bool = True) -> list[str]:
    return [code for code, _ in health.see(image, moved)]


def recoded(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def test_a_moving_belt_is_a_good_picture_with_pieces_and_without() -> None:
    health = PictureHealth(HealthSettings())
    for step in range(30):
        picture = lay(belt(step * 7), [(disc(300, 100 + step * 7, 60), (90, 120, 180))])
        assert codes(health, picture) == []


def test_the_same_picture_five_times_is_frozen_while_the_belt_moves() -> None:
    health = PictureHealth(HealthSettings())
    picture = belt(0)
    assert [codes(health, picture) for _ in range(6)] == [[]] * 5 + [["camera-frozen"]]
    assert codes(health, belt(40)) == []


def test_the_same_picture_encoded_again_is_frozen_too() -> None:
    health = PictureHealth(HealthSettings())
    found = [codes(health, recoded(belt(0), 80 + step)) for step in range(8)]
    assert found[-1] == ["camera-frozen"]


def test_a_stopped_belt_is_not_a_frozen_camera() -> None:
    health = PictureHealth(HealthSettings())
    assert all(codes(health, belt(0), moved=False) == [] for _ in range(20))


def test_black_pictures_are_told_after_five() -> None:
    health = PictureHealth(HealthSettings())
    health.see(belt(0), True)
    found = [codes(health, np.full((512, 640, 3), 4, np.uint8)) for _ in range(5)]
    assert [("picture-black" in codes) for codes in found] == [False] * 4 + [True]


def test_three_times_the_gain_is_overexposed_even_on_a_dark_belt() -> None:
    health = PictureHealth(HealthSettings())
    for step in range(5):
        assert codes(health, belt(step * 9)) == []
    bright = [np.clip(belt(step * 9).astype(int) * 3, 0, 255).astype(np.uint8) for step in range(5, 10)]
    assert [codes(health, picture) for picture in bright][-1] == ["picture-overexposed"]


def test_a_burnt_out_picture_needs_no_comparison() -> None:
    health = PictureHealth(HealthSettings())
    found = [codes(health, np.full((512, 640, 3), 255, np.uint8)) for _ in range(5)]
    assert found[-1] == ["picture-overexposed"]
