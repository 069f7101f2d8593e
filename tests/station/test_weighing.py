"""A station's masses: what the records sum to, and what its belt scale corrects from the next start on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from station.cli import app
from station.config import Config, ConfigError, load_config
from station.mass import of_class, read_priors
from station.store import Store, StoreSettings
from station.weighing import correct, read_weighings, run_masses, station_priors
from tests.station.pieces import RUN, closed_piece

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CLOSED_UTC = "2027-01-15T08:00:06+00:00"
HEADER = "from_utc,to_utc,outlet,mass_kg,sd_kg\n"
DURING = "2027-01-15T08:00:00+00:00,2027-01-15T08:01:00+00:00"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    path = tmp_path / "configs/sim.yaml"
    path.write_text(path.read_text() + "\nmass:\n  weighings: ../scale.csv\n")
    return tmp_path


def record(site: Path, pieces: int) -> float:
    """Copper pieces in the records; returns what the priors say they weigh together, grams."""
    store = Store.open(site / "data/sim/records.sqlite", StoreSettings(0.01))
    store.begin_run(RUN)
    store.append(replace(closed_piece(n), scores=(1.0, 0.0)) for n in range(pieces))
    store.close()
    return pieces * of_class(read_priors()["CU-NO2"], closed_piece(1).piece.area_mm2).mass_g


def config(site: Path) -> Config:
    return load_config(site / "configs/sim.yaml")


def test_the_scale_s_total_moves_the_class_it_weighed_and_no_other(site: Path) -> None:
    said_g = record(site, 400)
    (site / "scale.csv").write_text(f"{HEADER}{DURING},copper,{said_g * 1.25 / 1000:.4f},{said_g * 0.01 / 1000:.4f}\n")

    before, found = station_priors(config(site)), correct(config(site), "Ada", NOW)

    after = station_priors(config(site))
    assert found.factors["CU-NO2"].factor == pytest.approx(1.25, rel=0.02)
    assert after["CU-NO2"].factor == pytest.approx(found.factors["CU-NO2"].factor, abs=1e-5)
    assert after["CU-NO2"].factor_sd < 0.1 < before["CU-NO2"].factor_sd
    assert after["FE-SHRED"] == before["FE-SHRED"]


def test_correcting_twice_with_the_same_list_changes_nothing_and_keeps_the_one_before(site: Path) -> None:
    said_g = record(site, 50)
    (site / "scale.csv").write_text(f"{HEADER}{DURING},all,{said_g * 1.1 / 1000:.4f},0.01\n")
    assert correct(config(site), "Ada", NOW).factors == correct(config(site), "Bob", NOW).factors
    assert [path.name for path in (site / "data/sim").glob("mass-factors-*")] == [
        "mass-factors-2026-11-22T08-00-00+00-00.json"
    ]


def test_a_weighing_of_another_outlet_or_time_finds_no_pieces_and_is_refused(site: Path) -> None:
    record(site, 5)
    for line in (f"{DURING},brass,1,0.1", "2020-01-01T00:00:00,2020-01-02T00:00:00,copper,1,0.1"):
        (site / "scale.csv").write_text(f"{HEADER}{line}\n")
        with pytest.raises(ConfigError, match="no recorded piece falls into any weighing"):
            correct(config(site), "Ada", NOW)


@pytest.mark.parametrize("line", ["2027-01-15,2027-01-14,copper,1,0.1", f"{DURING},copper,1,0", f"{DURING},copper"])
def test_a_line_that_is_no_weighing_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "scale.csv").write_text(f"{HEADER}{line}\n")
    with pytest.raises(ConfigError, match=r"scale\.csv:2  is no weighing"):
        read_weighings(tmp_path / "scale.csv")


def test_a_run_s_masses_add_up_and_pieces_without_one_are_counted(site: Path) -> None:
    store = Store.open(site / "records.sqlite", StoreSettings(0.01))
    store.begin_run(RUN)
    store.append([closed_piece(1, mass_g=30.0), closed_piece(2, mass_g=10.0), closed_piece(3, mass_g=None)])
    store.append([closed_piece(4, "AL-CAST", outlet="brass", mass_g=60.0)])
    store.close()
    found = run_masses(site / "records.sqlite", RUN.uuid, {}, "rest")
    assert (found["copper"].kg, found["brass"].kg, found["all"].kg) == (0.04, 0.06, 0.1)
    assert found["copper"].unweighed == found["all"].unweighed == 1
    assert found["all"].sd_kg == pytest.approx((15**2 + 5**2 + 30**2) ** 0.5 / 1000, abs=1e-4)


def test_the_command_needs_a_name_and_says_what_it_learnt(site: Path) -> None:
    said_g = record(site, 100)
    (site / "scale.csv").write_text(f"{HEADER}{DURING},copper,{said_g * 0.9 / 1000:.4f},0.02\n")
    path = str(site / "configs/sim.yaml")
    assert CliRunner().invoke(app, ["mass", path]).exit_code == 2
    done = CliRunner().invoke(app, ["mass", path, "--by", "Ada"])
    assert done.exit_code == 0, done.output
    assert "From 1 weighings" in done.output
