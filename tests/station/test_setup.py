"""From files to settings: lanes, hazards, limits, and footage tables."""

from pathlib import Path

import pytest

from control.types import EjectorKind
from station import setup
from station.codebook import load_codebook
from station.config import Config, ConfigError, load_config
from station.ticks import read_ticks
from vision.types import FootageError

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(ROOT / "configs/sim.yaml")


def test_every_lane_of_every_bank_is_an_ejector_with_its_calibrated_place(config: Config) -> None:
    ejectors = setup.ejectors(config)
    assert sorted(ejector.output for ejector in ejectors) == list(range(49))
    lane = next(ejector for ejector in ejectors if ejector.output == 19)
    assert (lane.outlet, lane.left_mm, lane.right_mm, lane.distance_mm) == ("brass", 150.0, 200.0, 1200.0)
    flap = next(ejector for ejector in ejectors if ejector.output == 48)
    assert (flap.kind, flap.delay_ms) == (EjectorKind.flap, 60.0)


def test_the_codebook_s_hazards_stop_the_line_whatever_the_recipe_says(config: Config) -> None:
    materials = load_codebook()
    recipe = setup.recipe(
        config, ("CU-NO2", "BRASS-YEL", "AL-WROUGHT", "AL-CAST", "AL-UBC", "PWB", "BAT-OTHER", "BAT-LI"), materials
    )
    assert recipe.stop_labels == ("BAT-LI",)


def test_a_recipe_for_a_class_the_model_does_not_know_is_refused(config: Config) -> None:
    with pytest.raises(ConfigError, match="the model does not know"):
        setup.recipe(config, ("CU-NO2",), load_codebook())


def test_the_guard_knows_every_output_and_no_other(config: Config) -> None:
    assert setup.guard_limits(config).outputs == (1 << 49) - 1


def test_the_controller_has_to_be_the_calibrated_one(config: Config) -> None:
    identity = setup.expected_identity(config)
    assert (identity.outputs, identity.counter_bits, identity.ticks_per_mm) == (49, 32, 10.0)


def test_only_a_real_camera_makes_a_real_run(config: Config) -> None:
    assert setup.is_simulated(config)
    assert setup.is_simulated(load_config(ROOT / "configs/footage.yaml"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "cannot be read"),
        ("taken_ns,count\n1,2\n", "two rows at least"),
        ("taken_ns,count\n1,2\n3,x\n", "not two whole numbers"),
        ("taken_ns,count\n5,2\n3,4\n", "does not grow"),
        ("time,count\n1,2\n3,4\n", "expected the columns"),
    ],
)
def test_a_bad_tick_table_is_refused_in_words(tmp_path: Path, text: str | None, complaint: str) -> None:
    if text is not None:
        (tmp_path / "ticks.csv").write_text(text)
    with pytest.raises(FootageError, match=complaint):
        read_ticks(tmp_path)
