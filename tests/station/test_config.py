"""Settings files: every error at once, each with its place and what to do."""

import shutil
from pathlib import Path

import pytest

from station.config import ConfigError, load_config

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CONFIGS, tmp_path / "configs"))


def change(folder: Path, old: str, new: str, name: str = "sim.yaml") -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


def errors(folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(folder / "sim.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_station_loads(path: Path) -> None:
    if "calibration" not in path.name:
        assert len(load_config(path).digest) == 64


def test_all_errors_are_listed_at_once_with_line_and_column(folder: Path) -> None:
    change(folder, "port: 8080", "port: 99999")
    change(folder, "decision_mm:", "decision_mn:")
    found = errors(folder)
    assert len(found) == 3
    assert found[0].endswith("sim.yaml:9:3  web.port  Input should be less than or equal to 65535, found 99999")
    assert any("sorting.decision_mn  unknown key; did you mean 'decision_mm'?" in line for line in found)
    assert any("sorting.decision_mm  is missing; add it" in line for line in found)


def test_errors_in_the_files_it_names_are_listed_too(folder: Path) -> None:
    change(folder, "ticks_per_mm: 10.0", "ticks_per_mm: -1", "sim-calibration.yaml")
    change(folder, "min_confidence: 0.6}", "min_confidence: 1.6}", "recipes/three-metals.yaml")
    found = errors(folder)
    assert "sim-calibration.yaml:4:1  ticks_per_mm" in found[0]
    assert "three-metals.yaml:6:3" in found[1] or "rules.0.min_confidence" in found[1]


def test_a_rule_for_an_outlet_without_ejectors_is_refused(folder: Path) -> None:
    change(folder, "outlet: brass, min_confidence", "outlet: zinc, min_confidence", "recipes/three-metals.yaml")
    assert "no bank ejects there" in errors(folder)[0]


def test_a_decision_line_behind_the_first_bank_is_refused(folder: Path) -> None:
    change(folder, "decision_mm: 560.0", "decision_mm: 1100.0")
    assert "move it upstream" in errors(folder)[0]


def test_a_missing_file_and_broken_yaml_say_what_is_wrong(folder: Path) -> None:
    (folder / "sim-calibration.yaml").unlink()
    change(folder, "rules:", "rules: [", "recipes/three-metals.yaml")
    found = errors(folder)
    assert "cannot be read (no such file or directory)" in found[0]
    assert "is not valid YAML" in found[1]


def test_references_that_blow_up_are_refused_and_not_unfolded(folder: Path) -> None:
    layers = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    (folder / "sim.yaml").write_text("a0: &a0 [x]\n" + layers)
    assert "unfold to too many values" in errors(folder)[0]


def test_the_digest_changes_with_any_of_the_files(folder: Path) -> None:
    before = load_config(folder / "sim.yaml").digest
    change(folder, 'version: "1"', 'version: "2"', "recipes/three-metals.yaml")
    assert load_config(folder / "sim.yaml").digest != before


def test_shifts_and_the_time_zone_are_checked(folder: Path) -> None:
    text = "reporting:\n  time_zone: Mars/Base\n  shifts:\n  - {name: early, begins: '06:00', ends: '24:00'}\nbanks:"
    change(folder, "banks:", text)
    found = errors(folder)
    assert any("reporting.time_zone" in line and "no time zone 'Mars/Base'" in line for line in found)
    assert any("reporting.shifts.0.ends" in line for line in found)
