"""Uneven light is measured by the station's own camera and named in its calibration."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from station import setup
from station.config import load_config
from station.light import measure_light
from vision.flat_field import FlatFieldRefused

CONFIGS = Path(__file__).parents[2] / "configs"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WIDTH, HEIGHT, FRAMES = 320, 128, 4


def station(tmp_path: Path, levels: float) -> Path:
    """A station file that plays a belt whose light falls to half from left to right."""
    lamp = np.linspace(levels, levels / 2, WIDTH)
    picture = np.repeat(lamp[None, :, None], HEIGHT, axis=0).repeat(3, axis=2).astype(np.uint8)
    rows = ["file,captured_ns"]
    (tmp_path / "belt").mkdir()
    for n in range(FRAMES):
        cv2.imwrite(str(tmp_path / "belt" / f"{n}.jpg"), picture)
        rows.append(f"{n}.jpg,{n * 10_000_000}")
    (tmp_path / "belt" / "frames.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    calibration = (CONFIGS / "footage-calibration.yaml").read_text(encoding="utf-8")
    (tmp_path / "calibration.yaml").write_text(calibration, encoding="utf-8")
    text = (CONFIGS / "footage.yaml").read_text(encoding="utf-8")
    text = text.replace("calibration: footage-calibration.yaml", "calibration: calibration.yaml")
    text = text.replace("../tests/recordings/first-belt", "belt").replace("../data/footage", "data")
    text = text.replace("../models", str(CONFIGS.parent / "models")).replace("recipes/", f"{CONFIGS / 'recipes'}/")
    (tmp_path / "station.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "station.yaml"


def test_the_light_is_measured_named_in_the_calibration_and_used_from_the_next_start(tmp_path: Path) -> None:
    file = station(tmp_path, 200.0)
    before = (tmp_path / "calibration.yaml").read_text(encoding="utf-8")
    light = measure_light(load_config(file), FRAMES, NOW)
    lanes = light.field.brightness()
    assert lanes[1] / lanes[-2] == pytest.approx(2, rel=0.1)
    assert light.kept is not None
    assert light.kept.read_text(encoding="utf-8") == before
    assert setup.flat_field(load_config(file)) == light.field
    assert setup.finder_settings(load_config(file)).lane_light == lanes


def test_measured_again_only_the_correction_is_replaced(tmp_path: Path) -> None:
    file = station(tmp_path, 200.0)
    measure_light(load_config(file), FRAMES, NOW)
    named = (tmp_path / "calibration.yaml").read_text(encoding="utf-8")
    again = measure_light(load_config(file), FRAMES, NOW)
    assert again.kept is None
    assert (tmp_path / "calibration.yaml").read_text(encoding="utf-8") == named


def test_light_that_cannot_be_corrected_changes_nothing(tmp_path: Path) -> None:
    file = station(tmp_path, 6.0)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(FlatFieldRefused, match="too dark"):
        measure_light(load_config(file), FRAMES, NOW)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
