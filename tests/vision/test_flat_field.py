"""Uneven light is measured once and taken out of the crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.vision.scene import square
from vision.finder import Finder, FinderSettings
from vision.flat_field import FlatField, FlatFieldRefused, fit_flat_field, load_flat_field, save_flat_field

WIDTH = 640
LAMP = 1 - 0.5 * np.linspace(-1, 1, WIDTH) ** 2


def board(level: float = 180.0) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A white board under a lamp that is half as bright at the edges, with a stain on it."""
    picture = np.repeat((level * LAMP)[None, :, None], 200, axis=0).repeat(3, axis=2)
    picture[80:120, 300:340] = 20
    return picture.astype(np.uint8)


def test_a_board_looks_even_after_the_correction_made_from_it() -> None:
    field = fit_flat_field([board()])
    even = field.corrected(board()[:60, 40:600], 40, 600, WIDTH).astype(float)
    assert even.std() / even.mean() < 0.03
    assert field.brightness()[32] > 1.5 * field.brightness()[1]


def test_a_shrunk_crop_is_corrected_as_the_whole_picture_is() -> None:
    field = fit_flat_field([board()])
    crop = board()[:64, 0:128:2]
    assert np.ptp(field.corrected(crop, 0, 128, WIDTH)[0, 4:-4, 1]) <= 8


def test_a_correction_survives_its_file(tmp_path: Path) -> None:
    field = fit_flat_field([board(), board()])
    save_flat_field(field, tmp_path / "light.json")
    assert load_flat_field(tmp_path / "light.json") == field


@pytest.mark.parametrize(
    "text", ["", "{}", '{"gains_bgr": [[1, 2]]}', '{"gains_bgr": []}', '{"gains_bgr": [[1, 1, 99]]}']
)
def test_a_file_that_is_no_correction_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "light.json").write_text(text, encoding="utf-8")
    with pytest.raises(FlatFieldRefused, match="make it anew"):
        load_flat_field(tmp_path / "light.json")


@pytest.mark.parametrize(("level", "why"), [(3.0, "too dark"), (255.0, "over-exposed")])
def test_a_picture_that_cannot_tell_is_refused(level: float, why: str) -> None:
    with pytest.raises(FlatFieldRefused, match=why):
        fit_flat_field([np.full((200, WIDTH, 3), level, np.uint8)])


def test_a_lane_in_half_the_light_is_asked_for_half_the_contrast() -> None:
    belt = np.full((256, 512, 3), 40, np.uint8)
    belt[:, 256:] = 20
    rng = np.random.default_rng(1)
    belts = [np.clip(belt + rng.normal(0, 1.0, belt.shape), 0, 255).astype(np.uint8) for _ in range(30)]
    faint = belts[-1].copy()
    x, y = square(360, 100, 60)[0]
    faint[y : y + 60, x : x + 60] += 8
    field = FlatField(tuple((1.0, 1.0, 1.0) if lane < 32 else (2.0, 2.0, 2.0) for lane in range(64)))
    found = []
    for lanes in (None, field.brightness()):
        finder = Finder(FinderSettings(lane_light=lanes))
        for one in belts:
            finder.learn(one)
        found.append(len(finder.find(faint)))
    assert found == [0, 1]
