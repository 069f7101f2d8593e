"""Masses from class, area and thickness, and what a scale corrects."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from hil.sprites.atlas import Sprite, load_atlas
from station.belt_scale import Weighing, fit_factors
from station.cli import app
from station.codebook import load_codebook
from station.mass import PRIORS, ClassTotal, MassPrior, PriorsRefused, estimate, of_class, read_priors, summed, total
from station.mass_truth import Weighed, compare
from station.training.mass_fit import fit_prior

SHEET = MassPrior(7850.0, 2.0, 0.0, 0.4)
BULKY = MassPrior(2640.0, 8.0, 0.5, 0.3, factor_sd=0.2)


def seen_mm2(sprite: Sprite) -> float:
    return float((sprite.image[..., 3] > 127).sum()) * sprite.mm_per_px**2


def within(sprite: Sprite, prior: MassPrior, spreads: float) -> bool:
    said = of_class(prior, seen_mm2(sprite))
    return abs(said.mass_g - sprite.mass_g) <= spreads * said.sd_g


def test_a_sheet_without_spread_weighs_density_times_volume() -> None:
    found = of_class(SHEET._replace(spread=0.0), 3000.0)
    assert found == pytest.approx((7850 * 3000 * 2 * 1e-6, 0.0))


def test_mean_and_spread_are_those_of_drawn_pieces() -> None:
    rng = np.random.default_rng(4)
    prior = BULKY._replace(factor=1.3)
    thickness = 8.0 * math.sqrt(2.5) * np.exp(rng.normal(0, 0.3, 400_000))
    factor = 1.3 * (1 + 0.2 * rng.standard_normal(400_000))
    drawn = 2640.0 * 2500.0 * 1e-6 * thickness * factor
    found = of_class(prior, 2500.0)
    assert found.mass_g == pytest.approx(drawn.mean(), rel=0.005)
    assert found.sd_g == pytest.approx(drawn.std(), rel=0.01)


def test_doubt_about_the_class_adds_to_the_spread() -> None:
    light, heavy = SHEET, SHEET._replace(thickness_mm=6.0)
    unsure = estimate((light, heavy), (0.5, 0.5), 1000.0)
    sure = of_class(heavy, 1000.0)
    assert unsure is not None
    assert unsure.mass_g == pytest.approx((of_class(light, 1000.0).mass_g + sure.mass_g) / 2)
    assert unsure.sd_g / unsure.mass_g > sure.sd_g / sure.mass_g


def test_a_class_without_a_prior_has_no_mass() -> None:
    assert estimate((None, SHEET), (0.6, 0.4), 1000.0) is None
    assert estimate((None, SHEET), (0.4, 0.6), 1000.0) == of_class(SHEET, 1000.0)


def test_many_pieces_are_known_better_than_one_but_never_better_than_what_they_share() -> None:
    one = of_class(BULKY, 1000.0)
    many = total({"AL-CAST": summed([one] * 10_000, BULKY.factor_sd)}, {"AL-CAST": BULKY.factor_sd})
    assert many.mass_g == pytest.approx(10_000 * one.mass_g)
    assert many.sd_g / many.mass_g == pytest.approx(0.2, rel=0.01)
    assert many.sd_g / many.mass_g < one.sd_g / one.mass_g


@given(
    st.lists(st.tuples(st.floats(1e3, 1e6), st.floats(1e3, 1e6), st.floats(0.5, 2.0)), min_size=1, max_size=5),
    st.floats(0.005, 0.05),
)
def test_the_corrected_sum_meets_the_scale_within_its_error(
    rows: list[tuple[float, float, float]], scale_share: float
) -> None:
    weighings = [
        Weighing((a + b) * share, (a + b) * scale_share, {"A": ClassTotal(a, 1.0), "B": ClassTotal(b, 1.0)})
        for a, b, share in rows
    ]
    assume(max(share for *_, share in rows) / min(share for *_, share in rows) < 1.02)
    factors = fit_factors(weighings, {"A": 0.3, "B": 0.3})
    said = sum(weighing.scale_g for weighing in weighings)
    corrected = sum(
        found.mass_g * factors[label].factor for weighing in weighings for label, found in weighing.estimated.items()
    )
    before = sum(found.mass_g for weighing in weighings for found in weighing.estimated.values())
    assert abs(corrected - said) <= 2.5 * scale_share * said
    assert abs(corrected - said) <= abs(before - said) + 0.02 * said
    assert all(factor.factor > 0 and 0 < factor.sd <= 0.3 + 1e-9 for factor in factors.values())


def test_weighings_of_different_mixtures_tell_the_classes_apart() -> None:
    rng = np.random.default_rng(2)
    weighings = []
    for _ in range(40):
        a, b = rng.uniform(1e4, 1e5, 2)
        scale = 1.4 * a + 0.8 * b
        weighings.append(
            Weighing(scale + rng.normal(0, 500), 500.0, {"A": ClassTotal(a, 1e5), "B": ClassTotal(b, 1e5)})
        )
    factors = fit_factors(weighings, {"A": 0.4, "B": 0.4, "C": 0.25})
    assert factors["A"].factor == pytest.approx(1.4, abs=4 * 1.4 * factors["A"].sd)
    assert factors["B"].factor == pytest.approx(0.8, abs=4 * 0.8 * factors["B"].sd)
    assert factors["A"].sd < 0.01
    assert factors["C"] == pytest.approx((1.0, 0.25))


def test_a_scale_that_is_hardly_trusted_moves_hardly_anything() -> None:
    factors = fit_factors([Weighing(2000.0, 2000.0, {"A": ClassTotal(1000.0, 1.0)})], {"A": 0.1})
    assert 1 < factors["A"].factor < 1.01
    assert factors["A"].sd == pytest.approx(0.1, rel=0.01)


def test_without_weighings_nothing_is_corrected() -> None:
    factors = fit_factors([], {"A": 0.3, "B": 0.0})
    assert factors["A"] == pytest.approx((1.0, 0.3))
    assert factors["B"] == (1.0, 0.0)


def test_the_shipped_priors_are_of_the_codebook_and_fit_the_rendered_objects_they_were_made_from() -> None:
    priors = read_priors()
    assert set(priors) <= set(load_codebook())
    ratios = {}
    sprites = [sprite for sprite in load_atlas().sprites if sprite.split != "test"]
    for label in {sprite.label for sprite in sprites}:
        found = [sprite for sprite in sprites if sprite.label == label]
        ratios[label] = fit_prior(found, priors[label]).thickness_mm / priors[label].thickness_mm
        assert sum(within(sprite, priors[label], 2) for sprite in found) / len(found) > 0.9
    assert ratios == pytest.approx(dict.fromkeys(ratios, 1), rel=0.25)


def test_objects_kept_for_testing_weigh_what_the_priors_say_within_their_spread() -> None:
    priors = read_priors()
    kept = [sprite for sprite in load_atlas().sprites if sprite.split == "test"]
    assert sum(within(sprite, priors[sprite.label], 1) for sprite in kept) / len(kept) > 0.68
    assert sum(within(sprite, priors[sprite.label], 2) for sprite in kept) / len(kept) > 0.9
    said = sum(of_class(priors[sprite.label], seen_mm2(sprite)).mass_g for sprite in kept)
    assert said / sum(sprite.mass_g for sprite in kept) == pytest.approx(1, abs=0.25)


def test_the_fit_finds_the_prior_that_pieces_were_drawn_from() -> None:
    rng = np.random.default_rng(8)
    sprites = []
    for _ in range(400):
        side = int(rng.integers(20, 120))
        image = np.full((side, side, 4), 255, np.uint8)
        size = side * side * 0.25 / 1000
        thickness = 3.0 * size**0.5 * math.exp(0.4 * rng.standard_normal())
        mass_g = 2640 * size * 1000 * thickness * 1e-6
        sprites.append(Sprite("", "", "AL-CAST", "", "", "train", 0.0, 0.5, 5.0, mass_g, image))
    found = fit_prior(sprites, BULKY)
    assert (found.density_kg_m3, found.growth) == (2640.0, 0.5)
    assert found.thickness_mm == pytest.approx(3.0, rel=0.08)
    assert found.spread == pytest.approx(0.4, abs=0.04)


def test_the_table_is_rewritten_for_rendered_classes_only(tmp_path: Path) -> None:
    table = tmp_path / "priors.csv"
    table.write_text(PRIORS.read_text().replace("CU-NO2,8940,2.06", "CU-NO2,8940,9.99"))
    done = CliRunner().invoke(app, ["mass-priors", "--table", str(table)])
    assert done.exit_code == 0, done.output
    fresh, shipped = read_priors(table), read_priors()
    assert fresh["CU-NO2"].thickness_mm == pytest.approx(shipped["CU-NO2"].thickness_mm, rel=0.25)
    assert fresh["PB-METAL"] == shipped["PB-METAL"]
    assert list(fresh) == list(shipped)


def test_a_damaged_table_of_priors_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "priors.csv"
    path.write_text("class_id,density_kg_m3,thickness_mm,growth,spread,factor_sd,source\nX,-1,1,0,0.1,0.1,guess\n")
    with pytest.raises(PriorsRefused, match=r"priors\.csv .*X: a number is out of bounds"):
        read_priors(path)


def test_masses_are_compared_piece_by_piece_where_the_pieces_lie() -> None:
    true = (Weighed(1000, 100.0, 10.0), Weighed(5000, 200.0, 40.0), Weighed(9000, 300.0, 1000.0))
    said = (Weighed(5040, 205.0, 60.0, 15.0), Weighed(1010, 101.0, 9.0, 2.0), Weighed(9000, 500.0, 7.0, 1.0))
    found = compare(said, true, 10.0)
    assert found.matched == 2
    assert found.sum_error == pytest.approx(69 / 50 - 1)
    assert (found.within_1_sd, found.within_2_sd) == (0.5, 1.0)
    assert compare(said, (), 10.0).median_error is None
